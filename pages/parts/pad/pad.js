// The drag pad: a finger on the map, and the decoded picture under it. Everything happens in the browser, with the
// decoder's own weights; the page only hears where the visitor came to rest.

import { make } from "./canvas.js";
import { classColour, classLegend, drawAxes, drawCloud, mapFrame, reachOf } from "./cloud.js";
import { Decoder } from "./decoder.js";
import { unpacked } from "./frames.js";
import { Speech } from "./numbers.js";
import { colourTable, mixed, readTheme } from "./theme.js";

const STRIP = 9;
const REST_MS = 120;
const STEP = 0.1;
const KEPT = 500;

class Pad {
  constructor(root) {
    this.root = root;
    this.hidden = new Set();
    this.times = [];
    this.sheet = document.createElement("canvas");
    this.watcher = new ResizeObserver(() => this.draw());
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.theme = readTheme(this.root);
    this.speech = new Speech(data.words);
    const shape = JSON.stringify([data.names, data.latent, data.classes, data.sliders, data.order, data.words]);
    const model = data.model;
    if (shape !== this.shape) this.build(data);
    if (model !== this.model) {
      this.decoder = new Decoder(data.layers, unpacked(data.weights), data.latent, data.classes);
      this.codes = new Float32Array(data.codes.flat());
      this.spread = data.spread && new Float32Array(data.spread.flat());
      this.points = [];
    }
    Object.assign(this, { data, shape, model });
    if (!this.z || this.z.length !== data.latent) this.go(0, 0);
    window.__torchlightPad = { pad: this, decode: (z, label) => Array.from(this.decoder.decode(z, label)), times: this.times };
    this.draw();
    this.rest();
  }

  build(data) {
    const { words } = data;
    this.map = make("canvas", { class: "tp-map", role: "application", tabindex: "0", "aria-label": words.map });
    this.picture = make("canvas", { class: "tp-picture", role: "img", "aria-label": words.picture });
    this.place = make("p", { class: "tp-place", "aria-live": "polite" });
    this.label = 0;
    this.legend = classLegend(data.names, this.hidden, () => this.draw(), (layer) => this.speech.say("toggle_layer", { layer }));
    const chips = make("div", { class: "tp-chips" }, ...this.legend.map(({ chip }) => chip));
    const side = make("div", { class: "tp-side" }, this.picture, this.place, data.classes ? this.chooser(data) : null);
    const left = make("div", { class: "tp-left" }, this.map, chips);
    this.rows = !data.sliders ? [] : data.order.map((dimension) => this.slider(dimension, words));
    const list = make("div", { class: "tp-rows" }, ...this.rows.map(({ row }) => row));
    list.hidden = !this.rows.length;
    this.root.replaceChildren(make("div", { class: "tp-whole" }, left, side, list));
    this.watcher.disconnect();
    for (const canvas of [this.map, this.picture]) this.watcher.observe(canvas);
    this.listen();
  }

  chooser(data) {
    const select = make("select", { "aria-label": data.words.class });
    select.append(...data.names.map((name, label) => make("option", { text: name, value: label })));
    select.addEventListener("change", () => {
      this.label = Number(select.value);
      this.draw();
      this.rest();
    });
    return make("label", { class: "tp-class", text: `${data.words.class} ` }, select);
  }

  slider(dimension, words) {
    const range = make("input", { type: "range", step: "0.02", "aria-label": `${words.dimension} ${dimension + 1}` });
    const value = make("output");
    const strip = make("canvas", { class: "tp-strip", role: "img", "aria-label": words.strip.replace("{dimension}", dimension + 1) });
    range.addEventListener("input", () => {
      this.z[dimension] = Number(range.value);
      this.moved();
    });
    const name = make("span", { text: `z${dimension + 1}` });
    const row = make("div", { class: "tp-row" }, name, range, value, strip);
    return { dimension, range, value, strip, row };
  }

