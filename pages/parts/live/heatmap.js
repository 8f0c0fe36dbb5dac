// One attention map large: queries down, keys across, a cell for every weight, with the tokens on both axes.

import { PADDING, ellipsized, paddingRuns, visible, widestOf } from "./tokens.js";
import { placed } from "./shades.js";
import { colourTable, css } from "./theme.js";

const LABEL = { most: 92, least: 16, gap: 6, line: 13 };
const TITLE_PX = 17;
const NUMBERS_PX = 34;
const SHORT_PX = 20;
const NUMBERS_FROM = 0.05;
const LINES_PX = 12;
const LARGEST = 84;

/** Where everything of a heat map stands: {x, y, wide, high} of the map, sides of a cell, and how keys are written. */
export function heatmapFrame(context, tokens, { rows, columns }, { width, height }, font) {
  context.font = `12px ${font}`;
  const widest = (texts) => Math.max(LABEL.least, widestOf(context, texts));
  const across = widestOf(context, tokens.keys);
  const left = TITLE_PX + Math.min(LABEL.most, Math.ceil(widest(tokens.queries))) + LABEL.gap;
  const room = width - left - 2;
  // Short tokens stay upright, if need be only some of them.
  const flat = across <= SHORT_PX || across + 5 <= Math.min(LARGEST, room / columns);
  const top = TITLE_PX + (flat ? LABEL.line + 3 : Math.min(LABEL.most, Math.ceil(across)) + LABEL.gap);
  let [wide, high] = [room / columns, (height - top - 2) / rows];
  // Cells stay near to squares, and not larger than they need to be.
  wide = Math.min(wide, LARGEST, 1.6 * high);
  high = Math.min(high, LARGEST, 1.6 * wide);
  const fitted = (side) => (side >= 4 ? Math.floor(side) : side);
  [wide, high] = [fitted(wide), fitted(high)];
  const x = left + Math.max(0, Math.floor((room - wide * columns) / 2));
  return { x, y: top, wide, high, rows, columns, flat, spacing: flat ? across + 4 : LABEL.line };
}

/** The cell under a place on the canvas; null outside. */
export function cellUnder(frame, x, y) {
  if (!frame) return null;
  const [key, query] = [Math.floor((x - frame.x) / frame.wide), Math.floor((y - frame.y) / frame.high)];
  return key >= 0 && key < frame.columns && query >= 0 && query < frame.rows ? { query, key } : null;
}

export class HeatmapPainter {
  constructor() {
    this.sheet = document.createElement("canvas");
  }

  /** @param scene {map, tokens, shades, log, theme, speech, demanded, cell, hover, axes} */
  paint(context, scene, size) {
    const { map, tokens, theme } = scene;
    const frame = heatmapFrame(context, tokens, map, size, theme.font);
    this.frame = frame;
    this.fill(scene);
    context.imageSmoothingEnabled = false;
    const [wide, high] = [frame.wide * frame.columns, frame.high * frame.rows];
    context.drawImage(this.sheet, frame.x, frame.y, wide, high);
    this.part(context, frame, theme);
    if (Math.min(frame.wide, frame.high) >= NUMBERS_PX) this.writeNumbers(context, scene);
    this.fade(context, frame, scene);
    context.strokeStyle = css(theme.ink, 0.22);
    context.lineWidth = 1;
    context.strokeRect(frame.x - 0.5, frame.y - 0.5, wide + 1, high + 1);
    if (scene.demanded) this.ring(context, frame, scene.demanded, theme);
    this.mark(context, frame, scene);
    this.writeTokens(context, frame, scene);
  }

