// A search for a code, step by step: the picture that the code draws, what still differs, its way on the map, its cost.

import { make } from "./canvas.js";
import { drawAxes, drawCloud, mapFrame, reachOf } from "./cloud.js";
import { unpacked } from "./frames.js";
import { Speech, ticks } from "./numbers.js";
import { colourTable, css, mixed, readTheme } from "./theme.js";

const STEPS_PER_S = 30;
const HEAD = 24;
const MARGINS = { left: 46, right: 10, top: 8, bottom: 22 };

class Descent {
  constructor(root) {
    this.root = root;
    this.sheet = document.createElement("canvas");
    this.watcher = new ResizeObserver(() => this.paint());
    this.calm = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  }

  update({ data }) {
    this.theme = readTheme(this.root);
    this.speech = new Speech(data.words);
    const blank = mixed(this.theme.background, this.theme.ink, 0.04);
    this.table = colourTable((byte) => mixed(blank, this.theme.ink, byte / 255));
    const [fresh, words] = [data.film !== this.data?.film, JSON.stringify(data.words)];
    this.data = data;
    if (words !== this.words) this.build(data.words);
    this.words = words;
    if (fresh) {
      this.target = new Uint8Array(unpacked(data.target));
      this.pictures = new Uint8Array(unpacked(data.pictures));
      this.codes = new Float32Array(data.codes.flat());
      this.range.max = data.losses.length - 1;
      this.go(this.calm ? data.losses.length - 1 : 0);
      if (!this.calm) this.play();
    }
    window.__torchlightDescent = { descent: this };
    this.paint();
  }

  build(words) {
    const canvas = (label, kind = "td-picture") => make("canvas", { class: kind, role: "img", "aria-label": label });
    const framed = (one, text) => make("figure", {}, one, make("figcaption", { text }));
    this.faces = ["target", "drawn", "rest"].map((name) => canvas(words[name]));
    this.map = canvas(words.map, "td-map");
    this.curve = canvas(words.curve, "td-curve");
    this.range = make("input", { type: "range", min: 0, max: 1, value: 0, "aria-label": words.steps });
    this.range.addEventListener("input", () => {
      this.halt();
      this.go(Number(this.range.value));
    });
    this.button = make("button", { class: "tp-back", type: "button" });
    this.button.addEventListener("click", () => (this.playing ? this.halt() : this.play()));
    this.place = make("output", { class: "td-place" });
    const names = ["target", "drawn", "rest"].map((name) => words[name]);
    const row = make("div", { class: "td-row" }, ...this.faces.map((face, index) => framed(face, names[index])), framed(this.map, words.map));
    const bar = make("div", { class: "td-bar" }, this.button, this.range, this.place);
    this.root.replaceChildren(make("div", { class: "td-whole" }, row, bar, framed(this.curve, words.curve)));
    this.watcher.disconnect();
    for (const one of [...this.faces, this.map, this.curve]) this.watcher.observe(one);
    this.halt();
  }

  play() {
    if (this.step >= this.last) this.go(0);
    this.playing = performance.now() - (1000 * this.step) / STEPS_PER_S;
    this.button.textContent = this.data.words.halt;
    const tick = (now) => {
      if (!this.playing || !this.root.isConnected) return;
      // A frame's time may lie before the moment it was asked for.
      const step = Math.floor(((now - this.playing) / 1000) * STEPS_PER_S);
      this.go(Math.min(this.last, Math.max(0, step)));
      if (this.step < this.last) requestAnimationFrame(tick);
      else this.halt();
    };
    requestAnimationFrame(tick);
  }

  halt() {
    this.playing = null;
    this.button.textContent = this.data.words.play;
  }

  get last() {
    return this.data.losses.length - 1;
  }

  go(step) {
    this.step = step;
    this.range.value = step;
    this.paint();
  }

  sized(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { context, width, height };
  }

