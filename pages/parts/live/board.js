// Where the tiles of a grid of heads stand: one block per group, layers down, heads across, as large as room allows.

export const SIDE = { label: 24, top: 18, title: 22, gap: 6, between: 22, row: 18, caption: 17, least: 58, most: 136 };
const LETTER_PX = 6.6;

/** The ways to break `count` blocks, in order, into rows. */
function broken(count) {
  if (count <= 1) return [Array.from({ length: count }, (_, index) => [index])];
  return broken(count - 1).flatMap((rows) => [
    [...rows, [count - 1]],
    [...rows.slice(0, -1), [...rows.at(-1), count - 1]],
  ]);
}

function tileFor(rows, blocks, width, height, caption) {
  let [across, down] = [SIDE.most, height];
  let fixed = (rows.length - 1) * SIDE.row;
  let layers = 0;
  for (const row of rows) {
    const held = row.map((index) => blocks[index]);
    const heads = held.reduce((sum, block) => sum + block.heads, 0);
    const used = held.reduce((sum, block) => sum + SIDE.label + (block.heads - 1) * SIDE.gap, 0);
    across = Math.min(across, (width - used - (held.length - 1) * SIDE.between) / heads);
    const deepest = Math.max(...held.map((block) => block.layers));
    layers += deepest;
    fixed += SIDE.title + SIDE.top + deepest * (SIDE.gap + caption);
  }
  down = (height - fixed) / layers;
  const tile = Math.floor(Math.min(across, down));
  const fits = rows.every((row) => row.length < 2
    || row.reduce((sum, index) => sum + widthOf(blocks[index], tile) + SIDE.between, -SIDE.between) <= width);
  return fits ? tile : 0;
}

/** A block is as wide as its tiles, and at least as its name. */
function widthOf({ heads, label = "" }, tile) {
  return Math.max(SIDE.label + heads * (tile + SIDE.gap) - SIDE.gap, label.length * LETTER_PX);
}

/**
 * @param blocks [{name, layers, heads, label}] in order
 * @returns the tile's side, the height used, and each block's corner; captions only where tiles are wide enough
 */
export function planned(blocks, width, height) {
  let best = null;
  for (const rows of broken(blocks.length)) {
    for (const caption of [SIDE.caption, 0]) {
      const tile = Math.max(4, tileFor(rows, blocks, width, height, caption));
      if (caption && tile < SIDE.least) continue;
      const better = !best || tile > best.tile + (best.caption ? 12 : 0);
      if (better) best = { rows, caption, tile };
      if (caption) break;
    }
  }
  return corners(best, blocks);
}

function corners({ rows, caption, tile }, blocks) {
  const places = [];
  let top = 0;
  rows.forEach((row, at) => {
    let left = 0;
    if (at) top += SIDE.row;
    for (const index of row) {
      places[index] = { left, top };
      left += widthOf(blocks[index], tile) + SIDE.between;
    }
    const deepest = Math.max(...row.map((index) => blocks[index].layers));
    top += SIDE.title + SIDE.top + deepest * (tile + SIDE.gap + caption);
  });
  return { tile, caption, places, height: Math.ceil(top) };
}

/** The tile of one head within its block's corner. */
export function tileAt({ tile, caption }, { left, top }, layer, head) {
  return {
    x: left + SIDE.label + head * (tile + SIDE.gap),
    y: top + SIDE.title + SIDE.top + layer * (tile + SIDE.gap + caption),
  };
}
