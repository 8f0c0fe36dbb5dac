// A plan to paint: rows are layers with the head on top, columns tenths of the training, a cell is a digit of the pace.
// Mouse, touch or keys; sent to the page when a stroke ends.

import { make } from "../live/canvas.js";

const LAYERS = 6;
const COLUMNS = 10;
const FULL = 9;
const BRUSHES = [0, 3, 6, 9];
const RESTED_MS = 500;
const KEPT = 40;

function filled(template, fields) {
  return template.replace(/\{(\w+)\}/g, (whole, field) => (field in fields ? String(fields[field]) : whole));
}

/** How much colour a digit gets: seen evenly, though each step is a factor. */
function shareOf(digit) {
  return digit === 0 ? 0 : 0.12 + 0.78 * (digit / FULL);
}

class Planner {
  constructor(root) {
    this.root = root;
    this.digits = null;
    this.brush = 0;
    this.cursor = { layer: LAYERS - 1, column: 0 };
    this.undone = [];
    this.turns = 0;
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.data = data;
    const shape = JSON.stringify([data.words, data.layers, data.presets]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.build();
    }
    if (data.plan !== this.told) {
      this.told = data.plan;
      // Our own stroke coming back is no news: the visitor may be on the next one already.
      if (data.plan !== this.sent) this.read(data.plan);
      this.sent = data.plan;
    }
    this.paint();
  }

  say(name, fields = {}) {
    return filled(this.data.words[name], fields);
  }

  /** The first column that may be painted. */
  get first() {
    const { now, past } = this.data;
    return past && now !== null ? Math.min(COLUMNS - 1, Math.floor(now * COLUMNS + 1e-9)) : 0;
  }

  build() {
    const { layers, presets } = this.data;
    this.brushes = BRUSHES.map((digit) => {
      const swatch = make("i", { class: "tn-swatch", "data-digit": digit });
      swatch.style.setProperty("--tn-share", shareOf(digit));
      const button = make("button", { type: "button" }, swatch, this.say(`brush_${digit}`));
      button.addEventListener("click", () => {
        this.brush = digit;
        this.paint();
      });
      return { digit, button };
    });
    this.undo = this.button("undo", () => this.back());
    this.clear = this.button("clear", () => this.take(null));
    const nothing = make("option", { text: this.say("begin"), value: "" });
    const begin = make("select", { "aria-label": this.say("begin") }, nothing);
    presets.forEach(({ label }, index) => begin.append(make("option", { text: label, value: index })));
    begin.addEventListener("change", () => {
      if (begin.value !== "") this.take(this.digitsOf(presets[Number(begin.value)].text));
      begin.value = "";
    });
    const rows = Array.from({ length: LAYERS }, (_, at) => LAYERS - 1 - at);
    this.cells = new Map();
    const names = rows.map((layer) => {
      const name = make("button", { type: "button", text: layers[layer], tabindex: -1 });
      name.addEventListener("click", () => this.fillRow(layer));
      return name;
    });
    this.marker = make("div", { class: "tn-now" });
    const grid = rows.map((layer) => make("div", { class: "tn-row", role: "row", "aria-label": layers[layer] },
      ...Array.from({ length: COLUMNS }, (_, column) => this.cell(layer, column))));
    this.grid = make("div", { class: "tn-grid", role: "grid", "aria-label": this.say("grid") }, ...grid, this.marker);
    const axis = make("div", { class: "tn-axis", "aria-hidden": "true" },
      make("span", { text: "0 %" }), make("span", { text: `${this.say("time")} →` }), make("span", { text: "100 %" }));
    const named = make("div", { class: "tn-names" }, ...names);
    this.whole = make("div", { class: "tn-plan" }, named, this.grid, axis);
    const tools = make("div", { class: "tn-tools", role: "group", "aria-label": this.say("brush") },
      ...this.brushes.map(({ button }) => button));
    const more = make("div", { class: "tn-tools" }, begin, this.undo, this.clear);
    this.hint = make("p", { class: "tn-hint" });
    this.spokenCell = make("div", { class: "tn-hidden", "aria-live": "polite" });
    this.root.replaceChildren(more, tools, this.whole, this.hint, this.spokenCell);
    this.listen();
  }

  button(name, act) {
    const button = make("button", { type: "button", text: this.say(name) });
    button.addEventListener("click", act);
    return button;
  }

  cell(layer, column) {
    const cell = make("div", { class: "tn-cell", role: "gridcell", tabindex: -1 });
    cell.addEventListener("focus", () => {
      this.cursor = { layer, column };
      this.paint();
    });
    this.cells.set(`${layer}.${column}`, cell);
    return cell;
  }