  show(canvas, colour) {
    const { side } = this.data;
    [this.sheet.width, this.sheet.height] = [side, side];
    const image = new ImageData(side, side);
    const packed = new Uint32Array(image.data.buffer);
    for (let at = 0; at < side * side; at += 1) packed[at] = colour(at);
    this.sheet.getContext("2d").putImageData(image, 0, 0);
    const { context, width, height } = this.sized(canvas);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, width, height);
  }

  paint() {
    if (!this.pictures || !this.curve.clientWidth) return;
    const { side, losses, words } = this.data;
    const now = this.pictures.subarray(this.step * side * side, (this.step + 1) * side * side);
    this.show(this.faces[0], (at) => this.table[this.target[at]]);
    this.show(this.faces[1], (at) => this.table[now[at]]);
    this.show(this.faces[2], (at) => this.table[Math.abs(now[at] - this.target[at])]);
    this.paintMap();
    this.paintCurve();
    const [step, cost] = [this.speech.count(this.step), this.speech.fixed(losses[this.step], 1)];
    const text = words.at.replace("{step}", step).replace("{last}", this.speech.count(this.last)).replace("{cost}", cost);
    if (this.place.textContent !== text) this.place.textContent = text;
    const [first, last] = [losses[0], losses[this.last]].map((loss) => this.speech.fixed(loss, 1));
    this.faces[1].setAttribute("aria-label", `${words.drawn}: ${text}`);
    this.faces[2].setAttribute("aria-label", `${words.rest}: ${text}`);
    this.map.setAttribute("aria-label", `${words.map}: ${text}`);
    this.curve.setAttribute("aria-label", `${words.curve}: ${first} … ${last}; ${text}`);
  }

  paintMap() {
    const { theme, data } = this;
    const { context, width, height } = this.sized(this.map);
    const frame = mapFrame(width, height, reachOf(this.codes, data.prior));
    drawAxes(context, theme, frame, { prior: data.prior, speech: this.speech });
    context.globalAlpha = 0.55;
    drawCloud(context, theme, frame, { codes: this.codes, labels: data.labels, spread: null, names: data.names });
    context.globalAlpha = 1;
    for (const [colour, wide] of [[theme.paper, 5], [theme.primary, 2.4]]) {
      context.beginPath();
      for (const [x, y] of data.places.slice(0, this.step + 1)) context.lineTo(frame.x(x), frame.y(y));
      context.lineWidth = wide;
      context.strokeStyle = colour;
      context.stroke();
    }
    const [x, y] = data.places[this.step];
    context.beginPath();
    context.arc(frame.x(x), frame.y(y), 6, 0, 2 * Math.PI);
    context.fillStyle = theme.paper;
    context.fill();
    context.lineWidth = 2.4;
    context.strokeStyle = theme.primary;
    context.stroke();
  }

  /** The cost over steps: what is still to come is faint. */
  paintCurve() {
    const { theme, data } = this;
    const { context, width, height } = this.sized(this.curve);
    const { losses } = data;
    const [low, high] = [Math.min(...losses), Math.max(...losses.slice(0, HEAD))];
    const [bottom, top] = [low - 0.06 * (high - low || 1), high + 0.04 * (high - low || 1)];
    const x = (step) => MARGINS.left + (step / Math.max(1, this.last)) * (width - MARGINS.left - MARGINS.right);
    const y = (loss) => MARGINS.top + ((top - loss) / (top - bottom)) * (height - MARGINS.top - MARGINS.bottom);
    context.font = `11px ${theme.font}`;
    context.lineWidth = 1;
    context.strokeStyle = theme.grid;
    context.fillStyle = theme.muted;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const up = ticks(bottom, top, 4);
    for (const value of up.values) {
      context.beginPath();
      context.moveTo(MARGINS.left, y(value));
      context.lineTo(width - MARGINS.right, y(value));
      context.stroke();
      context.fillText(this.speech.tick(value, up.step), MARGINS.left - 6, y(value));
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    const along = ticks(0, this.last, Math.max(2, Math.floor(width / 90)));
    for (const value of along.values) context.fillText(this.speech.tick(value, along.step), x(value), height - MARGINS.bottom + 6);
    this.trace(context, losses, x, y, css(theme.ink, 0.25));
    this.trace(context, losses.slice(0, this.step + 1), x, y, theme.primary);
    context.beginPath();
    context.arc(x(this.step), y(Math.min(top, losses[this.step])), 4.5, 0, 2 * Math.PI);
    context.fillStyle = theme.primary;
    context.fill();
  }

  trace(context, losses, x, y, colour) {
    context.beginPath();
    losses.forEach((loss, step) => context.lineTo(x(step), y(loss)));
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.stroke();
  }
}

const descents = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tp-root");
  if (!descents.has(root)) descents.set(root, new Descent(root));
  descents.get(root).update(component);
}
