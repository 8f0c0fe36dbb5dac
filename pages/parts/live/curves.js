// Numbers over steps: a line chart that grows while the run learns and costs no more than its pixels. What is not
// finite is flagged at the top edge, never hidden; what a number can mean is drawn behind it as reference lines.

import { Card, make } from "./canvas.js";
import { niceStep, roundedUp, ticks, upTo } from "./numbers.js";
import { css, rgb } from "./theme.js";

const ROOM = { left: 44, right: 10, top: 14, bottom: 22 };
const SAMPLE = 1500;
const OUTLYING = 4;
const FLAT = 1e-4;
const DASHES = [[], [5, 3], [2, 2], [9, 3]];
const SMOOTH_PX = 4;
const BAND_PX = 1.5;
const LABEL_PX = 14;
const SUMMED = 64;

/** Running sums over blocks of a curve's finite values: the mean of any stretch costs no more than two blocks. */
class Sums {
  /** @param {boolean} log take the mean of logarithms: on that axis it is the middle of the values */
  constructor(log) {
    this.log = Boolean(log);
    this.blocks = [[0, 0]];
  }

  grown(curve) {
    while (this.blocks.length * SUMMED <= curve.count) this.blocks.push(this.upTo(curve, this.blocks.length * SUMMED));
    return this;
  }

  upTo(curve, end) {
    const block = Math.min(this.blocks.length - 1, Math.floor(end / SUMMED));
    let [sum, count] = this.blocks[block];
    for (let row = block * SUMMED; row < end; row += 1) {
      const value = this.log ? Math.log10(curve.values[row]) : curve.values[row];
      if (!Number.isFinite(value)) continue;
      sum += value;
      count += 1;
    }
    return [sum, count];
  }

  /** The mean of rows begin … end - 1; on a logarithmic axis 0 where none is positive. */
  mean(curve, begin, end) {
    const [[before, fewer], [sum, count]] = [this.upTo(curve, begin), this.upTo(curve, end)];
    if (count === fewer) return this.log ? 0 : NaN;
    const mean = (sum - before) / (count - fewer);
    return this.log ? 10 ** mean : mean;
  }
}

/** How much of the drawn lines, and less so of their bands, a plate would hide: in pixels along x. */
function hides({ x, y, width }, pieces) {
  let hidden = 0;
  for (const piece of pieces) {
    for (let index = 0; index < piece.length; index += 1) {
      const [point, next] = [piece[index], piece[index + 1] ?? piece[index]];
      if (next.x < x) continue;
      if (point.x > x + width) break;
      const long = Math.max(1, Math.min(next.x, x + width) - Math.max(point.x, x));
      const [upper, lower] = [Math.min(point.y, next.y), Math.max(point.y, next.y)];
      if (lower > y - 2 && upper < y + LABEL_PX + 2) hidden += long;
      else if (point.upper < y + LABEL_PX && point.lower > y) hidden += 0.4 * long;
    }
  }
  return hidden;
}

function meets(one, other) {
  return Math.abs(one.y - other.y) < LABEL_PX && one.x < other.x + other.width && other.x < one.x + one.width;
}

