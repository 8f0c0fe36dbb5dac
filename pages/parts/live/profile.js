// Lines over something other than training time, taken from the picture that is shown: they move with the scrubber.

import { LineCard, decades } from "./axes.js";
import { make } from "./canvas.js";
import { ticks } from "./numbers.js";

export class ProfilePanel extends LineCard {
  constructor(view, panel) {
    super(view, panel, panel.lines);
    this.over = null;
    this.canvas.addEventListener("pointermove", ({ offsetX }) => this.point(offsetX));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    this.element.classList.add("tl-profile");
    if (panel.x_label) this.foot.append(make("span", { class: "tl-axis", text: `→ ${panel.x_label}` }));
  }

  point(over) {
    this.over = over;
    this.view.redraw();
  }

  state() {
    const { view } = this;
    return [view.theme.id, this.over, ...view.feeds.map((feed) => `${feed.key}.${view.pictureOf(feed)?.serial}`)];
  }

  /** What is drawn: per line and run its places and values, as far as both are there. */
  lines() {
    const { view, panel, entries } = this;
    return view.feeds.flatMap((feed, run) => {
      const arrays = view.pictureOf(feed)?.arrays ?? {};
      const xs = Array.isArray(panel.x) ? panel.x : (arrays[panel.x]?.data ?? []);
      return entries.map((entry) => {
        const { data, shape } = arrays[entry.array] ?? {};
        if (!data) return null;
        const across = shape.at(-1);
        const begin = (entry.row ?? 0) * across;
        const ys = data.subarray(begin, begin + across);
        return { entry, run, xs, ys, count: Math.min(xs.length, ys.length) };
      }).filter((line) => line?.count);
    });
  }

  paint(theme) {
    const lines = this.lines();
    this.waiting(!lines.length, lines.length ? "" : this.waitingFor(this.view.feeds[0]));
    this.tint(theme);
    const context = this.wiped();
    if (!this.frame()) return;
    this.lay(lines);
    this.take(this.range(lines));
    this.drawGrid(context, theme, this.marks());
    this.drawReferences(context, theme);
    const traced = lines.map((line) => ({ ...line, pieces: this.pieces(line) }));
    const { left, right, top, bottom } = this.box;
    context.save();
    context.beginPath();
    context.rect(left, top - 1, right - left, bottom - top + 2);
    context.clip();
    for (const line of traced) this.drawLine(context, theme, line);
    context.restore();
    this.nameReferences(context, theme, traced);
    this.readOut(context, theme, lines);
  }

  /** The x-axis over all places of all lines. */
  lay(lines) {
    const { left, right } = this.box;
    const log = Boolean(this.panel.log_x);
    const places = lines.flatMap(({ xs, count }) => Array.from(xs.slice(0, count)))
      .filter((x) => Number.isFinite(x) && (!log || x > 0));
    let [low, high] = places.length ? [Math.min(...places), Math.max(...places)] : [log ? 1 : 0, log ? 10 : 1];
    if (low === high) [low, high] = log ? [low / 2, 2 * high] : [low - 0.5, high + 0.5];
    const raise = log ? Math.log10 : (x) => x;
    this.across = { low, high, log };
    this.x = (x) => left + ((raise(x) - raise(low)) / (raise(high) - raise(low))) * (right - left);
  }

  marks() {
    const { low, high, log } = this.across;
    const { speech } = this.view;
    const { left, right } = this.box;
    if (log) return decades(low, high).map((x) => ({ x: this.x(x), text: speech.tick(x, x) }));
    const { values, step } = ticks(low, high, Math.min(6, Math.max(2, Math.floor((right - left) / 90))));
    return values.map((x) => ({ x: this.x(x), text: speech.tick(x, step) }));
  }

  range(lines) {
    const log = Boolean(this.panel.log_y);
    const sample = [];
    for (const { ys, count } of lines) {
      for (let index = 0; index < count; index += 1) {
        if (Number.isFinite(ys[index]) && (!log || ys[index] > 0)) sample.push(ys[index]);
      }
    }
    return this.scaleOf(sample, Math.min(...sample), Math.max(...sample), log);
  }

  /** Runs of neighbouring points; what is not a number is a gap. */
  pieces({ xs, ys, count }) {
    const pieces = [[]];
    for (let index = 0; index < count; index += 1) {
      const [x, y] = [xs[index], ys[index]];
      const known = Number.isFinite(x) && Number.isFinite(y) && (!this.across.log || x > 0);
      if (!known) {
        if (pieces.at(-1).length) pieces.push([]);
        continue;
      }
      const place = this.place(y);
      pieces.at(-1).push({ x: this.x(x), y: place, upper: place, lower: place });
    }
    return pieces;
  }

  /** At the pointer: the nearest place, and every line's value there. */
  readOut(context, theme, lines) {
    const { speech } = this.view;
    for (const { values } of this.entries) values.forEach((_, run) => this.write(values, run, " "));
    let said = "";
    for (const { entry, run, xs, ys, count } of lines) {
      if (this.over === null) break;
      let nearest = -1;
      for (let index = 0; index < count; index += 1) {
        const apart = Math.abs(this.x(xs[index]) - this.over);
        if (nearest < 0 || apart < Math.abs(this.x(xs[nearest]) - this.over)) nearest = index;
      }
      const [x, y] = [xs[nearest], ys[nearest]];
      said = `${this.panel.x_label ?? "x"} ${speech.brief(x)}`;
      this.write(entry.values, run, speech.value(y));
      if (!Number.isFinite(y) || !Number.isFinite(this.x(x))) continue;
      context.beginPath();
      context.arc(this.x(x), this.place(y), 3, 0, 2 * Math.PI);
      context.fillStyle = this.colour(theme, entry.hue, run);
      context.fill();
      context.strokeStyle = theme.paper;
      context.lineWidth = 1.2;
      context.stroke();
    }
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const { speech, runs } = this.view;
    const shown = this.view.shownStep();
    const values = this.lines().map(({ entry, run, xs, ys, count }) => {
      const known = Array.from({ length: count }, (_, index) => index).filter((index) => Number.isFinite(ys[index]));
      if (!known.length) return "";
      const at = (index) => `${speech.value(ys[index])} (${speech.brief(xs[index])})`;
      return `${runs.length > 1 ? `${runs[run].label} ` : ""}${entry.label} ${at(known[0])} … ${at(known.at(-1))}`;
    });
    const fields = { title: this.panel.title, step: shown === null ? "–" : speech.count(shown) };
    return speech.say("alt_curves", { ...fields, values: values.filter(Boolean).join(", ") });
  }
}
