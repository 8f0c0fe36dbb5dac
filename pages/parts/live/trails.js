// What was learned against what was kept: every strategy walks over a plane of two accuracies, and its trail stays.

import { armColour, lookAt, lookedAt } from "./arms.js";
import { LineCard, ROOM } from "./axes.js";
import { make } from "./canvas.js";
import { ticks, wholePercents } from "./numbers.js";
import { css, rgb } from "./theme.js";

const REACH_PX = 16;
const NAME = { high: 14, reaches: [8, 18, 32, 48], turns: [0, 0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875] };
const DOT_PX = 4;

export class TrailsPanel extends LineCard {
  constructor(view, panel, slot) {
    super(view, panel, panel.arms);
    this.slot = slot;
    this.element.classList.add("tl-trails");
    const { canvas } = this;
    canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => lookAt(view, this.nearest(offsetX, offsetY)));
    canvas.addEventListener("pointerleave", () => lookAt(view, null));
    canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const arm = this.nearest(offsetX, offsetY);
      if (arm) view.choice.set({ arm: view.choice.arm === arm ? null : arm });
    });
    this.heads = [];
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  enter(arms) {
    this.foot.append(
      make("span", { text: `↑ ${this.panel.y_label}` }),
      make("span", { class: "tl-axis", text: `→ ${this.panel.x_label}` }),
    );
    return arms;
  }

  entitle(label) {
    super.entitle(label === null ? null : `${this.panel.title} · ${label}`);
  }

  state() {
    const { view, feed } = this;
    const { version, pointed } = view.choice;
    return [view.theme.id, view.step, view.hovered, version, pointed, feed && `${feed.key}${feed.columns.version}`];
  }

  /** A strategy's way: where it stood at each evaluation; empty where there is no old head to ask. */
  wayOf({ x, y }) {
    const curves = this.feed?.columns.curves;
    const [across, up] = [curves?.get(x), curves?.get(y)];
    const way = [];
    for (let row = 0; row < (up?.count ?? 0); row += 1) {
      const kept = across?.at(up.steps[row]);
      if (Number.isFinite(up.values[row]) && Number.isFinite(kept)) {
        way.push({ step: up.steps[row], x: kept, y: up.values[row] });
      }
    }
    return way;
  }

  nearest(x, y) {
    const apart = (points) => Math.min(...points.map((point) => Math.hypot(point.x - x, point.y - y)));
    const far = this.heads
      .map(({ arm, points }) => ({ arm, far: apart(points) }))
      .filter((each) => each.far < REACH_PX)
      .sort((one, other) => one.far - other.far);
    return far[0]?.arm ?? null;
  }

  paint(theme) {
    const { view } = this;
    const ways = this.entries
      .filter(({ arm }) => !view.choice.off.includes(arm))
      .map((entry) => ({ entry, way: this.wayOf(entry) }))
      .filter(({ way }) => way.length);
    this.waiting(!ways.length, ways.length ? "" : this.waitingFor(this.feed));
    const context = this.wiped();
    if (!this.frame()) return;
    this.box.right -= 6;
    const all = ways.flatMap(({ way }) => way);
    const [{ low, high }, up] = [this.spanOf(all.map(({ x }) => x)), this.spanOf(all.map(({ y }) => y))];
    const { left, right } = this.box;
    this.x = (value) => left + ((value - low) / (high - low || 1)) * (right - left);
    this.take(up);
    const marks = ticks(low, high, Math.max(2, Math.floor((right - left) / 140)));
    const across = marks.values.map((value) => ({ x: this.x(value), text: this.tickText(value, marks.step) }));
    this.drawGrid(context, theme, across);
    const looked = lookedAt(view.choice, ways.map(({ entry }) => entry));
    const until = view.readStep() ?? Infinity;
    this.heads = ways.map(({ entry, way }) => ({
      entry, arm: entry.arm, last: way.filter(({ step }) => step <= until).at(-1) ?? way[0],
      points: way.filter(({ step }, at) => !at || step <= until).map(({ x, y }) => ({ x: this.x(x), y: this.y(y) })),
    }));
    for (const head of this.heads) this.drawTrail(context, theme, head, looked);
    this.drawNames(context, theme, looked);
    this.readOut(looked);
  }

  tickText(value, step) {
    return this.view.speech.share(value, wholePercents(step) ? 0 : 1);
  }

  spanOf(values) {
    const range = this.scaleOf(values, Math.min(...values), Math.max(...values), false);
    return { ...range, low: Math.max(0, range.low), high: Math.min(1, range.high) };
  }

  drawTrail(context, theme, { entry, arm, points }, looked) {
    const colour = rgb(armColour(theme, entry));
    const muted = looked !== null && looked !== arm;
    context.lineWidth = looked === arm ? 2.4 : 1.4;
    context.lineCap = "round";
    for (let at = 1; at < points.length; at += 1) {
      // The way fades into the past.
      context.strokeStyle = css(colour, (muted ? 0.2 : 0.75) * (0.25 + 0.75 * (at / points.length)));
      context.beginPath();
      context.moveTo(points[at - 1].x, points[at - 1].y);
      context.lineTo(points[at].x, points[at].y);
      context.stroke();
    }
    context.lineCap = "butt";
    const { x, y } = points.at(-1);
    context.fillStyle = css(colour, muted ? 0.3 : 1);
    context.strokeStyle = theme.paper;
    context.lineWidth = 1.2;
    context.beginPath();
    context.arc(x, y, DOT_PX, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  /** Each name beside its dot, where it covers neither a dot nor another name; else it waits for the pointer. */
  drawNames(context, theme, looked) {
    const { left, right, top, bottom } = this.box;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const taken = this.heads.map(({ points }) => {
      const { x, y } = points.at(-1);
      return { x: x - DOT_PX, y: y - DOT_PX, wide: 2 * DOT_PX, high: 2 * DOT_PX };
    });
    const meets = (one, other) => one.x < other.x + other.wide && other.x < one.x + one.wide
      && one.y < other.y + other.high && other.y < one.y + one.high;
    const ordered = [...this.heads].sort((one, other) => (other.arm === looked) - (one.arm === looked));
    for (const { entry, arm, points } of ordered) {
      const strong = arm === looked;
      context.font = `${strong ? 600 : 400} 11.5px ${theme.font}`;
      const wide = context.measureText(entry.label).width + 2;
      const { x, y } = points.at(-1);
      const place = spotsAround(x, y, wide).find((spot) =>
        spot.x >= left && spot.x + wide <= right + ROOM.right + 4 && spot.y >= top - 8 && spot.y + NAME.high <= bottom
        && !taken.some((other) => meets(spot, other)));
      if (!place) continue;
      taken.push(place);
      const muted = looked !== null && !strong;
      const middle = { x: Math.min(Math.max(x, place.x), place.x + wide), y: place.y + NAME.high / 2 };
      if (Math.hypot(middle.x - x, middle.y - y) > 14) {
        context.strokeStyle = css(rgb(armColour(theme, entry)), muted ? 0.2 : 0.6);
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(middle.x, middle.y);
        context.stroke();
      }
      context.fillStyle = css(theme.background, 0.75);
      context.fillRect(place.x - 1, place.y + 1, wide + 2, NAME.high - 2);
      context.fillStyle = muted ? theme.faint : theme.text;
      context.fillText(entry.label, place.x, place.y + NAME.high / 2);
    }
  }

  said({ x, y }) {
    const { speech } = this.view;
    return speech.say("trail_at", { learned: speech.share(y), kept: speech.share(x) });
  }

  readOut(looked) {
    const found = this.heads.find(({ arm }) => arm === looked);
    const said = found ? `${found.entry.label}: ${this.said(found.last)}` : "";
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const { speech } = this.view;
    const shown = this.view.shownStep();
    const values = this.heads.map(({ entry, last }) => `${entry.label} ${this.said(last)}`);
    const fields = { title: this.panel.title, step: shown === null ? "–" : speech.count(shown) };
    return speech.say("alt_curves", { ...fields, values: values.join("; ") });
  }
}

/** Places for a name around a dot: near ones first, right and left before above and below. */
function spotsAround(x, y, wide) {
  return NAME.reaches.flatMap((reach) => NAME.turns.map((turn) => {
    const [across, down] = [Math.cos(2 * Math.PI * turn), Math.sin(2 * Math.PI * turn)];
    const left = x + reach * across - (across < -0.1 ? wide : across > 0.1 ? 0 : wide / 2);
    return { x: left, y: y + reach * down - NAME.high / 2, wide, high: NAME.high };
  }));
}
