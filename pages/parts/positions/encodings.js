// The closed forms of models/layers/positions.py once more, so that a picture can follow a slider while it is dragged.
// A browser test holds every number against the Python.

/** Radians per position of each pair of columns. */
export function frequencies(width, base) {
  return Float64Array.from({ length: Math.ceil(width / 2) }, (_, pair) => base ** ((-2 * pair) / width));
}

/** One row of the sinusoid table; the position may lie between two. */
export function encoded(position, width, rates) {
  return Float64Array.from({ length: width }, (_, column) => {
    const angle = position * rates[column >> 1];
    return column % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

/** The whole table, row by row. */
export function sinusoidal(length, width, base) {
  const rates = frequencies(width, base);
  return Array.from({ length }, (_, position) => encoded(position, width, rates));
}

export function dot(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) sum += one[index] * other[index];
  return sum;
}

/** A query or key turned by its position, neighbouring columns together. */
export function rotated(vector, position, base) {
  const rates = frequencies(vector.length, base);
  return Float64Array.from(vector, (value, column) => {
    const [cos, sin] = [Math.cos(position * rates[column >> 1]), Math.sin(position * rates[column >> 1])];
    return column % 2 ? value * cos + vector[column - 1] * sin : value * cos - vector[column + 1] * sin;
  });
}

/** What each head takes from a score per position of distance. */
export function alibiSlopes(heads) {
  const lower = 2 ** Math.floor(Math.log2(heads));
  const first = Array.from({ length: lower }, (_, head) => 2 ** ((-8 * (head + 1)) / lower));
  const between = Array.from({ length: heads - lower }, (_, head) => 2 ** ((-8 * (2 * head + 1)) / (2 * lower)));
  return [...first, ...between];
}

export function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
