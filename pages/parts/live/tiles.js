// All heads of a picture on one sheet of pixels: a byte is looked up in a table of colours and becomes a pixel.

import { bytesOf, pooled } from "./maps.js";
import { shadesOf } from "./shades.js";
import { colourTable } from "./theme.js";

export class TileSheet {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.parts = {};
    this.poor = false;
  }

  /**
   * Compose the sheet, unless it shows just this already.
   * @param groups [{name, array}] of which the picture has maps
   * @param room pixels of the screen for a tile's side: where there are fewer of them than cells, maxima are shown
   */
  compose({ picture, groups, example, log, theme, room }) {
    const composed = [picture.serial, groups.map(({ name }) => name), example, log, theme.id, room].join("|");
    if (composed === this.composed) return;
    this.composed = composed;
    let top = 0;
    const parts = groups.map(({ name, array }) => {
      const [, layers, heads, queries, keys] = picture.arrays[array].shape;
      const [high, wide] = [Math.min(queries, room), Math.min(keys, room)];
      const part = { name, array: picture.arrays[array], layers, heads, queries, keys, high, wide, top };
      top += layers * high;
      return part;
    });
    this.size(Math.max(...parts.map(({ heads, wide }) => heads * wide)), top);
    const shades = shadesOf(theme);
    const table = colourTable((byte) => shades.weight(byte / 255, log));
    for (const part of parts) this.fill(part, example, table);
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    this.parts = Object.fromEntries(parts.map((part) => [part.name, part]));
    this.poor = parts.some(({ high, wide, queries, keys }) => high < queries || wide < keys);
  }

  size(across, down) {
    if (this.canvas.width === across && this.canvas.height === down && this.image) return;
    [this.canvas.width, this.canvas.height] = [across, down];
    this.image = new ImageData(across, down);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  fill({ array, layers, heads, queries, keys, high, wide, top }, example, table) {
    const { pixels } = this;
    const across = this.canvas.width;
    const poor = high < queries || wide < keys;
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const whole = bytesOf(array, Math.min(example, array.shape[0] - 1), layer, head);
        const bytes = poor ? pooled(whole, queries, keys, high, wide) : whole;
        let at = 0;
        for (let row = 0; row < high; row += 1) {
          const begin = (top + layer * high + row) * across + head * wide;
          for (let column = 0; column < wide; column += 1, at += 1) pixels[begin + column] = table[bytes[at]];
        }
      }
    }
  }

  /** Draw one head into a square. */
  draw(context, name, layer, head, { x, y }, side) {
    const { high, wide, top } = this.parts[name];
    context.imageSmoothingEnabled = false;
    context.drawImage(this.canvas, head * wide, top + layer * high, wide, high, x, y, side, side);
  }
}
