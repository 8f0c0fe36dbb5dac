// Numbers that are taken seldom: a mean and its interval at the steps at which a run was evaluated.

export class Evaluations {
  constructor() {
    this.known = new Map();
  }

  /**
   * A line's evaluations so far: {step, value, low, high}; low and high are NaN where there is no interval.
   * @param {number} smooth how many of them each value is a mean of
   */
  of(feed, { name, low, high }, smooth = 1) {
    const curves = feed?.columns.curves;
    const curve = curves?.get(name);
    if (!curve) return [];
    const old = this.known.get(name);
    if (old?.curve === curve && old.count === curve.count) return old.points;
    const points = [];
    for (let row = 0; row < curve.count; row += 1) {
      const [step, value] = [curve.steps[row], curve.values[row]];
      const beside = (column) => (column?.steps[row] === step ? column.values[row] : NaN);
      if (!Number.isFinite(value)) continue;
      points.push({ step, value, low: beside(curves.get(low)), high: beside(curves.get(high)) });
    }
    const mean = (point, at) => ({ ...point, value: meanAround(points, at, smooth) });
    const smoothed = smooth > 1 ? points.map(mean) : points;
    this.known.set(name, { curve, count: curve.count, points: smoothed });
    return smoothed;
  }
}

/** The mean of as many values as there are around one, up to `count` of them. */
function meanAround(points, at, count) {
  const near = points.slice(Math.max(0, at - Math.floor(count / 2)), at + Math.ceil(count / 2));
  return near.reduce((sum, { value }) => sum + value, 0) / near.length;
}

/** The newest evaluation not later than `step`; null before the first. */
export function valueAt(points, step) {
  let found = null;
  for (const point of points) {
    if (point.step > step) break;
    found = point;
  }
  return found;
}

/** The line's value at a step between two evaluations; NaN outside of them. */
export function between(points, step) {
  const next = points.findIndex((point) => point.step >= step);
  if (next < 0) return NaN;
  const [one, other] = [points[Math.max(0, next - 1)], points[next]];
  const share = other.step > one.step ? (step - one.step) / (other.step - one.step) : 0;
  return share < 0 ? NaN : one.value + share * (other.value - one.value);
}
