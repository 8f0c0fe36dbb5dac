// The numbers of one run as growing curves, with the minimum and maximum of every 64 rows kept beside them, so that
// a curve of a million rows costs no more to draw than its pixels. Every curve has steps of its own.

import { roundedUp, upTo } from "./numbers.js";

const BLOCK = 64;

/** One growing curve: steps in ascending order and their values. Of its first `thinned` rows only extremes came. */
export class Curve {
  constructor() {
    this.count = 0;
    this.thinned = 0;
    this.finite = 0;
    this.holes = [];
    this.reserve(1024);
  }

  reserve(capacity) {
    const blocks = Math.ceil(capacity / BLOCK);
    const grown = (Kind, size, old, filler) => {
      const fresh = new Kind(size).fill(filler);
      if (old) fresh.set(old);
      return fresh;
    };
    this.steps = grown(Int32Array, capacity, this.steps, 0);
    this.values = grown(Float32Array, capacity, this.values, NaN);
    this.lows = grown(Float32Array, blocks, this.lows, Infinity);
    this.highs = grown(Float32Array, blocks, this.highs, -Infinity);
    this.infinite = grown(Uint8Array, blocks, this.infinite, 0);
    this.missing = grown(Uint8Array, blocks, this.missing, 0);
  }

  get lastStep() {
    return this.count ? this.steps[this.count - 1] : -1;
  }

  /** Rows whose step is not later than the last one are known already and are passed over. */
  append(steps, values, thinned = false) {
    const begin = upTo(steps, this.lastStep);
    const fresh = steps.length - begin;
    if (fresh <= 0) return;
    let capacity = this.values.length;
    while (capacity < this.count + fresh) capacity *= 2;
    if (capacity > this.values.length) this.reserve(capacity);
    for (let row = begin; row < steps.length; row += 1) this.put(steps[row], values[row]);
    if (thinned) this.thinned = this.count;
  }

  put(step, value) {
    const block = Math.floor(this.count / BLOCK);
    this.steps[this.count] = step;
    this.values[this.count] = value;
    this.count += 1;
    if (Number.isFinite(value)) {
      if (value < this.lows[block]) this.lows[block] = value;
      if (value > this.highs[block]) this.highs[block] = value;
      this.finite += 1;
    } else if (Number.isNaN(value)) this.missing[block] = 1;
    else this.infinite[block] = 1;
  }

  /** Taken at nearly every row: a NaN then says that the run went wrong; elsewhere it says "not taken". */
  get dense() {
    return this.finite > 0.5 * this.count;
  }

  /** Lowest and highest finite value of rows begin … end - 1, and whether ∞ or NaN lies among them. */
  extent(begin, end) {
    const { values, lows, highs, infinite, missing } = this;
    const found = { low: Infinity, high: -Infinity, infinite: 0, missing: 0 };
    let row = begin;
    while (row < end) {
      if (row % BLOCK === 0 && row + BLOCK <= end) {
        const block = row / BLOCK;
        if (lows[block] < found.low) found.low = lows[block];
        if (highs[block] > found.high) found.high = highs[block];
        found.infinite |= infinite[block];
        found.missing |= missing[block];
        row += BLOCK;
        continue;
      }
      const value = values[row];
      if (value === Infinity || value === -Infinity) found.infinite = 1;
      else if (Number.isNaN(value)) found.missing = 1;
      else {
        if (value < found.low) found.low = value;
        if (value > found.high) found.high = value;
      }
      row += 1;
    }
    return found;
  }

  /** The newest value not later than `step`; in a curve with values "not taken", the newest that was. */
  at(step) {
    const row = this.rowAt(step);
    return this.tornAfter(row, step) ? undefined : this.values[row];
  }

  /** Whether later values, up to `step` or to the next row, were recorded and cannot be read any more. */
  tornAfter(row, step = row + 1 < this.count ? this.steps[row + 1] : Infinity) {
    return this.holes.some(([first]) => this.steps[row] < first && first <= step);
  }

  rowAt(step) {
    const dense = this.dense;
    let row = upTo(this.steps, step, this.count) - 1;
    while (row >= 0 && !dense && Number.isNaN(this.values[row])) row -= 1;
    return row;
  }

  /** Whether `at(step)` is a neighbour's value: rows between it and the next one were left out. */
  near(step) {
    const row = this.rowAt(step);
    return row + 1 < this.thinned && this.steps[row] < step;
  }
}

/** The curves of one run by name. */
export class Columns {
  constructor() {
    this.clear();
  }

  clear() {
    this.curves = new Map();
    this.holes = {};
    this.version = (this.version ?? 0) + 1;
  }

  append({ steps, ...columns }, thinned) {
    for (const [name, { data }] of Object.entries(columns)) {
      if (!this.curves.has(name)) this.curves.set(name, new Curve());
      this.curves.get(name).append(steps.data, data, thinned);
    }
    this.lose(this.holes);
  }

  /** @param holes by column, the first and last steps of what cannot be read any more */
  lose(holes) {
    this.holes = holes;
    for (const [name, curve] of this.curves) curve.holes = holes[name] ?? [];
    this.version += 1;
  }

  get lastStep() {
    return Math.max(-1, ...[...this.curves.values()].map((curve) => curve.lastStep));
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
