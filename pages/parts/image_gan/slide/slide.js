// Sliders that are heard while they are dragged: class, truncation and noise of a generator that runs in the browser.

import { make } from "./canvas.js";
import { unpacked } from "./frames.js";
import { Speech } from "./numbers.js";
import { normals, Synthesis } from "./synthesis.js";
import { colourTable, mixed, readTheme } from "./theme.js";

const OTHERS = 24;
const ACROSS = 8;
const KEPT = 500;

class Slide {
  constructor(root) {
    this.root = root;
    this.times = [];
    this.seed = 1;
    this.sheet = document.createElement("canvas");
    this.watcher = new ResizeObserver(() => this.soon());
  }

  update({ data }) {
    this.theme = readTheme(this.root);
    this.speech = new Speech(data.words);
    const shape = JSON.stringify([data.names, data.classes, data.style, data.words]);
    if (shape !== this.shape) this.build(data);
    if (data.model !== this.model) this.synthesis = new Synthesis(data, unpacked(data.weights));
    Object.assign(this, { data, shape, model: data.model });
    const blank = mixed(this.theme.background, this.theme.ink, 0.04);
    this.table = colourTable((byte) => mixed(blank, this.theme.ink, byte / 255));
    window.__torchlightSlide = {
      times: this.times,
      picture: (z, mix, psi) => Array.from(this.synthesis.picture(Float32Array.from(z), mix, psi)),
    };
    this.draw();
    this.soon();
  }

  build(data) {
    const { words } = data;
    this.large = make("canvas", { class: "ig-large", role: "img", "aria-label": words.picture });
    this.others = make("canvas", { class: "ig-others", role: "img", "aria-label": words.others });
    const rows = [];
    this.psi = this.slider(rows, { name: words.psi, low: data.style ? -1 : 0, high: 2, value: data.style ? 0.7 : 1, why: words.psi_why });
    this.kind = data.classes ? this.slider(rows, { name: words.class, low: 0, high: data.classes - 1, value: 0, why: words.class_why }) : null;
    this.pixel = data.style ? make("input", { type: "checkbox" }) : null;
    if (this.pixel) {
      this.pixel.addEventListener("input", () => this.soon());
      rows.push(make("label", { class: "ig-check" }, this.pixel, make("span", { text: words.pixel })));
    }
    const again = make("button", { class: "ig-again", type: "button", text: words.again });
    again.addEventListener("click", () => {
      this.seed += 1;
      this.draw();
      this.soon();
    });
    const left = make("div", { class: "ig-left" }, ...rows, again);
    this.root.replaceChildren(make("div", { class: "ig-whole" }, left, this.large, this.others));
    this.watcher.disconnect();
    for (const canvas of [this.large, this.others]) this.watcher.observe(canvas);
  }

  slider(rows, { name, low, high, value, why }) {
    const range = make("input", { type: "range", min: low, max: high, step: 0.02, value, "aria-label": name });
    const output = make("output");
    range.addEventListener("input", () => {
      this.begin ??= performance.now();
      this.soon();
    });
    rows.push(make("label", { class: "ig-row" }, make("span", { text: name }), output, range, make("small", { text: why })));
    return { range, output };
  }

  /** Noise for the large picture and for those beside it, the same until other noise is asked for. */
  draw() {
    const draw = normals(this.seed);
    this.noises = Array.from({ length: OTHERS + 1 }, () => draw(this.data.latent));
  }

  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  /** One number per class: all of the weight on the class, or shared by the two that the slider lies between. */
  mix(at) {
    return Array.from({ length: this.data.classes }, (_, label) => Math.max(0, 1 - Math.abs(label - at)));
  }

  paint() {
    if (!this.synthesis || !this.large.clientWidth) return;
    const psi = Number(this.psi.range.value);
    const at = this.kind ? Number(this.kind.range.value) : 0;
    const mix = this.mix(at);
    const pixel = () => (this.pixel?.checked ? normals(1000 + this.seed) : null);
    const made = this.noises.map((z) => this.synthesis.picture(z, mix, psi, pixel()));
    this.show(this.large, made.slice(0, 1), 1);
    this.show(this.others, made.slice(1), ACROSS);
    this.psi.output.textContent = this.speech.fixed(psi, 2);
    const ink = made[0].reduce((sum, value) => sum + value, 0) / made[0].length;
    const [label, kind] = [this.data.words.picture, this.kind ? `, ${this.named(at)}` : ""];
    this.large.setAttribute("aria-label", `${label}: ψ ${this.speech.fixed(psi, 2)}${kind}, ${this.speech.share(ink, 0)}`);
    if (this.kind) this.kind.output.textContent = this.named(at);
    if (this.begin === undefined || this.begin === null) return;
    this.times.push(performance.now() - this.begin);
    if (this.times.length > KEPT) this.times.shift();
    this.begin = null;
  }

  /** "3", or "3 → 4" between two classes. */
  named(at) {
    const { names } = this.data;
    const [low, high] = [Math.floor(at + 0.02), Math.ceil(at - 0.02)];
    return low >= high ? names[low] : `${names[low]} → ${names[high]}`;
  }

  show(canvas, pictures, across) {
    const { side } = this.data;
    const down = Math.ceil(pictures.length / across);
    const gap = across > 1 ? 1 : 0;
    const [wide, high] = [across * (side + gap) - gap, down * (side + gap) - gap];
    [this.sheet.width, this.sheet.height] = [wide, high];
    const image = new ImageData(wide, high);
    const packed = new Uint32Array(image.data.buffer);
    pictures.forEach((pixels, index) => {
      const corner = Math.floor(index / across) * (side + gap) * wide + (index % across) * (side + gap);
      pixels.forEach((value, place) => {
        packed[corner + Math.floor(place / side) * wide + (place % side)] = this.table[Math.round(255 * value)];
      });
    });
    this.sheet.getContext("2d").putImageData(image, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round((canvas.clientWidth * ratio * high) / wide)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, width, height);
  }
}

const slides = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".ig-root");
  if (!slides.has(root)) slides.set(root, new Slide(root));
  slides.get(root).update(component);
}
