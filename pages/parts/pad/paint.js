// Paint the code map: a picture is a small map of code numbers; change one and the picture changes there.

import { make } from "./canvas.js";
import { Decoder } from "./decoder.js";
import { unpacked } from "./frames.js";
import { colourTable, css, mixed, readTheme } from "./theme.js";

const CELL = 4;

class Painter {
  constructor(root) {
    this.root = root;
    this.sheet = document.createElement("canvas");
    this.watcher = new ResizeObserver(() => this.paint());
  }

  update({ data }) {
    this.theme = readTheme(this.root);
    const blank = mixed(this.theme.background, this.theme.ink, 0.04);
    this.table = colourTable((byte) => mixed(blank, this.theme.ink, byte / 255));
    const fresh = data.model !== this.data?.model;
    const shape = JSON.stringify([data.words, data.maps.length, data.palette]);
    this.data = data;
    if (fresh) {
      this.decoder = new Decoder(data.layers, unpacked(data.weights), data.dims * data.side ** 2, 0);
      this.codes = new Float32Array(unpacked(data.codes));
    }
    if (fresh || shape !== this.shape) this.build(data);
    this.shape = shape;
    window.__torchlightPaint = { decode: (map) => Array.from(this.decode(map)), painter: this };
    this.paint();
  }

  build({ words, palette, maps }) {
    this.chosen = palette[0];
    this.canvas = make("canvas", { class: "tp-code", role: "application", tabindex: "0", "aria-label": words.canvas });
    this.original = make("canvas", { class: "tp-code", role: "img", "aria-label": words.original });
    const picker = make("input", { type: "range", min: 0, max: maps.length - 1, value: 0, "aria-label": words.choose });
    picker.addEventListener("input", () => this.take(Number(picker.value)));
    const back = make("button", { class: "tp-back", type: "button", text: words.back });
    back.addEventListener("click", () => this.take(this.index));
    this.swatches = palette.map((code) => {
      const face = make("canvas", { width: 3 * CELL, height: 3 * CELL });
      const title = words.code.replace("{code}", code);
      const button = make("button", { class: "tp-swatch", type: "button", title, "aria-label": title }, face);
      button.addEventListener("click", () => {
        this.chosen = code;
        this.paint();
      });
      return { code, face, button };
    });
    const list = make("div", { class: "tp-palette" }, ...this.swatches.map(({ button }) => button));
    const label = make("label", { class: "tp-choose", text: `${words.choose} ` }, picker);
    const left = make("div", {}, make("h4", { text: words.canvas }), this.canvas, label, back);
    const middle = make("div", {}, make("h4", { text: words.original }), this.original);
    this.root.replaceChildren(make("div", { class: "tp-codes" }, left, middle, make("div", {}, make("h4", { text: words.palette }), list)));
    this.watcher.disconnect();
    for (const canvas of [this.canvas, this.original]) this.watcher.observe(canvas);
    this.listen();
    this.take(0);
    this.dip();
  }

  listen() {
    const { canvas } = this;
    const dab = (event) => {
      const { side } = this.data;
      const [column, row] = [event.offsetX, event.offsetY].map((at) => Math.floor((at / canvas.clientWidth) * side));
      if (row < 0 || column < 0 || row >= side || column >= side) return;
      this.cursor = row * side + column;
      this.map[this.cursor] = this.chosen;
      this.paint();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.held = true;
      dab(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.held) dab(event);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.held = false));
    canvas.addEventListener("keydown", (event) => {
      const { side } = this.data;
      const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side };
      if (event.key in moves) this.cursor = (this.cursor + moves[event.key] + side * side) % (side * side);
      else if (event.key === " " || event.key === "Enter") this.map[this.cursor] = this.chosen;
      else return;
      event.preventDefault();
      this.paint();
    });
  }

  take(index) {
    this.index = index;
    this.map = Int32Array.from(this.data.maps[index]);
    this.cursor = 0;
    this.paint();
  }

  decode(map) {
    const { dims, side } = this.data;
    const z = new Float32Array(dims * side * side);
    map.forEach((code, place) => {
      for (let dim = 0; dim < dims; dim += 1) z[dim * side * side + place] = this.codes[code * dims + dim];
    });
    return this.decoder.decode(z);
  }

  show(canvas, pixels) {
    const side = CELL * this.data.side;
    [this.sheet.width, this.sheet.height] = [side, side];
    const image = new ImageData(side, side);
    const packed = new Uint32Array(image.data.buffer);
    pixels.forEach((value, at) => {
      packed[at] = this.table[Math.round(255 * value)];
    });
    this.sheet.getContext("2d").putImageData(image, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    const wide = Math.round(canvas.clientWidth * ratio);
    if (canvas.width !== wide) canvas.width = canvas.height = wide;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, wide, wide);
    return { context, wide };
  }

  paint() {
    if (!this.map || !this.canvas.clientWidth) return;
    this.show(this.original, this.data.pictures[this.index].map((byte) => byte / 255));
    const { context, wide } = this.show(this.canvas, this.decode(this.map));
    const { side, words } = this.data;
    const cell = wide / side;
    context.lineWidth = 1;
    context.strokeStyle = css(this.theme.ink, 0.18);
    for (let line = 1; line < side; line += 1) {
      context.strokeRect(line * cell, 0, 0, wide);
      context.strokeRect(0, line * cell, wide, 0);
    }
    context.lineWidth = 3;
    context.strokeStyle = this.theme.samples;
    this.map.forEach((code, place) => {
      if (code === this.data.maps[this.index][place]) return;
      context.strokeRect((place % side) * cell + 1.5, Math.floor(place / side) * cell + 1.5, cell - 3, cell - 3);
    });
    context.strokeStyle = this.theme.primary;
    const [column, row] = [this.cursor % side, Math.floor(this.cursor / side)];
    context.strokeRect(column * cell + 1.5, row * cell + 1.5, cell - 3, cell - 3);
    const told = words.cell.replace("{row}", row + 1).replace("{column}", column + 1).replace("{code}", this.map[this.cursor]);
    this.canvas.setAttribute("aria-label", `${words.canvas}: ${told}`);
    this.canvas.title = told;
    for (const { code, button } of this.swatches) button.setAttribute("aria-pressed", String(code === this.chosen));
  }

  /** Every swatch shows what its code draws where all places hold it: the middle of that picture. */
  dip() {
    const { side } = this.data;
    const middle = CELL * Math.floor((side - 1) / 2) - CELL * (side > 2 ? 1 : 0);
    const wide = side > 2 ? 3 * CELL : 2 * CELL;
    for (const { code, face } of this.swatches) {
      const pixels = this.decode(new Int32Array(side * side).fill(code));
      face.width = face.height = wide;
      const image = new ImageData(wide, wide);
      const packed = new Uint32Array(image.data.buffer);
      for (let at = 0; at < wide * wide; at += 1) {
        const [row, column] = [middle + Math.floor(at / wide), middle + (at % wide)];
        packed[at] = this.table[Math.round(255 * pixels[row * CELL * side + column])];
      }
      face.getContext("2d").putImageData(image, 0, 0);
    }
  }
}

const painters = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tp-root");
  if (!painters.has(root)) painters.set(root, new Painter(root));
  painters.get(root).update(component);
}
