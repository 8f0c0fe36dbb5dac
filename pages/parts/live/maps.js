// Attention maps as numbers: (examples, layers, heads, queries, keys) bytes that stand for weights between 0 and 1.

/** The sides of all groups that a picture has, by the group's name. */
export function sidesOf(picture, groups) {
  const found = {};
  for (const { name, array } of groups) {
    const shape = picture?.arrays[array]?.shape;
    if (shape?.length === 5) found[name] = shape;
  }
  return found;
}

/** One head's bytes, (queries, keys) row by row; null where the array has no such head. */
export function bytesOf(array, example, layer, head) {
  const [examples, layers, heads, queries, keys] = array.shape;
  if (example >= examples || layer >= layers || head >= heads) return null;
  const begin = ((example * layers + layer) * heads + head) * queries * keys;
  return array.data.subarray(begin, begin + queries * keys);
}

/** A map as weights: {rows, columns, values}. */
export function weightsOf(array, example, layer, head) {
  const bytes = array && bytesOf(array, example, layer, head);
  if (!bytes) return null;
  return { rows: array.shape[3], columns: array.shape[4], values: Float32Array.from(bytes, (byte) => byte / 255) };
}

/** The mean over these layers and all their heads. */
export function averageOf(array, example, layers) {
  const [, , heads, rows, columns] = array.shape;
  const values = new Float32Array(rows * columns);
  for (const layer of layers) {
    for (let head = 0; head < heads; head += 1) {
      const bytes = bytesOf(array, example, layer, head);
      if (!bytes) return null;
      for (let cell = 0; cell < values.length; cell += 1) values[cell] += bytes[cell];
    }
  }
  const scale = 1 / (255 * heads * layers.length);
  for (let cell = 0; cell < values.length; cell += 1) values[cell] *= scale;
  return { rows, columns, values };
}

/** One map minus another of the same size, with the largest difference; null where the sizes differ. */
export function differenceOf(one, other) {
  if (!one || !other || one.rows !== other.rows || one.columns !== other.columns) return null;
  const values = one.values.map((value, cell) => value - other.values[cell]);
  return { ...one, values, reach: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0), diverging: true };
}

/** Only the smallest set of keys of every query that carries this share of its weight. */
export function topMass({ rows, columns, values }, share) {
  const kept = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const begin = row * columns;
    const cells = Array.from({ length: columns }, (_, column) => begin + column).sort((a, b) => values[b] - values[a]);
    const whole = cells.reduce((sum, cell) => sum + values[cell], 0);
    let sum = 0;
    for (const cell of cells) {
      if (sum >= share * whole - 1e-6 || !values[cell]) break;
      kept[cell] = values[cell];
      sum += values[cell];
    }
  }
  return { rows, columns, values: kept };
}

/** The largest of each block of cells, for tiles with fewer pixels than cells: what stands out is not lost. */
export function pooled(bytes, rows, columns, high, wide) {
  const found = new Uint8Array(high * wide);
  const places = Uint16Array.from({ length: columns }, (_, column) => Math.floor((column * wide) / columns));
  for (let row = 0; row < rows; row += 1) {
    const to = Math.floor((row * high) / rows) * wide;
    const from = row * columns;
    for (let column = 0; column < columns; column += 1) {
      const byte = bytes[from + column];
      const at = to + places[column];
      if (byte > found[at]) found[at] = byte;
    }
  }
  return found;
}
