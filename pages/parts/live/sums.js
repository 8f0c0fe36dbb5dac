// Means of any stretch of a long curve, at the price of two short blocks.

const SUMMED = 64;

/** Running sums over blocks of a curve's finite values: the mean of any stretch costs no more than two blocks. */
export class Sums {
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
