// Many strategies over steps: a mean with its Student-t band for each, named at the end of its own line. One of them
// can be looked at, with pointer or keys; the others step back. What lies behind the scrubber is faint.

import { STROKES, ArmLegend, armColour, lookAt, lookedAt } from "./arms.js";
import { ROOM } from "./axes.js";
import { make } from "./canvas.js";
import { CurvesPanel } from "./curves.js";
import { Evaluations, between, valueAt } from "./evaluations.js";
import { EndNames } from "./names.js";
import { wholePercents } from "./numbers.js";
import { css, rgb } from "./theme.js";

const NEAR_PX = 22;
const FILLED = 0.4;

export class BandsPanel extends CurvesPanel {
  constructor(view, panel, slot) {
    super(view, panel);
    this.slot = slot;
    this.element.classList.add("tl-bands");
    this.evaluations = new Evaluations();
    this.names = new EndNames();
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  enter(lines) {
    this.legend = new ArmLegend(this.view, lines);
    if (!this.panel.plain) this.foot.append(this.legend.element);
    if (this.panel.note) this.foot.append(make("span", { class: "tl-counted", text: this.panel.note }));
    return lines;
  }

  entitle(label) {
    super.entitle(label === null ? null : `${this.panel.title} · ${label}`);
  }

  listen() {
    super.listen();
    const { canvas, view } = this;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => lookAt(view, null));
    canvas.addEventListener("blur", () => lookAt(view, null));
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  /** Names are pressed to keep their line in view; everything left of them is for scrubbing. */
  takes(event) {
    if (!this.box || event.offsetX <= this.box.right + 2) return false;
    const arm = this.names.at(event.offsetY);
    if (arm) this.view.choice.set({ arm: this.view.choice.arm === arm ? null : arm });
    return true;
  }

  /** Up and down choose the line above or below. */
  press(event) {
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const arm = move && this.names.beside(this.view.choice.arm, move);
    if (!arm) return;
    this.view.choice.set({ arm });
    event.preventDefault();
    event.stopPropagation();
  }

  point({ offsetX, offsetY }) {
    if (!this.box || this.held) return;
    const beyond = offsetX > this.box.right + 2;
    this.canvas.style.cursor = beyond ? "pointer" : "";
    if (beyond) this.view.hoverAt(null);
    lookAt(this.view, beyond ? this.names.at(offsetY) : this.nearest(offsetX, offsetY));
  }

  nearest(x, y) {
    const step = this.stepAt(x);
    const found = this.drawn
      ?.map(({ entry, points }) => ({ arm: entry.arm, far: Math.abs(this.y(between(points, step)) - y) }))
      .filter(({ far }) => far < NEAR_PX)
      .sort((one, other) => one.far - other.far);
    return found?.[0]?.arm ?? null;
  }

  state() {
    const { view, feed } = this;
    const { version, pointed } = view.choice;
    const known = feed ? `${feed.key}${feed.columns.version}.${feed.notes.length}.${feed.status?.status}` : "";
    return [view.theme.id, view.step, view.hovered, view.horizon(), version, pointed, known];
  }

  paint(theme) {
    const { view } = this;
    this.drawn = this.entries
      .filter(({ arm }) => !view.choice.off.includes(arm))
      .map((entry) => ({ entry, points: this.evaluations.of(this.feed, entry, this.panel.smooth) }))
      .filter(({ points }) => points.length);
    const some = this.entries.some((entry) => this.evaluations.of(this.feed, entry).length);
    this.waiting(!some, some ? "" : this.waitingFor(this.feed));
    this.legend.paint(theme);
    const context = this.wiped();
    this.lay(context, theme);
    if (this.box.right <= this.box.left || this.box.bottom <= this.box.top) return;
    const { left, right } = this.box;
    const horizon = view.horizon();
    this.x = (step) => left + (step / horizon) * (right - left);
    this.take(this.span());
    this.drawGrid(context, theme, this.xTicks(horizon));
    this.drawReferences(context, theme);
    this.drawNotes(context, theme);
    const looked = lookedAt(view.choice, this.drawn.map(({ entry }) => entry));
    this.drawLines(context, theme, looked);
    const floor = this.drawFloor(context, theme);
    const pieces = [...this.drawn.map((line) => this.pieceOf(line)), floor];
    this.nameReferences(context, theme, [{ pieces }]);
    this.drawSteps(context, theme);
    const { box, x, y, width } = this;
    const said = (value) => this.brief(value);
    this.names.paint(context, theme, { ends: this.shown(), looked, box, x, y, width, said });
    this.readOut();
  }

  /** The plot, left of its lines' names. */
  lay(context, theme) {
    const { width, height } = this;
    const right = width - this.names.room(context, theme, { labels: this.entries.map(({ label }) => label), width });
    this.box = { left: ROOM.left, right, top: ROOM.top, bottom: height - ROOM.bottom };
    this.wait.style.right = `${width - right}px`;
  }

  span() {
    const sample = [];
    for (const { points } of this.drawn) {
      for (const { value, low, high } of points) {
        for (const each of [value, low, high]) if (Number.isFinite(each)) sample.push(each);
      }
    }
    if (this.panel.percent) sample.forEach((value, at) => { sample[at] = Math.min(1, Math.max(0, value)); });
    const log = Boolean(this.panel.log);
    const known = log ? sample.filter((value) => value > 0) : sample;
    const range = this.scaleOf(known, Math.min(...known), Math.max(...known), log);
    return this.panel.percent ? { ...range, high: Math.min(1, range.high), low: Math.max(0, range.low) } : range;
  }

  pieceOf({ points }) {
    return points.map(({ step, value, low, high }) => {
      const known = Number.isFinite(low) && Number.isFinite(high);
      const [y, upper, lower] = [value, known ? high : value, known ? low : value].map((each) => this.place(each));
      return { x: this.x(step), y, upper, lower };
    });
  }

  /** First all of it faintly where the scrubber has not come yet, then its past in full. */
  drawLines(context, theme, looked) {
    const { left, right, top, bottom } = this.box;
    const shown = this.view.step === null ? right : Math.min(right, this.x(this.view.step));
    const ordered = [...this.drawn].sort((one, other) => (one.entry.arm === looked) - (other.entry.arm === looked));
    for (const [from, to, alpha] of [[left, shown, 1], [shown, right, 0.28]]) {
      if (to <= from) continue;
      context.save();
      context.beginPath();
      context.rect(from, top - 2, to - from + 1, bottom - top + 4);
      context.clip();
      for (const line of ordered) this.drawArm(context, theme, line, { looked, alpha });
      context.restore();
    }
  }

  drawArm(context, theme, line, { looked, alpha }) {
    const { entry } = line;
    const piece = this.pieceOf(line);
    const colour = rgb(armColour(theme, entry));
    const chosen = looked === entry.arm;
    const muted = looked !== null && !chosen;
    if (!muted) {
      context.fillStyle = css(colour, alpha * (chosen ? 0.24 : Math.min(0.16, FILLED / this.drawn.length)));
      context.beginPath();
      for (const { x, upper } of piece) context.lineTo(x, upper);
      for (const { x, lower } of [...piece].reverse()) context.lineTo(x, lower);
      context.fill();
    }
    context.strokeStyle = css(colour, alpha * (muted ? 0.22 : 1));
    context.lineWidth = chosen ? 2.6 : 1.6;
    context.lineJoin = "round";
    context.setLineDash(STROKES[entry.dash % STROKES.length]);
    context.beginPath();
    for (const { x, y } of piece) context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
    if (piece.length === 1 || (chosen && this.panel.dots)) {
      context.fillStyle = context.strokeStyle;
      for (const { x, y } of piece) {
        context.beginPath();
        context.arc(x, y, 2.4, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  /**
   * What so many images can tell apart: one standard error of a share, up and down from the middle of the lines.
   * @returns the place that its words take, as a piece of a line
   */
  drawFloor(context, theme) {
    const { count, label } = this.panel.floor ?? {};
    const values = this.shown().map(({ value }) => value).filter(Number.isFinite);
    if (!count || !values.length) return [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const error = Math.sqrt((mean * (1 - mean)) / count);
    const { left, right, bottom } = this.box;
    const tall = Math.max(2, Math.abs(this.y(mean - error) - this.y(mean + error)));
    const text = `± ${this.view.speech.fixed(100 * error, 1)} ${label}`;
    context.font = `10.5px ${theme.font}`;
    const wide = context.measureText(text).width;
    if (wide + 30 > right - left || tall > bottom - this.box.top - 20) return [];
    const [x, foot] = [right - wide - 14, bottom - 8];
    context.strokeStyle = theme.muted;
    context.lineWidth = 1;
    context.beginPath();
    for (const y of [foot, foot - tall]) {
      context.moveTo(x - 3, Math.round(y) + 0.5);
      context.lineTo(x + 3, Math.round(y) + 0.5);
    }
    context.moveTo(x, foot);
    context.lineTo(x, foot - tall);
    context.stroke();
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = css(theme.background, 0.86);
    context.fillRect(x + 6, foot - tall / 2 - 8, wide + 6, 15);
    context.fillStyle = theme.muted;
    const y = foot - tall / 2;
    context.fillText(text, x + 9, y);
    return [x - 3, right].map((place) => ({ x: place, y, upper: y - 8, lower: y + 8 }));
  }

  /** Every drawn line's evaluation at the step that is read: {entry, step, value, low, high}. */
  shown() {
    const step = this.view.readStep() ?? Infinity;
    return this.drawn.map(({ entry, points }) => ({ entry, ...(valueAt(points, step) ?? points[0]) }));
  }

  /** The scrubber's step and the pointer's, as vertical lines. */
  drawSteps(context, theme) {
    const { top, bottom } = this.box;
    for (const [step, colour] of [[this.view.step, theme.primary], [this.view.hovered, theme.faint]]) {
      if (step === null || step === undefined) continue;
      const x = Math.round(this.x(step)) + 0.5;
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.stroke();
    }
  }

  tickText(value, step) {
    if (!this.panel.percent) return super.tickText(value, step);
    return this.view.speech.share(value, wholePercents(step) ? 0 : 1);
  }

  referred(value) {
    return this.panel.percent ? this.view.speech.share(value, 0) : super.referred(value);
  }

  brief(value) {
    return this.panel.percent ? this.view.speech.share(value) : this.view.speech.value(value);
  }

  said({ value, low, high }) {
    const ends = Number.isFinite(low) ? ` (${this.brief(low)} – ${this.brief(high)})` : "";
    return `${this.brief(value)}${ends}`;
  }

  readOut() {
    const { speech, choice } = this.view;
    const arm = lookedAt(choice, this.drawn.map(({ entry }) => entry));
    const found = this.shown().find(({ entry }) => entry.arm === arm);
    const parts = [];
    if (found) parts.push(`${found.entry.label}: ${this.said(found)}`);
    if (found || this.view.hovered !== null) {
      parts.push(speech.say("step_short", { step: speech.count(this.view.hovered ?? found.step) }));
    }
    const said = parts.join(", ");
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const { speech } = this.view;
    const shown = this.view.shownStep();
    const values = (this.drawn ? this.shown() : [])
      .sort((one, other) => other.value - one.value)
      .map((found) => `${found.entry.label} ${this.said(found)}`);
    const fields = { title: this.panel.title, step: shown === null ? "–" : speech.count(shown) };
    return `${speech.say("alt_curves", { ...fields, values: values.join("; ") })} ${this.panel.note ?? ""}`.trim();
  }
}
