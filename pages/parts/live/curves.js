// Numbers over steps: a line chart that grows while the run learns and costs no more than its pixels. What is not
// finite is flagged at the top edge, never hidden; what a number can mean is drawn behind it as reference lines.

import { Card, make } from "./canvas.js";
import { niceStep, roundedUp, ticks, upTo } from "./numbers.js";
import { css, rgb } from "./theme.js";

const ROOM = { left: 44, right: 10, top: 14, bottom: 22 };
const SAMPLE = 1500;
const OUTLYING = 4;
const FLAT = 1e-4;
const DASHES = [[1, 0], [5, 3], [2, 2], [9, 3]];
const DASHED_ROWS = 150;

export class CurvesPanel extends Card {
  constructor(view, panel) {
    super(view, panel.title, "tl-curves");
    this.panel = panel;
    if (panel.unit) this.title.append(make("small", { text: panel.unit }));
    this.entries = panel.columns.map(({ name, label, hue }, index) => {
      const swatch = make("i", { class: "tl-line" });
      const values = make("b");
      const entry = make("span", { class: "tl-entry" }, swatch, make("span", { text: label ?? name }), values);
      this.foot.append(entry);
      return { name, label: label ?? name, hue: hue ?? index, swatch, values };
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

  paint(theme) {
    const drawn = this.curves().filter(({ curve }) => curve?.count);
    this.waiting(!drawn.length);
    for (const { swatch, hue } of this.entries) {
      swatch.style.background = theme.series[hue % theme.series.length];
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
    const flags = drawn.map((item) => ({ ...item, ...this.drawCurve(context, theme, item) }));
    context.restore();
    this.nameReferences(context, theme);
    this.drawFlags(context, theme, flags);
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
    const step = niceStep(high - low, 12);
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
    if (!log) return ticks(low, high, Math.max(2, Math.floor((this.box.bottom - this.box.top) / 46)));
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

  /** Their names, over the curves; an arrow where the line lies outside of the chart. */
  nameReferences(context, theme) {
    const { right, top, bottom } = this.box;
    const taken = [];
    context.font = `10.5px ${theme.font}`;
    context.textAlign = "right";
    context.textBaseline = "alphabetic";
    for (const { label, value } of this.panel.references ?? []) {
      const exact = this.place(value);
      const y = Math.min(bottom, Math.max(top, exact));
      const arrow = exact < top - 1 ? "↑ " : exact > bottom + 1 ? "↓ " : "";
      let base = y - 4 < top + 9 ? y + 12 : y - 4;
      while (taken.some((other) => Math.abs(other - base) < 12)) base += base > (top + bottom) / 2 ? -12 : 12;
      taken.push(base);
      const text = `${arrow}${label} ${this.view.speech.brief(value)}`;
      context.lineWidth = 3.5;
      context.lineJoin = "round";
      context.strokeStyle = theme.paper;
      context.strokeText(text, right - 2, base);
      context.fillStyle = theme.muted;
      context.fillText(text, right - 2, base);
    }
    context.lineWidth = 1;
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

  /** One curve: per pixel column its extremes, in their order of time; says where it is not finite. */
  drawCurve(context, theme, { entry, run, curve }) {
    const { left, right } = this.box;
    const { place } = this;
    const pixels = Math.max(1, Math.round(right - left));
    const horizon = this.view.horizon();
    const dense = curve.dense;
    const flags = [];
    let [row, joined] = [0, false];
    context.beginPath();
    // Dashing a long zigzag costs the browser more than all else together: dense curves get gaps per stretch of x.
    const gaps = run > 0 && curve.count > DASHED_ROWS;
    const [dash, gap] = DASHES[run % DASHES.length];
    const point = (x, value) => {
      if (gaps && x % (dash + gap) > dash) joined = false;
      else if (joined) context.lineTo(x, place(value));
      else {
        context.moveTo(x, place(value));
        joined = true;
      }
    };
    const sparse = curve.count < 2 * pixels;
    while (row < curve.count) {
      const pixel = Math.floor((curve.steps[row] / horizon) * pixels);
      const end = sparse ? row + 1 : Math.max(row + 1, this.rowsUpTo(curve, row, ((pixel + 1) / pixels) * horizon));
      const x = this.x(curve.steps[row]);
      const { low, high, infinite, missing } = curve.extent(row, end);
      if (infinite) flags.push({ x, text: "∞" });
      else if (missing && dense) flags.push({ x, text: "NaN" });
      if (high > this.scale.high * (1 + 1e-9)) flags.push({ x, text: "↑" });
      if (low <= high) {
        const [first, last] = [curve.values[row], curve.values[end - 1]];
        if (end - row < 3) {
          if (Number.isFinite(first)) point(x, first);
          if (end - row > 1 && Number.isFinite(last)) point(x, last);
        } else if (first <= last || !Number.isFinite(first)) {
          point(x, low);
          point(x, high);
        } else {
          point(x, high);
          point(x, low);
        }
      } else if (infinite || dense) joined = false;
      row = end;
    }
    const colour = theme.series[entry.hue % theme.series.length];
    context.strokeStyle = run ? css(rgb(colour), 0.7) : colour;
    context.lineWidth = run ? 1.3 : 1.5;
    context.lineJoin = "bevel";
    context.setLineDash(run && !gaps ? [dash, gap] : []);
    context.stroke();
    context.setLineDash([]);
    return { flags };
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
    const spoken = this.view.feeds.map((feed) => {
      const curve = feed.columns.curves.get(name);
      return `${curve?.near(step) ? "≈ " : ""}${this.view.speech.value(curve?.at(step))}`;
    });
    return spoken.join(" / ");
  }

  paintReadouts() {
    const step = this.view.readStep() ?? Infinity;
    const { speech } = this.view;
    for (const { name, values } of this.entries) {
      const said = this.said(name, step);
      if (values.textContent !== said) values.textContent = said;
    }
    const at = this.view.hovered === null ? "" : speech.say("step_short", { step: speech.count(this.view.hovered) });
    if (this.readout.textContent !== at) this.readout.textContent = at;
  }

  tell() {
    const { speech } = this.view;
    const step = this.view.readStep() ?? Infinity;
    const values = this.entries.map(({ name, label }) => `${label} ${this.said(name, step)}`);
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