  listen() {
    const { grid } = this;
    grid.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 && event.pointerType === "mouse") return;
      grid.setPointerCapture(event.pointerId);
      this.keep();
      this.last = null;
      this.held = true;
      this.stroke(this.place(event));
      event.preventDefault();
    });
    grid.addEventListener("pointermove", (event) => {
      if (this.held) for (const each of event.getCoalescedEvents?.() ?? [event]) this.stroke(this.place(each));
    });
    const release = () => {
      if (this.held) this.send();
      this.held = false;
    };
    grid.addEventListener("pointerup", release);
    grid.addEventListener("pointercancel", release);
    grid.addEventListener("keydown", (event) => this.key(event));
  }

  /** The cell under a pointer, also where it has left the grid. */
  place({ clientX, clientY }) {
    const box = this.grid.getBoundingClientRect();
    const inside = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    const row = inside((clientY - box.top) / box.height, LAYERS);
    return { layer: LAYERS - 1 - row, column: inside((clientX - box.left) / box.width, COLUMNS) };
  }

  /** Paint along the way from the last cell, so that a fast stroke has no holes. */
  stroke({ layer, column }) {
    const from = this.last ?? { layer, column };
    const parts = Math.max(Math.abs(layer - from.layer), Math.abs(column - from.column), 1);
    for (let part = 0; part <= parts; part += 1) {
      const between = (one, other) => Math.round(one + ((other - one) * part) / parts);
      this.put(between(from.layer, layer), between(from.column, column), this.brush);
    }
    this.last = { layer, column };
    this.paint();
  }

  put(layer, column, digit) {
    if (column < this.first) return;
    this.digits ??= Array.from({ length: LAYERS }, () => Array(COLUMNS).fill(FULL));
    this.digits[layer][column] = digit;
  }

  fillRow(layer) {
    this.keep();
    for (let column = 0; column < COLUMNS; column += 1) this.put(layer, column, this.brush);
    this.send();
    this.paint();
  }

  key(event) {
    const moves = {
      ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0],
      Home: [0, -COLUMNS], End: [0, COLUMNS],
    };
    const { layer, column } = this.cursor;
    if (event.key in moves) {
      const [up, across] = moves[event.key];
      this.go(layer + up, column + across);
    } else if (/^[0-9]$/.test(event.key)) {
      this.keep();
      this.brush = Number(event.key);
      this.put(layer, column, this.brush);
      this.rest();
    } else if (event.key === " ") {
      this.keep();
      this.put(layer, column, this.brush);
      this.rest();
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.back();
    else return;
    event.preventDefault();
    this.tell();
    this.paint();
  }

  go(layer, column) {
    const inside = (at, most) => Math.min(most - 1, Math.max(0, at));
    this.cursor = { layer: inside(layer, LAYERS), column: inside(column, COLUMNS) };
    this.cells.get(`${this.cursor.layer}.${this.cursor.column}`).focus();
  }

  /** Keys paint cell by cell: the page hears of it after a rest. */
  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send(), RESTED_MS);
  }

  tell() {
    const said = this.spoken(this.cursor.layer, this.cursor.column);
    if (this.spokenCell.textContent !== said) this.spokenCell.textContent = said;
  }

  spoken(layer, column) {
    const digit = this.digits?.[layer][column] ?? FULL;
    const exact = Number((100 * 10 ** (-(FULL - digit) / 3)).toPrecision(2));
    const percent = exact.toLocaleString(this.data.words.locale);
    const pace = digit === 0 ? this.say("pace_0") : this.say("pace", { percent });
    return this.say("cell", { layer: this.data.layers[layer], first: 10 * column, last: 10 * (column + 1), pace });
  }

  keep() {
    this.undone = [...this.undone.slice(1 - KEPT), this.digits && this.digits.map((row) => [...row])];
  }

  back() {
    if (!this.undone.length) return;
    this.digits = this.undone.pop();
    this.send();
    this.paint();
  }

  /** A whole plan, or none; what has been trained already stays. */
  take(digits) {
    this.keep();
    const before = this.digits;
    this.digits = digits;
    if (before && digits) {
      digits.forEach((row, layer) => row.splice(0, this.first, ...before[layer].slice(0, this.first)));
    }
    this.send();
    this.paint();
  }

  digitsOf(text) {
    if (!/^[0-9]{10}(\.[0-9]{10}){5}$/.test(text)) return null;
    return text.split(".").map((row) => [...row].map(Number));
  }

  read(text) {
    this.digits = this.digitsOf(text);
    this.undone = [];
  }

  send() {
    clearTimeout(this.resting);
    const text = this.digits?.map((row) => row.join("")).join(".") ?? "";
    if (text === this.sent) return;
    this.sent = text;
    this.turns += 1;
    // Told apart from what was said in an earlier life of this component.
    this.setStateValue("plan", { text, turn: Date.now() + this.turns });
  }

  paint() {
    const { now, past } = this.data;
    for (const { digit, button } of this.brushes) button.setAttribute("aria-pressed", String(digit === this.brush));
    this.whole.classList.toggle("tn-none", !this.digits);
    for (let layer = 0; layer < LAYERS; layer += 1) {
      for (let column = 0; column < COLUMNS; column += 1) {
        const cell = this.cells.get(`${layer}.${column}`);
        const digit = this.digits?.[layer][column] ?? FULL;
        cell.dataset.digit = digit;
        cell.style.setProperty("--tn-share", shareOf(digit));
        cell.classList.toggle("tn-gone", column < this.first);
        cell.tabIndex = layer === this.cursor.layer && column === this.cursor.column ? 0 : -1;
        const said = this.spoken(layer, column);
        if (cell.title !== said) {
          cell.title = said;
          cell.setAttribute("aria-label", said);
        }
      }
    }
    this.marker.hidden = now === null;
    this.marker.style.left = `${100 * Math.min(1, Math.max(0, now ?? 0))}%`;
    this.undo.disabled = !this.undone.length;
    this.clear.disabled = !this.digits || this.first > 0;
    const hint = past && now !== null ? `${this.say("past")} ${this.say("hint")}` : this.say("hint");
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
  }
}

const planners = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tn-root");
  if (!planners.has(root)) planners.set(root, new Planner(root));
  planners.get(root).update(component);
}