export class CurvesPanel extends Card {
  constructor(view, panel) {
    super(view, panel.title, "tl-curves");
    this.panel = panel;
    if (panel.unit) this.title.append(make("small", { text: panel.unit }));
    this.sums = new WeakMap();
    this.named = [];
    const single = view.runs.length === 1;
    this.entries = panel.columns.map(({ name, label, hue }, index) => {
      const marks = view.runs.map((_, run) => make("i", { class: single ? "tl-line" : `tl-dash tl-dash-${run}` }));
      const values = view.runs.map(() => make("b"));
      const said = make("span", { text: label ?? name });
      // With two runs each value stands behind its own line, solid or dashed.
      const parts = single ? [marks[0], said, values[0]] : [said, ...marks.flatMap((mark, run) => [mark, values[run]])];
      this.foot.append(make("span", { class: "tl-entry" }, ...parts));
      return { name, label: label ?? name, hue: hue ?? index, marks, values };
    });
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
      if (event.button !== 0) return;
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
    for (const { marks, hue } of this.entries) {
      for (const mark of marks) mark.style.color = theme.series[hue % theme.series.length];
    }
    this.paintReadouts();
    const context = this.wiped();
    const { width, height } = this;
    const right = width - ROOM.right;
    this.box = { left: ROOM.left, right, top: ROOM.top, bottom: height - ROOM.bottom };
    if (right <= ROOM.left || this.box.bottom <= this.box.top) return;
    const horizon = this.view.horizon();
    this.x = (step) => ROOM.left + (step / horizon) * (right - ROOM.left);
    const version = this.view.feeds.map((feed) => `${feed.key}${feed.columns.version}`).join();
    if (this.scaledFor !== version) {
      this.scaledFor = version;
      this.scale = this.range(drawn);
    }
    const { low, high, log } = this.scale;
    const raise = log ? Math.log10 : (value) => value;
    const span = raise(high) - raise(low) || 1;
    this.place = (value) => (log && value <= 0 ? this.box.bottom + 20 : this.y(value));
    this.y = (value) => this.box.bottom - ((raise(value) - raise(low)) / span) * (this.box.bottom - this.box.top);
    this.drawGrid(context, theme, horizon);
    this.drawReferences(context, theme);
    this.drawNotes(context, theme);
    context.save();
    context.beginPath();
    context.rect(this.box.left, this.box.top - 1, right - this.box.left, this.box.bottom - this.box.top + 2);
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
    if (!sample.length) return { low: log ? 0.1 : 0, high: 1, log };
    const sorted = Float64Array.from(sample).sort();
    const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
    const references = this.panel.references ?? [];
    if (log) return this.logRange(quantile(0.002), Math.max(high, quantile(1)), references);
    const [inner, outer] = [quantile(0.02), quantile(0.98)];
    const core = Math.max(outer - inner, 1e-9 * Math.max(Math.abs(outer), 1));
    const spare = 0.35 * core;
    const cropped = core > FLAT * (high - low);
    if (cropped && high - outer > OUTLYING * core) high = outer + spare;
    if (cropped && inner - low > OUTLYING * core) low = inner - spare;
    const room = high - low || Math.abs(high) || 1;
    for (const { value, low: from = value, high: to = value } of references) {
      if (to <= high + 8 * room) high = Math.max(high, to);
      if (from >= low - 8 * room) low = Math.min(low, from);
    }
    if (high === low) [low, high] = [low - 0.5 * (Math.abs(low) || 1), high + 0.5 * (Math.abs(high) || 1)];
    if (low > 0 && low < 0.3 * (high - low)) low = 0;
    // Ends on a grid finer than the ticks': the axis moves seldom, and little paper stays empty.
    const step = Math.max(this.panel.whole ? 1 : 0, niceStep(high - low, 12));
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
    return { low, high, log };
  }

  logRange(low, high, references) {
    const meant = references.flatMap(({ value, low: from, high: to }) => [value, from, to]);
    for (const value of meant.filter((each) => each > 0)) {
      if (value > low / 100) low = Math.min(low, value);
      if (value < high * 100) high = Math.max(high, value);
    }
    const [from, to] = [Math.floor(2 * Math.log10(low)) / 2, Math.ceil(2 * Math.log10(high)) / 2];
    return { low: 10 ** from, high: 10 ** (to > from ? to : from + 1), log: true };
  }