  fill({ map: { rows, columns, values, diverging, reach }, shades, log }) {
    if (this.sheet.width !== columns || this.sheet.height !== rows || !this.image) {
      [this.sheet.width, this.sheet.height] = [columns, rows];
      this.image = new ImageData(columns, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const table = colourTable((byte) => (diverging ? shades.change((byte - 128) / 127) : shades.ramp[byte]));
    for (let cell = 0; cell < values.length; cell += 1) {
      const byte = diverging ? 128 + (127 * values[cell]) / (reach || 1) : 255 * placed(values[cell], log);
      this.pixels[cell] = table[Math.round(Math.min(255, Math.max(0, byte)))];
    }
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
  }

  /** Hairlines of paper between cells that are large enough for it. */
  part(context, { x, y, wide, high, rows, columns }, theme) {
    if (Math.min(wide, high) < LINES_PX) return;
    context.strokeStyle = theme.paper;
    context.lineWidth = 1;
    context.beginPath();
    for (let column = 1; column < columns; column += 1) {
      context.moveTo(x + column * wide - 0.5, y);
      context.lineTo(x + column * wide - 0.5, y + rows * high);
    }
    for (let row = 1; row < rows; row += 1) {
      context.moveTo(x, y + row * high - 0.5);
      context.lineTo(x + columns * wide, y + row * high - 0.5);
    }
    context.stroke();
  }

  writeNumbers(context, { map, speech, theme, log }) {
    const { x, y, wide, high } = this.frame;
    context.font = `11px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    map.values.forEach((value, cell) => {
      if (Math.abs(value) < NUMBERS_FROM) return;
      const [row, column] = [Math.floor(cell / map.columns), cell % map.columns];
      const deep = map.diverging ? Math.abs(value) > 0.7 * map.reach && !theme.dark : placed(value, log) > 0.42;
      context.fillStyle = deep ? theme.paper : theme.text;
      context.fillText(speech.fixed(value, 2), x + (column + 0.5) * wide, y + (row + 0.5) * high + 0.5);
    });
  }

  /** Padding is there, but it is nothing to look at. */
  fade(context, { x, y, wide, high, rows, columns }, { tokens, theme }) {
    context.fillStyle = css(theme.background, 0.66);
    for (const [from, to] of paddingRuns(tokens.queries)) {
      context.fillRect(x, y + from * high, columns * wide, (to - from) * high);
    }
    for (const [from, to] of paddingRuns(tokens.keys)) {
      context.fillRect(x + from * wide, y, (to - from) * wide, rows * high);
    }
  }

  /** What the task demands: a thin outline around each cell that a right map fills. */
  ring(context, { x, y, wide, high, rows, columns }, demanded, theme) {
    const inset = Math.min(wide, high) >= 9 ? 1.25 : 0.25;
    context.strokeStyle = theme.samples;
    context.lineWidth = Math.min(wide, high) >= 9 ? 1.4 : 1;
    context.beginPath();
    for (const [query, key] of demanded) {
      if (query >= rows || key >= columns) continue;
      const corner = [x + key * wide + inset, y + query * high + inset];
      context.roundRect(...corner, wide - 2 * inset - 1, high - 2 * inset - 1, Math.min(3, wide / 4));
    }
    context.stroke();
  }

  /** Lines along the row and the column under the pointer; the chosen cell in a frame of its own. */
  mark(context, { x, y, wide, high, rows, columns }, { cell, hover, theme }) {
    const shown = hover ?? cell;
    if (shown) {
      context.strokeStyle = css(theme.ink, 0.5);
      context.lineWidth = 1;
      context.beginPath();
      if (Number.isInteger(shown.query) && shown.query < rows) {
        context.rect(x - 0.5, y + shown.query * high - 0.5, columns * wide + 1, high);
      }
      if (Number.isInteger(shown.key) && shown.key < columns) {
        context.rect(x + shown.key * wide - 0.5, y - 0.5, wide, rows * high + 1);
      }
      context.stroke();
    }
    if (!cell || cell.query >= rows || cell.key >= columns) return;
    context.strokeStyle = theme.paper;
    context.lineWidth = 4;
    context.strokeRect(x + cell.key * wide - 0.5, y + cell.query * high - 0.5, wide, high);
    context.strokeStyle = theme.primary;
    context.lineWidth = 2;
    context.strokeRect(x + cell.key * wide - 0.5, y + cell.query * high - 0.5, wide, high);
  }

  writeTokens(context, frame, { tokens, theme, hover, cell, axes }) {
    const { x, y, wide, high, rows, columns, flat, spacing } = frame;
    const shown = hover ?? cell ?? {};
    const ink = (text, strong) => (strong ? theme.text : text === PADDING ? theme.faint : theme.muted);
    const set = (strong) => {
      const size = strong || Math.min(wide, high) >= 12 ? 12 : 11;
      context.font = `${strong ? 600 : 400} ${size}px ${theme.font}`;
    };
    context.textBaseline = "middle";
    context.textAlign = "right";
    const each = (count, side, apart, draw, chosen) => {
      const every = Math.max(1, Math.ceil(apart / side));
      for (let at = 0; at < count; at += 1) {
        // Of crowded labels the neighbours of the chosen one step aside.
        const near = chosen !== undefined && at !== chosen && Math.abs(at - chosen) * side < apart;
        if (at === chosen || (at % every === 0 && !near)) draw(at, at === chosen);
      }
    };
    each(rows, high, LABEL.line, (row, strong) => {
      set(strong);
      const text = visible(tokens.queries[row] ?? String(row + 1));
      context.fillStyle = ink(text, strong);
      context.fillText(ellipsized(context, text, LABEL.most), x - LABEL.gap, y + (row + 0.5) * high + 0.5);
    }, shown.query);
    context.textAlign = flat ? "center" : "left";
    each(columns, wide, spacing, (column, strong) => {
      set(strong);
      const text = visible(tokens.keys[column] ?? String(column + 1));
      context.fillStyle = ink(text, strong);
      const middle = x + (column + 0.5) * wide;
      if (flat) {
        context.fillText(ellipsized(context, text, Math.max(wide, SHORT_PX)), middle, y - LABEL.line / 2 - 2);
        return;
      }
      context.save();
      context.translate(middle, y - LABEL.gap);
      context.rotate(-Math.PI / 2);
      context.fillText(ellipsized(context, text, LABEL.most), 0, 0.5);
      context.restore();
    }, shown.key);
    this.writeAxes(context, frame, axes, theme);
  }

  writeAxes(context, { x, y, wide, high, rows, columns }, { queries, keys }, theme) {
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.fillText(keys, x + (wide * columns) / 2, 11);
    context.save();
    context.translate(11, y + (high * rows) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(queries, 0, 0);
    context.restore();
  }
}
