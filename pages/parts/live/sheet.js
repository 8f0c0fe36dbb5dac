// One two-dimensional array as a heat map: rows down, columns across, its values under the pointer.

import { Card } from "./canvas.js";
import { ticks } from "./numbers.js";
import { ScaleLegend } from "./options.js";
import { shadesOf } from "./shades.js";
import { colourTable, css } from "./theme.js";

const EDGE = { left: 44, right: 6, top: 6, bottom: 34 };

export class SheetPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-sheet");
    Object.assign(this, { panel, slot });
    this.sheet = document.createElement("canvas");
    this.scale = new ScaleLegend(view);
    this.foot.append(this.scale.element);
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  /** The array's value in a cell; bytes stand for what lies between the ends they were sent with, or the panel's. */
  valueAt({ data, low, high }, cell) {
    const [first, last] = Number.isFinite(low) ? [low, high] : (this.panel.range ?? [0, 255]);
    return data instanceof Uint8Array ? first + (data[cell] / 255) * (last - first) : data[cell];
  }

  /** The values at which the colours end: the panel's own, else those of this picture, rounded outwards. */
  range(array) {
    if (this.panel.range) return this.panel.range;
    let [low, high] = [Infinity, -Infinity];
    for (let cell = 0; cell < array.data.length; cell += 1) {
      const value = this.valueAt(array, cell);
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low > high) return [0, 1];
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    const unit = 10 ** Math.floor(Math.log10(reach));
    const nice = unit * [1, 2, 5, 10].find((candidate) => candidate * unit >= reach * (1 - 1e-9));
    return this.panel.diverging || low < 0 ? [-nice, nice] : [0, nice];
  }

  paint(theme) {
    const array = this.view.pictureOf(this.feed)?.arrays[this.panel.array];
    const some = array?.shape.length === 2;
    this.waiting(!some, some ? "" : this.waitingFor(this.feed));
    const context = this.wiped();
    this.array = some ? array : null;
    if (!some) return;
    const [rows, columns] = array.shape;
    const [low, high] = this.range(array);
    const diverging = Boolean(this.panel.diverging) || low < 0;
    this.scale.paint(theme, { diverging, log: false, reach: high, low });
    this.fill(array, { low, high, diverging }, theme);
    const [wide, tall] = [this.width - EDGE.left - EDGE.right, this.height - EDGE.top - EDGE.bottom];
    if (wide <= 0 || tall <= 0) return;
    this.place = { x: EDGE.left, y: EDGE.top, wide: wide / columns, high: tall / rows, rows, columns };
    context.imageSmoothingEnabled = columns > wide * this.ratio || rows > tall * this.ratio;
    context.drawImage(this.sheet, EDGE.left, EDGE.top, wide, tall);
    context.strokeStyle = css(theme.ink, 0.22);
    context.lineWidth = 1;
    context.strokeRect(EDGE.left - 0.5, EDGE.top - 0.5, wide + 1, tall + 1);
    this.writeAxes(context, theme);
    if (this.pointer) this.hover(this.pointer);
  }

  fill(array, { low, high, diverging }, theme) {
    const [rows, columns] = array.shape;
    if (this.sheet.width !== columns || this.sheet.height !== rows || !this.image) {
      [this.sheet.width, this.sheet.height] = [columns, rows];
      this.image = new ImageData(columns, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const shades = shadesOf(theme);
    const table = colourTable((byte) => (diverging ? shades.change(byte / 127.5 - 1) : shades.ramp[byte]));
    for (let cell = 0; cell < this.pixels.length; cell += 1) {
      const value = this.valueAt(array, cell);
      const byte = Math.round((255 * (value - low)) / (high - low || 1));
      this.pixels[cell] = Number.isFinite(value) ? table[Math.max(0, Math.min(255, byte))] : 0;
    }
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
  }

  writeAxes(context, theme) {
    const { x, y, wide, high, rows, columns } = this.place;
    const { speech } = this.view;
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    context.textAlign = "center";
    context.textBaseline = "top";
    const marks = (count, room) => ticks(0, count - 1, Math.max(2, Math.min(6, Math.floor(room / 60))), 1).values;
    for (const column of marks(columns, wide * columns)) {
      context.fillText(speech.count(column || 0), x + (column + 0.5) * wide, y + rows * high + 5);
    }
    context.fillText(this.panel.x_label ?? "", x + (columns * wide) / 2, y + rows * high + 20);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const row of marks(rows, high * rows)) context.fillText(speech.count(row || 0), x - 6, y + (row + 0.5) * high);
    context.save();
    context.translate(10, y + (rows * high) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(this.panel.y_label ?? "", 0, 0);
    context.restore();
  }

  hover(event) {
    this.pointer = event && { offsetX: event.offsetX, offsetY: event.offsetY };
    let said = "";
    if (event && this.array && this.place) {
      const { x, y, wide, high, rows, columns } = this.place;
      const [column, row] = [Math.floor((event.offsetX - x) / wide), Math.floor((event.offsetY - y) / high)];
      const { speech } = this.view;
      if (column >= 0 && column < columns && row >= 0 && row < rows) {
        const value = speech.value(this.valueAt(this.array, row * columns + column));
        const { x_label: across = "x", y_label: down = "y" } = this.panel;
        said = `${down} ${speech.count(row)}, ${across} ${speech.count(column)}: ${value}`;
      }
    }
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const { speech } = this.view;
    if (!this.array) return speech.say("waiting_first");
    const [rows, columns] = this.array.shape;
    let [low, high] = [0, 0];
    for (let cell = 0; cell < rows * columns; cell += 1) {
      if (this.valueAt(this.array, cell) > this.valueAt(this.array, high)) high = cell;
      if (this.valueAt(this.array, cell) < this.valueAt(this.array, low)) low = cell;
    }
    const said = (cell) => speech.value(this.valueAt(this.array, cell));
    const at = (cell) => `${said(cell)} (${Math.floor(cell / columns)}, ${cell % columns})`;
    return speech.say("alt_sheet", { title: this.panel.title, rows, columns, low: at(low), high: at(high) });
  }
}