  yTicks() {
    const { low, high, log } = this.scale;
    const parts = Math.max(2, Math.floor((this.box.bottom - this.box.top) / 46));
    if (!log) return ticks(low, high, parts, this.panel.whole ? 1 : 0);
    const values = [];
    const decades = Math.log10(high / low);
    const mantissas = decades <= 1.2 ? [1, 2, 5] : decades <= 2.5 ? [1, 3] : [1];
    const every = decades > 6 ? 2 : 1;
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      if (power % every) continue;
      values.push(...mantissas.map((mantissa) => mantissa * 10 ** power));
    }
    return { step: 1, values: values.filter((value) => value >= low * 0.999 && value <= high * 1.001) };
  }

  drawGrid(context, theme, horizon) {
    const { left, right, top, bottom } = this.box;
    const { speech } = this.view;
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    context.lineWidth = 1;
    context.strokeStyle = theme.grid;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const up = this.yTicks();
    context.beginPath();
    for (const value of up.values) {
      const y = Math.round(this.y(value)) + 0.5;
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.fillText(this.scale.log ? speech.tick(value, value) : speech.tick(value, up.step), left - 7, y);
    }
    context.stroke();
    context.strokeStyle = theme.axis;
    context.beginPath();
    context.moveTo(left, bottom + 0.5);
    context.lineTo(right, bottom + 0.5);
    context.stroke();
    context.textBaseline = "top";
    const across = ticks(0, horizon, Math.min(6, Math.max(2, Math.floor((right - left) / 90))));
    for (const step of across.values) {
      const x = this.x(step);
      context.textAlign = x > right - 16 ? "right" : "center";
      context.fillText(step ? speech.short.format(step) : "0", Math.min(x, right), bottom + 6);
    }
  }

  /** What a perfect and what an ignorant model reach: a thin line each, with its band. */
  drawReferences(context, theme) {
    const { left, right, top, bottom } = this.box;
    for (const { value, low, high } of this.panel.references ?? []) {
      if (Number.isFinite(low) && Number.isFinite(high)) {
        const [upper, lower] = [high, low].map((end) => Math.min(bottom, Math.max(top, this.place(end))));
        context.fillStyle = css(theme.ink, theme.dark ? 0.1 : 0.06);
        context.fillRect(left, upper, right - left, lower > upper || upper > top ? Math.max(1, lower - upper) : 0);
      }
      const y = this.place(value);
      if (y < top - 1 || y > bottom + 1) continue;
      context.strokeStyle = theme.faint;
      context.setLineDash([2, 3]);
      context.beginPath();
      context.moveTo(left, Math.round(y) + 0.5);
      context.lineTo(right, Math.round(y) + 0.5);
      context.stroke();
      context.setLineDash([]);
    }
  }

  /** Their names, where they hide least of the curves; an arrow where the line lies outside of the chart. */
  nameReferences(context, theme, traced) {
    const { left, right, top, bottom } = this.box;
    const drawn = traced.flatMap(({ pieces }) => pieces);
    const taken = [];
    context.font = `10.5px ${theme.font}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    (this.panel.references ?? []).forEach(({ label, value }, index) => {
      const exact = this.place(value);
      const y = Math.min(bottom, Math.max(top, exact));
      const arrow = exact < top - 1 ? "↑ " : exact > bottom + 1 ? "↓ " : "";
      const text = `${arrow}${label} ${this.view.speech.brief(value)}`;
      const width = context.measureText(text).width + 6;
      const plates = [];
      for (const x of [right - width, left + 2, (left + right - width) / 2]) {
        for (const up of [y - LABEL_PX - 2, y + 2]) {
          if (up >= top - 2 && up + LABEL_PX <= bottom) plates.push({ x, y: up, width });
        }
      }
      if (!plates.length) return;
      const hidden = plates.map((plate) => hides(plate, drawn) + 1e6 * taken.some((other) => meets(plate, other)));
      const best = hidden.indexOf(Math.min(...hidden));
      // A name moves only where that shows clearly more, so that it does not wander while the curves grow.
      const before = this.named[index];
      const chosen = hidden[before] <= hidden[best] + 8 ? before : best;
      this.named[index] = chosen;
      const plate = plates[chosen];
      taken.push(plate);
      context.fillStyle = css(theme.background, 0.86);
      context.fillRect(plate.x, plate.y, width, LABEL_PX);
      context.fillStyle = theme.muted;
      context.fillText(text, plate.x + 3, plate.y + LABEL_PX - 3.5);
    });
  }

  drawNotes(context, theme) {
    const { top, bottom } = this.box;
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

  drawBand(context, theme, { entry, pieces }) {
    // Bands of several runs lie over one another: together they are not to weigh more than that of one.
    const alpha = 0.25 / this.view.feeds.length ** 0.75;
    context.fillStyle = css(rgb(theme.series[entry.hue % theme.series.length]), alpha);
    for (const piece of pieces) {
      context.beginPath();
      for (const { x, upper } of piece) context.lineTo(x, upper);
      for (let index = piece.length - 1; index >= 0; index -= 1) context.lineTo(piece[index].x, piece[index].lower);
      context.fill();
    }
  }

  drawLine(context, theme, { entry, run, pieces }) {
    context.beginPath();
    for (const piece of pieces) {
      piece.forEach(({ x, y }, index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    }
    context.strokeStyle = theme.series[entry.hue % theme.series.length];
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.setLineDash(DASHES[run % DASHES.length]);
    context.stroke();
    context.setLineDash([]);
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
    const all = drawn.flatMap(({ entry, flags }) => flags.map((flag) => ({ ...flag, hue: entry.hue })));
    for (const { x, text, hue } of all.sort((one, other) => one.x - other.x)) {
      context.fillStyle = theme.series[hue % theme.series.length];
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
    for (const { entry, curve } of drawn) {
      const value = curve.at(step);
      if (!Number.isFinite(value) || (this.scale.log && value <= 0)) continue;
      const [x, y] = [this.x(Math.min(step, curve.lastStep)), this.y(value)];
      if (y < top - 2 || y > bottom + 2) continue;
      context.beginPath();
      context.arc(x, y, 2.8, 0, 2 * Math.PI);
      context.fillStyle = theme.series[entry.hue % theme.series.length];
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
      this.said(name, step).forEach((said, run) => {
        if (values[run].textContent !== said) values[run].textContent = said;
      });
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

/** The step at the right end of every chart: the last one once a run has ended, else a calm step ahead of the data. */
export function horizonOf(feeds) {
  const reached = Math.max(10, ...feeds.map((feed) => Math.max(feed.columns.lastStep, feed.newest?.step ?? 0)));
  const planned = Math.max(0, ...feeds.map((feed) => feed.status?.steps ?? 0));
  const going = feeds.some((feed) => !["finished", "stopped", "failed"].includes(feed.status?.status));
  if (!going) return reached;
  const ahead = roundedUp(reached);
  return planned ? Math.max(reached, Math.min(ahead, planned)) : ahead;
}
