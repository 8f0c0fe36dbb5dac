// What all line charts share: a card with its lines' names, a calm y-axis, a grid, and reference lines that say what a
// number can mean.

import { Card, make } from "./canvas.js";
import { niceStep, ticks } from "./numbers.js";
import { css } from "./theme.js";

export const ROOM = { left: 44, right: 10, top: 14, bottom: 22 };
const OUTLYING = 4;
const FLAT = 1e-4;
const DASHES = [[], [5, 3], [2, 2], [9, 3]];
const LABEL_PX = 14;

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

/** Marks on a logarithmic axis: decades, and between them what room is left for. */
export function decades(low, high) {
  const values = [];
  const span = Math.log10(high / low);
  const mantissas = span <= 1.2 ? [1, 2, 5] : span <= 2.5 ? [1, 3] : [1];
  const every = span > 6 ? 2 : 1;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    if (power % every) continue;
    values.push(...mantissas.map((mantissa) => mantissa * 10 ** power));
  }
  return values.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}

export class LineCard extends Card {
  /** @param lines [{label, hue, …}], each with a value in the foot; with several runs a dash and a value for each */
  constructor(view, panel, lines) {
    super(view, panel.title, "tl-curves");
    this.panel = panel;
    if (panel.unit) this.title.append(make("small", { text: panel.unit }));
    this.named = [];
    // Three and four runs are more than dashes can tell apart: where each has one line, each has its own hue as well.
    this.hued = view.runs.length > 2 && lines.length === 1;
    this.entries = this.enter(lines);
  }

  /** The foot: every line's mark, name and value. */
  enter(lines) {
    const { view } = this;
    const single = view.runs.length === 1;
    return lines.map((line, index) => {
      const marks = view.runs.map((_, run) => make("i", { class: single ? "tl-line" : `tl-dash tl-dash-${run}` }));
      const values = view.runs.map(() => make("b"));
      const said = make("span", { text: line.label });
      // With two runs each value stands behind its own line, solid or dashed.
      const each = (mark, run) => make("span", { class: "tl-each" }, mark, values[run]);
      const parts = single ? [marks[0], said, values[0]] : [said, ...marks.map(each)];
      this.foot.append(make("span", { class: "tl-entry" }, ...parts));
      return { ...line, hue: line.hue ?? index, marks, values };
    });
  }

  /** The plot's place on the canvas; false where there is no room for one. */
  frame() {
    const { width, height } = this;
    this.box = { left: ROOM.left, right: width - ROOM.right, top: ROOM.top, bottom: height - ROOM.bottom };
    return this.box.right > this.box.left && this.box.bottom > this.box.top;
  }

  tint(theme) {
    for (const { marks, hue } of this.entries) {
      marks.forEach((mark, run) => { mark.style.color = this.colour(theme, hue, run); });
    }
  }

  /** The line's hue, or the run's. */
  colour(theme, hue, run) {
    return theme.series[(this.hued ? run : hue) % theme.series.length];
  }

  write(values, run, said) {
    if (values[run].textContent !== said) values[run].textContent = said;
  }

  /** Take this y-axis: `y` places a value, `place` also what a logarithmic axis has no place for. */
  take(scale) {
    this.scale = scale;
    const { low, high, log } = scale;
    const raise = log ? Math.log10 : (value) => value;
    const span = raise(high) - raise(low) || 1;
    this.place = (value) => (log && value <= 0 ? this.box.bottom + 20 : this.y(value));
    this.y = (value) => this.box.bottom - ((raise(value) - raise(low)) / span) * (this.box.bottom - this.box.top);
  }

  /**
   * The y-axis: all finite values, or nearly all where a few outliers would flatten the rest.
   * @param sample finite values (on a logarithmic axis positive ones); low and high are the extremes of all
   */
  scaleOf(sample, low, high, log) {
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
    return { step: 1, values: decades(low, high) };
  }

  tickText(value, step) {
    return this.view.speech.tick(value, this.scale.log ? value : step);
  }

  /** @param across [{x, text}] where the x-axis is marked */
  drawGrid(context, theme, across) {
    const { left, right, bottom } = this.box;
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
      context.fillText(this.tickText(value, up.step), left - 7, y);
    }
    context.stroke();
    context.strokeStyle = theme.axis;
    context.beginPath();
    context.moveTo(left, bottom + 0.5);
    context.lineTo(right, bottom + 0.5);
    context.stroke();
    context.textBaseline = "top";
    for (const { x, text } of across) {
      context.textAlign = x > right - 16 ? "right" : "center";
      context.fillText(text, Math.min(x, right), bottom + 6);
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
      const text = `${arrow}${label} ${this.referred(value)}`;
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

  /** A reference's value in words. */
  referred(value) {
    return this.view.speech.brief(value);
  }

  drawLine(context, theme, { entry, run, pieces }) {
    context.beginPath();
    for (const piece of pieces) {
      piece.forEach(({ x, y }, index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    }
    context.strokeStyle = this.colour(theme, entry.hue, run);
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.setLineDash(DASHES[run % DASHES.length]);
    context.stroke();
    context.setLineDash([]);
  }
}