  listen() {
    const { map } = this;
    const at = (event) => this.frame.back(event.offsetX, event.offsetY);
    map.addEventListener("pointerdown", (event) => {
      map.setPointerCapture(event.pointerId);
      this.held = true;
      const begin = performance.now();
      this.go(...at(event));
      this.moved(begin);
      if (this.data.picks) this.pick(...at(event));
    });
    map.addEventListener("pointermove", (event) => {
      if (!this.held) return;
      const begin = performance.now();
      this.go(...at(event));
      this.moved(begin);
    });
    const release = () => {
      this.held = false;
    };
    map.addEventListener("pointerup", release);
    map.addEventListener("pointercancel", release);
    map.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.key in moves) {
        const scale = (event.shiftKey ? 5 : 1) * STEP;
        const [dx, dy] = moves[event.key];
        this.go(this.at[0] + scale * dx, this.at[1] + scale * dy);
        this.moved();
      } else if (event.key === "Enter" && this.data.picks) this.pick(...this.at);
      else return;
      event.preventDefault();
    });
  }

  /** Put the code at a place of the map. */
  go(x, y) {
    const [origin, first, second] = this.data?.plane ?? [];
    this.at = [x, y];
    if (origin) this.z = Float32Array.from(origin, (value, index) => value + x * first[index] + y * second[index]);
    else this.z = null;
  }

  /** The place on the map that is nearest to the code. */
  back() {
    const [origin, first, second] = this.data.plane;
    const along = (axis) => this.z.reduce((sum, value, index) => sum + (value - origin[index]) * axis[index], 0);
    this.at = [along(first), along(second)];
  }

  /** A click adds a point, or takes away the one that is there. */
  pick(x, y) {
    const near = 12 / this.frame.scale;
    const there = this.points.findIndex(([px, py]) => Math.hypot(px - x, py - y) < near);
    if (there >= 0) this.points = this.points.filter((_, index) => index !== there);
    else this.points = [...this.points, [x, y]].slice(-this.data.picks);
    this.turn = (this.turn ?? 0) + 1;
    this.setStateValue("picks", { model: this.model, points: this.points, turn: this.turn });
    this.draw();
  }

  moved(begin = performance.now()) {
    this.begin ??= begin;
    this.draw();
    this.rest();
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.drawStrips(), REST_MS);
  }

  draw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  paint() {
    if (!this.decoder || !this.map.clientWidth) return;
    if (!this.z) this.go(0, 0);
    this.back();
    this.paintMap();
    const drawn = this.decoder.decode(this.z, this.label);
    this.paintPicture(this.picture, [drawn]);
    const ink = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const [x, y] = this.at.map((value) => this.speech.fixed(value, 2));
    this.picture.setAttribute("aria-label", this.speech.say("picture_at", { x, y, ink: this.speech.share(ink, 0) }));
    for (const { dimension, range, value } of this.rows) {
      const reach = this.data.reach[dimension];
      Object.assign(range, { min: -reach, max: reach });
      range.value = this.z[dimension];
      value.textContent = this.speech.fixed(this.z[dimension], 2);
    }
    const text = `(${this.at.map((value) => this.speech.fixed(value, 2)).join("; ")})`;
    if (this.place.textContent !== text) this.place.textContent = text;
    if (this.begin === undefined || this.begin === null) return;
    this.times.push(performance.now() - this.begin);
    if (this.times.length > KEPT) this.times.shift();
    this.begin = null;
  }

  sized(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  /** The cloud is painted once; what moves is painted over it. */
  paintMap() {
    const { data, theme, map } = this;
    const key = [theme.id, map.clientWidth, this.model, [...this.hidden]].join("|");
    if (key !== this.backKey) {
      this.backKey = key;
      this.behind ??= document.createElement("canvas");
      const { context, width, height } = this.sized(map);
      this.frame = mapFrame(width, height, reachOf(this.codes, data.prior));
      drawAxes(context, theme, this.frame, { prior: data.prior, speech: this.speech });
      const { codes, spread, hidden } = this;
      drawCloud(context, theme, this.frame, { codes, labels: data.labels, spread, names: data.names, hidden });
      [this.behind.width, this.behind.height] = [map.width, map.height];
      this.behind.getContext("2d").drawImage(map, 0, 0);
      this.legend.forEach(({ swatch }, label) => {
        swatch.style.background = classColour(theme, label);
      });
    }
    const { context, width, height } = this.sized(map);
    context.drawImage(this.behind, 0, 0, width, height);
    for (const { places, colour } of data.curves ?? []) this.paintCurve(context, places, theme.series[colour % 5]);
    for (const [index, [x, y]] of (data.picks ? this.points : []).entries()) this.mark(context, x, y, String(index + 1));
    this.mark(context, ...this.at, "");
  }

  paintCurve(context, places, colour) {
    context.beginPath();
    for (const [x, y] of places) context.lineTo(this.frame.x(x), this.frame.y(y));
    context.lineWidth = 4.5;
    context.strokeStyle = this.theme.paper;
    context.stroke();
    context.lineWidth = 2.2;
    context.strokeStyle = colour;
    context.stroke();
  }

  mark(context, x, y, text) {
    const [left, top] = [this.frame.x(x), this.frame.y(y)];
    context.beginPath();
    context.arc(left, top, text ? 9 : 7, 0, 2 * Math.PI);
    context.lineWidth = 4;
    context.strokeStyle = this.theme.paper;
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = this.theme.text;
    if (text) {
      context.fillStyle = this.theme.text;
      context.fill();
      context.fillStyle = this.theme.paper;
      context.font = `600 11px ${this.theme.font}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(text, left, top + 0.5);
    } else context.stroke();
  }

  /** Pictures side by side, pixel by pixel. */
  paintPicture(canvas, pictures) {
    const { side } = this.data;
    const wide = pictures.length * side;
    if (this.sheet.width !== wide || this.sheet.height !== side || !this.image) {
      [this.sheet.width, this.sheet.height] = [wide, side];
      this.image = new ImageData(wide, side);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { theme } = this;
    if (this.tableOf !== theme.id) {
      this.tableOf = theme.id;
      const blank = mixed(theme.background, theme.ink, 0.04);
      this.table = colourTable((byte) => mixed(blank, theme.ink, byte / 255));
    }
    pictures.forEach((pixels, index) => {
      for (let at = 0; at < side * side; at += 1) {
        this.pixels[Math.floor(at / side) * wide + index * side + (at % side)] = this.table[Math.round(255 * pixels[at])];
      }
    });
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
    const { context, width, height } = this.sized(canvas);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, width, height);
  }

  /** What each dimension does here: its traversal, drawn when the finger rests. */
  drawStrips() {
    for (const { dimension, strip } of this.rows) {
      const reach = this.data.reach[dimension];
      const pictures = Array.from({ length: STRIP }, (_, index) => {
        const z = Float32Array.from(this.z);
        z[dimension] = reach * ((2 * index) / (STRIP - 1) - 1);
        return this.decoder.decode(z, this.label);
      });
      this.paintPicture(strip, pictures);
    }
  }
}

const pads = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tp-root");
  if (!pads.has(root)) pads.set(root, new Pad(root));
  pads.get(root).update(component);
}
