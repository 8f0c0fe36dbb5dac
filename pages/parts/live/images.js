// A grid of small grey-scale pictures, pixel by pixel: ink on paper in the light theme, light on dark in the other.

import { Card } from "./canvas.js";
import { colourTable, mixed } from "./theme.js";

const GAP = 1;

export class ImagesPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-images");
    this.panel = panel;
    this.slot = slot;
    this.sheet = document.createElement("canvas");
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  paint(theme) {
    const array = this.view.pictureOf(this.feed)?.arrays[this.panel.array ?? "images"];
    this.waiting(!array, array ? "" : this.waitingFor(this.feed));
    const context = this.wiped();
    if (!array) return;
    const [height, width] = this.panel.shape;
    const count = Math.floor(array.data.length / (width * height));
    const columns = Math.min(count, this.panel.columns ?? 8);
    const rows = Math.ceil(count / columns);
    this.compose(array, { width, height, count, columns, rows }, theme);
    // Whole device pixels per picture pixel: a nearest-neighbour grid without uneven rows.
    const room = Math.min(this.canvas.width / this.sheet.width, this.canvas.height / this.sheet.height);
    const scale = room >= 2 ? Math.floor(room * 2) / 2 : room;
    const [wide, high] = [Math.round(this.sheet.width * scale), Math.round(this.sheet.height * scale)];
    const [left, top] = [(this.canvas.width - wide) >> 1, (this.canvas.height - high) >> 1];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, left, top, wide, high);
    this.count = count;
  }

  /** All pictures side by side on one sheet, one picture pixel per pixel, with a gap of bare paper. */
  compose(array, { width, height, count, columns, rows }, theme) {
    const sheet = this.sheet;
    const [wide, high] = [columns * (width + GAP) - GAP, rows * (height + GAP) - GAP];
    if (sheet.width !== wide || sheet.height !== high) {
      [sheet.width, sheet.height] = [wide, high];
      this.image = new ImageData(wide, high);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const [low, high1] = this.panel.range ?? [0, 1];
    const bytes = array.data instanceof Uint8Array;
    const blank = mixed(theme.background, theme.ink, 0.04);
    const table = colourTable((byte) => mixed(blank, theme.ink, byte / 255));
    this.pixels.fill(0);
    for (let index = 0; index < count; index += 1) {
      const corner = Math.floor(index / columns) * (height + GAP) * wide + (index % columns) * (width + GAP);
      for (let pixel = 0; pixel < width * height; pixel += 1) {
        const value = array.data[index * width * height + pixel];
        const byte = bytes ? value : Math.max(0, Math.min(255, ((value - low) / (high1 - low)) * 255)) | 0;
        this.pixels[corner + Math.floor(pixel / width) * wide + (pixel % width)] = table[byte];
      }
    }
    sheet.getContext("2d").putImageData(this.image, 0, 0);
  }

  tell() {
    const picture = this.view.pictureOf(this.feed);
    const { speech } = this.view;
    if (!picture) return speech.say("waiting_first");
    const inks = this.inks(picture.arrays[this.panel.array ?? "images"]);
    const mean = inks.reduce((sum, ink) => sum + ink, 0) / Math.max(1, inks.length);
    return speech.say("alt_images", {
      title: this.title.textContent, images: speech.count(this.count ?? 0), step: speech.count(picture.step),
      low: speech.share(Math.min(...inks), 0), high: speech.share(Math.max(...inks), 0), mean: speech.share(mean, 0),
    });
  }

  /** The share of ink on every picture. */
  inks(array) {
    const [height, width] = this.panel.shape;
    const [low, high] = this.panel.range ?? [0, array.data instanceof Uint8Array ? 255 : 1];
    return Array.from({ length: this.count ?? 0 }, (_, index) => {
      const pixels = array.data.subarray(index * height * width, (index + 1) * height * width);
      return pixels.reduce((sum, value) => sum + (value - low) / (high - low), 0) / (height * width);
    });
  }
}
