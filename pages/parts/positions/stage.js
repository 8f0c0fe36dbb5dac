// What the three scenes share: knobs that are heard while they are dragged, canvases as sharp as the screen, words.

import { make } from "../live/canvas.js";
import { readTheme } from "../live/theme.js";

/** One painted canvas; `draw(context, width, height)` gets CSS pixels. */
export class Plate {
  constructor(scene, name, draw) {
    this.scene = scene;
    this.draw = draw;
    this.canvas = make("canvas", { class: `tp-plate ${name}`, role: "img" });
    new ResizeObserver(() => this.paint()).observe(this.canvas);
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.draw(context, width, height);
  }

  /** Words for those who cannot see the canvas. */
  describe(text) {
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }

  /** Where a pointer is, in CSS pixels of this canvas. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

export class Scene {
  constructor(root) {
    this.root = root;
    this.plates = [];
  }

  /** Streamlit has new data or another theme for us. */
  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    const spoken = JSON.stringify(data.words);
    this.words = data.words;
    this.theme = readTheme(this.root);
    this.number = written(data.words.locale, { maximumSignificantDigits: 4 });
    this.fixed = written(data.words.locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    this.brief = written(data.words.locale, { notation: "compact", maximumSignificantDigits: 2 });
    const first = this.spoken === undefined;
    if (spoken !== this.spoken) {
      const kept = first ? undefined : this.settings();
      this.plates = [];
      this.build(data);
      if (kept) this.set(kept);
    }
    this.spoken = spoken;
    const told = JSON.stringify(data.settings ?? null);
    // What we said ourselves comes back and is no news: the visitor may have moved on.
    if (told !== this.told && told !== this.sent && data.settings) this.set(data.settings);
    this.told = told;
    this.changed();
    if (first) this.begin?.(data);
  }

  say(name, fields = {}) {
    return this.words[name].replace(/\{(\w+)\}/g, (_, field) => fields[field] ?? "");
  }

  plate(name, draw) {
    const plate = new Plate(this, name, draw);
    this.plates.push(plate);
    return plate;
  }

  /** A labelled range input; `read` makes its number of the input's, `write` the other way round. */
  knob(name, { low, high, step = 1, value, read = Number, write = Number }) {
    const input = make("input", { type: "range", min: write(low), max: write(high), step, value: write(value) });
    // An <output> would take the label's name away from the input.
    const shown = make("b", {});
    const label = make("label", { class: "tp-knob" }, make("span", { text: this.say(name) }), shown, input);
    const knob = {
      label, input,
      get value() { return read(input.value); },
      set value(wanted) { input.value = String(write(wanted)); },
      limit: (most) => { input.max = String(write(most)); },
      show: () => {
        shown.textContent = this.number.format(knob.value);
        input.setAttribute("aria-valuetext", shown.textContent);
      },
    };
    input.addEventListener("input", () => {
      this.touched?.(name);
      this.changed();
    });
    input.addEventListener("change", () => this.send());
    return knob;
  }

  button(name, act, text = this.say(name)) {
    const button = make("button", { type: "button", text });
    button.addEventListener("click", act);
    return button;
  }

  /** Tell the page what is looked at now, so that its address says it too. */
  send() {
    const told = this.settings();
    if (JSON.stringify(told) === this.sent) return;
    this.sent = JSON.stringify(told);
    this.setStateValue("settings", told);
  }

  paint() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      for (const plate of this.plates) plate.paint();
    });
  }

  font(size = 12, weight = 400) {
    return `${weight} ${size}px ${this.theme.font}`;
  }

  write(context, text, x, y, { align = "left", size = 12, weight = 400, colour = this.theme.muted, halo = false } = {}) {
    context.font = this.font(size, weight);
    context.textAlign = align;
    if (halo) {
      context.strokeStyle = this.theme.paper;
      context.lineWidth = 4;
      context.lineJoin = "round";
      context.strokeText(text, x, y);
    }
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  /** What a test may ask of this scene. */
  tell(name, values) {
    window.__torchlight ??= {};
    window.__torchlight.positions = { ...window.__torchlight.positions, [name]: values };
  }
}

/** Numbers as a language writes them, with a minus sign that is one. */
function written(locale, options) {
  const format = new Intl.NumberFormat(locale, options);
  return { format: (value) => format.format(value).replace("-", "−") };
}

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return found.map((at) => (Math.abs(at) < step * 1e-6 ? 0 : at));
}

/** Axes of a plain chart in `box` ({x, y, width, height}); returns the scales. */
export function axes(scene, context, box, { xs, ys, xLabel, count = 6, yCount = 4 }) {
  const x = (value) => box.x + ((value - xs[0]) / (xs[1] - xs[0] || 1)) * box.width;
  const y = (value) => box.y + box.height - ((value - ys[0]) / (ys[1] - ys[0] || 1)) * box.height;
  context.lineWidth = 1;
  for (const at of ticks(...ys, yCount)) {
    context.strokeStyle = at === 0 ? scene.theme.axis : scene.theme.grid;
    context.beginPath();
    context.moveTo(box.x, Math.round(y(at)) + 0.5);
    context.lineTo(box.x + box.width, Math.round(y(at)) + 0.5);
    context.stroke();
    scene.write(context, scene.number.format(at), box.x - 8, y(at) + 4, { align: "right", size: 11 });
  }
  for (const at of ticks(...xs, count)) {
    scene.write(context, scene.number.format(at), x(at), box.y + box.height + 16, { align: "center", size: 11 });
  }
  if (xLabel) scene.write(context, xLabel, box.x + box.width / 2, box.y + box.height + 32, { align: "center" });
  return { x, y };
}

export function polyline(context, points, colour, width = 2) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

export function spot(context, x, y, colour, paper, radius = 5) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.strokeStyle = paper;
  context.lineWidth = 2;
  context.stroke();
}
