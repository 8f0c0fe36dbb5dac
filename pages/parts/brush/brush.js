// A grid of density levels to paint on: mouse, touch or arrow keys; sent to the page when a stroke ends.

const SIDE = 32;
const MOST = 15;

function make(tag, { class: name, text, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** Any CSS colour as [red, green, blue], 0 to 255. */
function rgb(colour) {
  const pixel = document.createElement("canvas").getContext("2d");
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

class Brush {
  constructor(root) {
    this.root = root;
    this.levels = new Float32Array(SIDE * SIDE);
    this.cursor = null;
    this.erasing = false;
    this.undone = [];
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.words = data.words;
    if (!this.canvas) this.build();
    if (data.levels !== this.told) {
      this.told = data.levels;
      // Our own stroke coming back is no news: the visitor may be on the next one already.
      if (data.levels !== this.sent) this.read(data.levels);
    }
    this.readTheme();
    this.paint();
  }

  build() {
    const say = (name) => this.words[name];
    this.canvas = make("canvas", { tabindex: 0, role: "application", "aria-label": say("canvas") });
    this.cell = make("div", { class: "tb-hidden", "aria-live": "polite" });
    this.size = this.slider("size", 1, 8, 3);
    this.strength = this.slider("strength", 1, MOST, 6);
    this.eraser = this.button("erase", () => {
      this.erasing = !this.erasing;
      this.eraser.setAttribute("aria-pressed", String(this.erasing));
    });
    this.eraser.setAttribute("aria-pressed", "false");
    this.undo = this.button("undo", () => this.back());
    const clear = this.button("clear", () => {
      this.keep();
      this.levels.fill(0);
      this.send();
      this.paint();
    });
    const buttons = make("div", { class: "tb-buttons" }, this.eraser, this.undo, clear);
    const tools = make("div", { class: "tb-tools" }, this.size.label, this.strength.label, buttons);
    const hint = make("p", { class: "tb-hint", text: say("hint") });
    this.root.replaceChildren(make("div", { class: "tb-stage" }, this.canvas), tools, hint, this.cell);
    this.listen();
    new ResizeObserver(() => this.paint()).observe(this.canvas);
  }

  slider(name, low, high, value) {
    const input = make("input", { type: "range", min: low, max: high, step: 1, value });
    const shown = make("b", { text: String(value) });
    input.addEventListener("input", () => {
      shown.textContent = input.value;
    });
    const label = make("label", {}, make("span", { text: this.words[name] }), input, shown);
    return { label, get value() { return Number(input.value); } };
  }

  button(name, act) {
    const button = make("button", { type: "button", text: this.words[name] });
    button.addEventListener("click", act);
    return button;
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 && event.pointerType === "mouse") return;
      canvas.setPointerCapture(event.pointerId);
      this.keep();
      this.last = this.place(event);
      this.stroke(this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = this.place(event);
      if (this.last) {
        for (const each of event.getCoalescedEvents?.() ?? [event]) this.stroke(this.place(each));
      }
      this.paint();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.paint();
    });
    const release = () => {
      if (this.last) this.send();
      this.last = null;
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("keyup", (event) => {
      if (event.key === " " && this.painting) this.send();
      if (event.key === " ") this.painting = false;
    });
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      this.paint();
    });
  }

  /** A pointer's place in cells; (0, 0) is the upper left corner of the grid. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  /** Paint along the way from the last place, so that a fast stroke has no holes. */
  stroke([x, y]) {
    const [fromX, fromY] = this.last ?? [x, y];
    const parts = Math.max(1, Math.ceil(2 * Math.hypot(x - fromX, y - fromY)));
    for (let part = 1; part <= parts; part += 1) {
      this.dab(fromX + ((x - fromX) * part) / parts, fromY + ((y - fromY) * part) / parts, 1 / (parts > 1 ? 2 : 1));
    }
    this.last = [x, y];
    this.paint();
  }

  /** One touch of the brush: most at its middle, nothing beyond its radius. */
  dab(x, y, share) {
    const radius = Math.max(0.75, this.size.value / 2);
    const amount = this.strength.value * share * (this.erasing ? -1 : 1);
    for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(SIDE, y + radius); row += 1) {
      for (let column = Math.max(0, Math.floor(x - radius)); column < Math.min(SIDE, x + radius); column += 1) {
        const far = Math.hypot(column + 0.5 - x, row + 0.5 - y) / (radius + 0.25);
        if (far >= 1) continue;
        const at = row * SIDE + column;
        this.levels[at] = Math.min(MOST, Math.max(0, this.levels[at] + amount * (1 - far * far) ** 2));
      }
    }
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [x, y] = this.cursor ?? [SIDE / 2, SIDE / 2];
      const [dx, dy] = moves[event.key].map((step) => step * (event.shiftKey ? 4 : 1));
      this.cursor = [x + dx, y + dy].map((at) => Math.min(SIDE - 1, Math.max(0, at)));
    } else if (event.key === " ") {
      this.cursor ??= [SIDE / 2, SIDE / 2];
      if (!this.painting) this.keep();
      this.painting = true;
      this.dab(this.cursor[0] + 0.5, this.cursor[1] + 0.5, 1);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.back();
    else return;
    event.preventDefault();
    if (this.cursor) this.tellCell();
    this.paint();
  }

  tellCell() {
    const [column, row] = this.cursor;
    const level = Math.round(this.levels[row * SIDE + column]);
    this.cell.textContent = this.words.cell.replace("{column}", column + 1).replace("{row}", row + 1)
      .replace("{level}", level);
  }

  keep() {
    this.undone = [...this.undone.slice(-30), this.levels.slice()];
  }

  back() {
    const before = this.undone.pop();
    if (!before) return;
    this.levels = before;
    this.send();
    this.paint();
  }

  read(text) {
    for (let at = 0; at < SIDE * SIDE; at += 1) this.levels[at] = parseInt(text[at] ?? "0", 16) || 0;
  }

  send() {
    const text = Array.from(this.levels, (level) => Math.round(level).toString(16)).join("");
    if (text === this.sent) return;
    this.sent = text;
    this.setStateValue("levels", text);
  }

  readTheme() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => rgb(style.getPropertyValue(name).trim() || otherwise);
    const [paper, text] = [read("--st-background-color", "#fff"), read("--st-text-color", "#31333f")];
    const dark = paper[0] + paper[1] + paper[2] < 384;
    const full = dark ? [134, 191, 245] : [29, 92, 158];
    const mix = (share) => paper.map((channel, index) => Math.round(channel + (full[index] - channel) * share));
    this.colours = Array.from({ length: MOST + 1 }, (_, level) => `rgb(${mix((level / MOST) ** 0.8)})`);
    this.grid = `rgba(${text}, ${dark ? 0.1 : 0.07})`;
    this.ring = `rgba(${text}, 0.7)`;
  }

  paint() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(canvas.clientWidth * ratio);
    if (!side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    const edge = (index) => Math.round((index * side) / SIDE);
    for (let at = 0; at < SIDE * SIDE; at += 1) {
      const [column, row] = [at % SIDE, Math.floor(at / SIDE)];
      context.fillStyle = this.colours[Math.round(this.levels[at])];
      context.fillRect(edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
    }
    context.strokeStyle = this.grid;
    context.lineWidth = 1;
    context.beginPath();
    for (let index = 1; index < SIDE; index += 1) {
      context.moveTo(edge(index) + 0.5, 0);
      context.lineTo(edge(index) + 0.5, side);
      context.moveTo(0, edge(index) + 0.5);
      context.lineTo(side, edge(index) + 0.5);
    }
    context.stroke();
    context.strokeStyle = this.ring;
    context.lineWidth = 1.5 * ratio;
    const cell = side / SIDE;
    if (this.pointer) {
      context.beginPath();
      context.arc(this.pointer[0] * cell, this.pointer[1] * cell, (this.size.value / 2) * cell, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.cursor) context.strokeRect(this.cursor[0] * cell, this.cursor[1] * cell, cell, cell);
    this.undo.disabled = this.undone.length === 0;
  }
}

const brushes = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tb-root");
  if (!brushes.has(root)) brushes.set(root, new Brush(root));
  brushes.get(root).update(component);
}
