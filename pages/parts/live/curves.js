// Numbers over steps: a line chart that grows while the run learns and costs no more than its pixels. What is not
// finite is flagged at the top edge, never hidden; what a number can mean is drawn behind it as reference lines.

import { LineCard } from "./axes.js";
import { ticks, upTo } from "./numbers.js";
import { Sums } from "./sums.js";
import { css, rgb } from "./theme.js";

const SAMPLE = 1500;
const SMOOTH_PX = 4;
const BAND_PX = 1.5;

export class CurvesPanel extends LineCard {
  constructor(view, panel) {
    super(view, panel, panel.columns.map((column) => ({ ...column, label: column.label ?? column.name })));
    this.sums = new WeakMap();
    this.listen();
  }

  listen() {
    const { canvas, view } = this;
    canvas.addEventListener("pointermove", (event) => {
      view.hoverAt(this.stepAt(event.offsetX));
      if (this.held) view.scrub(this.stepAt(event.offsetX));
    });
    canvas.addEventListener("pointerleave", () => view.hoverAt(null));
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.takes(event)) return;
      canvas.setPointerCapture(event.pointerId);
      this.held = true;
      view.scrub(this.stepAt(event.offsetX));
    });
    const release = () => {
      if (this.held) view.settle();
      this.held = false;
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
  }

  /** Whether a press means something else than the step under it. */
  takes() {
    return false;
  }

  /** The step under a place on the canvas. */
  stepAt(x) {
    const { left, right } = this.box ?? { left: 0, right: 1 };
    const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
    return Math.round(share * this.view.horizon());
  }

  curves() {
    return this.view.feeds.flatMap((feed, run) =>
      this.entries.map((entry) => ({ entry, run, curve: feed.columns.curves.get(entry.name) })),
    );
  }

  state() {
    const { view } = this;
    const feeds = view.feeds.map((feed) => `${feed.key}${feed.columns.version}.${feed.notes.length}`);
    return [view.theme.id, view.step, view.hovered, view.horizon(), ...feeds];
  }

  paint(theme) {
    const drawn = this.curves().filter(({ curve }) => curve?.count);
    this.waiting(!drawn.length);
    this.tint(theme);
    this.paintReadouts();
    const context = this.wiped();
    if (!this.frame()) return;
    const { left, right, top, bottom } = this.box;
    const horizon = this.view.horizon();
    this.x = (step) => left + (step / horizon) * (right - left);
    const version = this.view.feeds.map((feed) => `${feed.key}${feed.columns.version}`).join();
    if (this.scaledFor !== version) {
      this.scaledFor = version;
      this.ranged = this.range(drawn);
    }
    this.take(this.ranged);
    this.drawGrid(context, theme, this.xTicks(horizon));
    this.drawReferences(context, theme);
    this.drawNotes(context, theme);
    context.save();
    context.beginPath();
    context.rect(left, top - 1, right - left, bottom - top + 2);
    context.clip();
    const cut = drawn.map((item) => ({ ...item, ...this.columnsOf(item) }));
    const traced = cut.map((item) => ({ ...item, pieces: this.trace(item) }));
    for (const item of traced) this.drawBand(context, theme, item);
    for (const item of traced) this.drawLine(context, theme, item);
    context.restore();
    this.nameReferences(context, theme, traced);
    this.drawFlags(context, theme, traced);
    this.drawCursor(context, theme, drawn);
  }

  xTicks(horizon) {
    const { left, right } = this.box;
    const across = ticks(0, horizon, Math.min(6, Math.max(2, Math.floor((right - left) / 90))));
    return across.values.map((step) => ({ x: this.x(step), text: step ? this.view.speech.short.format(step) : "0" }));
  }

  /** The y-axis: all finite values, or nearly all where a few outliers would flatten the rest. */
  range(drawn) {
    const log = Boolean(this.panel.log);
    let [low, high] = [Infinity, -Infinity];
    const sample = [];
    for (const { curve } of drawn) {
      const all = curve.extent(0, curve.count);
      low = Math.min(low, all.low);
      high = Math.max(high, all.high);
      const stride = Math.max(1, Math.floor(curve.count / SAMPLE));
      for (let row = 0; row < curve.count; row += stride) {
        const value = curve.values[row];
        if (Number.isFinite(value) && (!log || value > 0)) sample.push(value);
      }
    }
    return this.scaleOf(sample, low, high, log);
  }

  drawNotes(context, theme) {
    const { top, bottom } = this.box;
    for (const { step } of this.panel.marks ?? []) this.drawMark(context, theme, Math.round(this.x(step)) + 0.5);
    for (const feed of this.view.feeds) {
      for (const { step, note } of feed.notes) {
        const x = Math.round(this.x(step)) + 0.5;
        context.strokeStyle = note === "diverged" ? theme.alarm : theme.faint;
        context.lineWidth = 1;
        context.setLineDash([1, 3]);
        context.beginPath();
        context.moveTo(x, top);
        context.lineTo(x, bottom);
        context.stroke();
        context.setLineDash([]);
        context.fillStyle = context.strokeStyle;
        context.beginPath();
        context.arc(x, bottom + 0.5, 2, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  /** Where a knob changed: a thin line, and a small wedge at the top. */
  drawMark(context, theme, x) {
    const { top, bottom } = this.box;
    context.strokeStyle = context.fillStyle = theme.primary;
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.beginPath();
    context.moveTo(x - 4, top - 5);
    context.lineTo(x + 4, top - 5);
    context.lineTo(x, top + 1);
    context.fill();
    context.globalAlpha = 1;
  }

  /** One curve cut into its pixel columns, with the extremes of each; says where it is not finite. */
  columnsOf({ curve }) {
    const { left, right } = this.box;
    const pixels = Math.max(1, Math.round(right - left));
    const horizon = this.view.horizon();
    const dense = curve.dense;
    const sparse = curve.count < 2 * pixels;
    const [columns, flags] = [[], []];
    let row = 0;
    while (row < curve.count) {
      const pixel = Math.floor((curve.steps[row] / horizon) * pixels);
      const end = sparse ? row + 1 : Math.max(row + 1, this.rowsUpTo(curve, row, ((pixel + 1) / pixels) * horizon));
      const x = (this.x(curve.steps[row]) + this.x(curve.steps[end - 1])) / 2;
      const { low, high, infinite, missing } = curve.extent(row, end);
      if (infinite) flags.push({ x, text: "∞" });
      else if (missing && dense) flags.push({ x, text: "NaN" });
      if (high > this.scale.high * (1 + 1e-9)) flags.push({ x, text: "↑" });
      const broken = low > high && (infinite || dense);
      if (broken || low <= high) columns.push({ x, begin: row, end, low, high, broken });
      if (curve.holes.length && curve.tornAfter(end - 1)) columns.push({ x, begin: row, end, low, high, broken: true });
      row = end;
    }
    return { columns, flags };
  }

  /** The curve as the eye takes it in: a line of means over a few pixels, and around it how far values reach. */
  trace({ curve, columns }) {
    if (!this.sums.has(curve)) this.sums.set(curve, new Sums(this.panel.log));
    const sums = this.sums.get(curve).grown(curve);
    const smooth = this.panel.whole ? 0 : SMOOTH_PX;
    const pieces = [[]];
    let [from, to] = [0, 0];
    columns.forEach((column, index) => {
      if (column.broken) {
        pieces.push([]);
        return;
      }
      while (column.x - columns[from].x > smooth) from += 1;
      to = Math.max(to, index);
      while (to + 1 < columns.length && columns[to + 1].x - column.x <= smooth) to += 1;
      let { low, high } = column;
      for (const side of [-1, 1]) {
        for (let near = index + side; Math.abs((columns[near]?.x ?? Infinity) - column.x) <= BAND_PX; near += side) {
          if (columns[near].broken) break;
          low = Math.min(low, columns[near].low);
          high = Math.max(high, columns[near].high);
        }
      }
      const mean = sums.mean(curve, columns[from].begin, columns[to].end);
      const [y, upper, lower] = [mean, high, low].map((value) => this.place(value));
      pieces.at(-1).push({ x: column.x, y, upper, lower });
    });
    return pieces;
  }

  drawBand(context, theme, { entry, run, pieces }) {
    // Bands of several runs lie over one another: together they are not to weigh more than that of one.
    const alpha = 0.25 / this.view.feeds.length ** 0.75;
    context.fillStyle = css(rgb(this.colour(theme, entry.hue, run)), alpha);
    for (const piece of pieces) {
      context.beginPath();
      for (const { x, upper } of piece) context.lineTo(x, upper);
      for (let index = piece.length - 1; index >= 0; index -= 1) context.lineTo(piece[index].x, piece[index].lower);
      context.fill();
    }
  }

  rowsUpTo(curve, row, limit) {
    // Most pixels hold about as many rows as the one before: gallop instead of searching the whole curve.
    let reach = 16;
    while (row + reach < curve.count && curve.steps[row + reach] < limit) reach *= 2;
    const end = Math.min(curve.count, row + reach);
    return row + upTo(curve.steps.subarray(row, end), limit - 1e-6);
  }

  /** Where values are not finite or leave the chart: a bar along the top edge in the curve's colour, and a sign. */
  drawFlags(context, theme, drawn) {
    const { top, left, right } = this.box;
    const groups = [];
    const all = drawn.flatMap(({ entry, run, flags }) =>
      flags.map((flag) => ({ ...flag, colour: this.colour(theme, entry.hue, run) })),
    );
    for (const { x, text, colour } of all.sort((one, other) => one.x - other.x)) {
      context.fillStyle = colour;
      context.fillRect(Math.max(left, x - 1), top - 2, 2, 3);
      const group = groups.at(-1);
      if (group && x - group.x < 34) group.signs.add(text);
      else groups.push({ x, signs: new Set([text]) });
    }
    context.font = `600 10.5px ${theme.font}`;
    context.textBaseline = "alphabetic";
    for (const { x, signs } of groups) {
      const broken = signs.has("NaN") || signs.has("∞");
      if (broken) signs.delete("↑");
      context.textAlign = x > right - 20 ? "right" : "center";
      context.fillStyle = broken ? theme.alarm : theme.muted;
      context.fillText([...signs].join(" "), Math.min(x, right), top - 4);
    }
  }

  /** The scrubber's place, and the pointer's: a vertical line with a dot on every curve. */
  drawCursor(context, theme, drawn) {
    const { view } = this;
    const { top, bottom } = this.box;
    for (const [step, strong] of [[view.shownStep(), true], [view.hovered, false]]) {
      if (step === null || step === undefined) continue;
      if (strong && view.step === null && view.hovered === null) continue;
      const x = Math.round(this.x(step)) + 0.5;
      context.strokeStyle = strong ? theme.primary : theme.faint;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.stroke();
    }
    const step = view.readStep();
    if (step === null) return;
    for (const { entry, run, curve } of drawn) {
      const value = curve.at(step);
      if (!Number.isFinite(value) || (this.scale.log && value <= 0)) continue;
      const [x, y] = [this.x(Math.min(step, curve.lastStep)), this.y(value)];
      if (y < top - 2 || y > bottom + 2) continue;
      context.beginPath();
      context.arc(x, y, 2.8, 0, 2 * Math.PI);
      context.fillStyle = this.colour(theme, entry.hue, run);
      context.fill();
      context.strokeStyle = theme.paper;
      context.lineWidth = 1.2;
      context.stroke();
    }
  }

  /** Each run's value at a step as words; of a thinned history maybe only a value nearby, and marked so. */
  said(name, step) {
    return this.view.feeds.map((feed) => {
      const curve = feed.columns.curves.get(name);
      return `${curve?.near(step) ? "≈ " : ""}${this.view.speech.value(curve?.at(step), this.panel.whole)}`;
    });
  }

  paintReadouts() {
    const step = this.view.readStep() ?? Infinity;
    const { speech } = this.view;
    for (const { name, values } of this.entries) {
      this.said(name, step).forEach((said, run) => this.write(values, run, said));
    }
    const at = this.view.hovered === null ? "" : speech.say("step_short", { step: speech.count(this.view.hovered) });
    if (this.readout.textContent !== at) this.readout.textContent = at;
  }

  tell() {
    const { speech } = this.view;
    const step = this.view.readStep() ?? Infinity;
    const { runs } = this.view;
    const named = (said, run) => (runs.length > 1 ? `${runs[run].label} ${said}` : said);
    const values = this.entries.map(({ name, label }) => `${label} ${this.said(name, step).map(named).join(" / ")}`);
    const shown = this.view.shownStep();
    const fields = { title: this.panel.title, step: shown === null ? "–" : speech.count(shown) };
    return speech.say("alt_curves", { ...fields, values: values.join(", ") });
  }
}
