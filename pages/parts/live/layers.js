// What every layer does under every strategy: a table of one measured quantity, strategies down, layers across. A lock
// stands where no weight of a layer moved in the last step: measured, not asked of a flag.

import { armColour, lookAt, lookedAt } from "./arms.js";
import { Card } from "./canvas.js";
import { ScaleLegend, Segments } from "./options.js";
import { shadesOf } from "./shades.js";
import { css, mixed, rgb } from "./theme.js";
import { ellipsized, widestOf } from "./tokens.js";

/** How each quantity is coloured: on a logarithmic scale of at most `decades`, or by its distance from `from`. */
export const QUANTITIES = {
  drift: { array: "drift_AL", from: 0 },
  gradient: { array: "gradient_AL", decades: 4 },
  update: { array: "update_AL", decades: 4 },
  cka: { array: "cka_AL", from: 1 },
  rate: { array: "rate_AL", decades: 4 },
  moved: { array: "moved_AL", decades: 4 },
};
const ROW_PX = 25;
const TOP_ROW_PX = 22;
const NAMES = { most: 150, share: 0.27 };
const NARROW_PX = 56;

/** Whether all weights of a layer stayed as they were, bit for bit, in the step that led to this picture. */
export function lockedIn(picture, cell) {
  return picture.step > 0 && picture.arrays.moved_AL?.data[cell] === 0;
}

/** The chosen strategy and layer, as numbers; where nothing is chosen, the panel's own beginning. */
export function chosenCell({ choice }, { arms, layers, start }) {
  const place = (name) => arms.findIndex(({ arm }) => arm === name);
  const arm = Math.max(0, place(choice.arm) < 0 ? place(start?.arm) : place(choice.arm));
  const wanted = choice.layer ?? start?.layer ?? 0;
  return { arm, layer: Math.min(layers.length - 1, wanted), cell: arm * layers.length };
}

/** A padlock of some ten pixels. */
export function drawLock(context, x, y, colour) {
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1.4;
  context.beginPath();
  context.arc(x, y - 1.5, 2.6, Math.PI, 2 * Math.PI);
  context.stroke();
  context.beginPath();
  context.roundRect(x - 4, y - 1.5, 8, 6, 1.2);
  context.fill();
}

export class LayersPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-layers");
    Object.assign(this, { panel, slot });
    const { speech } = view;
    const options = Object.keys(QUANTITIES).map((value) => ({
      value, label: speech.say(`layer_${value}`), title: speech.say(`layer_${value}_why`),
    }));
    this.segments = new Segments(speech.say("layer_quantity"), options, (quantity) => {
      view.choice.set({ quantity: quantity === "drift" ? null : quantity });
    });
    this.segments.element.classList.add("tl-wrapped");
    this.stage.before(this.segments.element);
    this.scale = new ScaleLegend(view);
    this.why = document.createElement("span");
    this.why.className = "tl-note";
    this.foot.append(this.why, this.scale.element);
    this.stage.style.height = `${TOP_ROW_PX + ROW_PX * panel.arms.length + 4}px`;
    this.listen();
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  get quantity() {
    const { quantity } = this.view.choice;
    return quantity in QUANTITIES ? quantity : "drift";
  }

  entitle(label) {
    super.entitle(label === null ? null : `${this.panel.title} · ${label}`);
  }

  listen() {
    const { canvas, view } = this;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => this.hover(this.under(event)));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("click", (event) => {
      const cell = this.under(event);
      if (cell) view.choice.set({ arm: this.panel.arms[cell.arm].arm, layer: cell.layer });
    });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      const { arm, layer } = chosenCell(view, this.panel);
      const { arms, layers } = this.panel;
      const next = Math.min(arms.length - 1, Math.max(0, arm + move[0]));
      view.choice.set({ arm: arms[next].arm, layer: Math.min(layers.length - 1, Math.max(0, layer + move[1])) });
      event.preventDefault();
      event.stopPropagation();
    });
  }

  under({ offsetX, offsetY }) {
    if (!this.place) return null;
    const { x, y, wide } = this.place;
    const [arm, layer] = [Math.floor((offsetY - y) / ROW_PX), Math.max(0, Math.floor((offsetX - x) / wide))];
    return this.panel.arms[arm] && this.panel.layers[layer] ? { arm, layer } : null;
  }

  hover(over) {
    this.over = over;
    lookAt(this.view, over ? this.panel.arms[over.arm].arm : null);
    this.readOut();
  }

  state() {
    const { version, pointed } = this.view.choice;
    return [...super.state(), version, pointed];
  }

  paint(theme) {
    const picture = this.view.pictureOf(this.feed);
    const array = picture?.arrays[QUANTITIES[this.quantity].array];
    this.waiting(!array, array ? "" : this.waitingFor(this.feed));
    this.segments.paint(this.quantity);
    this.tellWhy();
    const context = this.wiped();
    this.array = array ?? null;
    if (!array) return;
    this.picture = picture;
    const { arms, layers } = this.panel;
    context.font = `12px ${theme.font}`;
    const names = Math.min(NAMES.most, NAMES.share * this.width, widestOf(context, arms.map(({ label }) => label)));
    this.place = { x: names + 12, y: TOP_ROW_PX, wide: (this.width - names - 14) / layers.length };
    this.range = rangeOf(QUANTITIES[this.quantity], array.data);
    this.paintScale(theme);
    this.drawHeads(context, theme);
    const looked = lookedAt(this.view.choice, arms);
    arms.forEach((arm, row) => this.drawRow(context, theme, { arm, row, looked }));
    this.frame(context, theme);
    this.readOut();
  }

  paintScale(theme) {
    const { low, high, log, from } = this.range;
    const [first, last] = from === 1 ? [1, low] : [low, high];
    this.scale.paint(theme, { diverging: false, log: false, low: first, reach: last });
    const said = log ? this.view.speech.say("layer_log") : "";
    if (this.scale.element.title !== said) this.scale.element.title = said;
  }

  tellWhy() {
    const said = this.view.speech.say(`layer_${this.quantity}_why`);
    if (this.why.textContent !== said) this.why.textContent = said;
  }

  drawHeads(context, theme) {
    const { x, wide } = this.place;
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    context.textAlign = "center";
    context.textBaseline = "middle";
    this.panel.layers.forEach((name, layer) => {
      context.fillText(ellipsized(context, name, wide - 2), x + (layer + 0.5) * wide, TOP_ROW_PX / 2);
    });
  }

  drawRow(context, theme, { arm, row, looked }) {
    const { x, y, wide } = this.place;
    const { layers } = this.panel;
    const top = y + row * ROW_PX;
    const strong = looked === arm.arm;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = `${strong ? 600 : 400} 12px ${theme.font}`;
    context.fillStyle = css(rgb(armColour(theme, arm)));
    context.fillRect(0, top + 6, 3, ROW_PX - 13);
    context.fillStyle = strong ? theme.text : theme.muted;
    context.fillText(ellipsized(context, arm.label, x - 14), 8, top + ROW_PX / 2);
    layers.forEach((_, layer) => {
      this.drawCell(context, theme, { cell: row * layers.length + layer, left: x + layer * wide, top });
    });
  }

  drawCell(context, theme, { cell, left, top }) {
    const { wide } = this.place;
    const value = this.array.data[cell];
    const locked = lockedIn(this.picture, cell);
    const share = shareOf(this.range, value);
    const narrow = wide < NARROW_PX;
    const none = mixed(theme.background, theme.ink, 0.03);
    const ground = Number.isFinite(share) ? shadesOf(theme).weight(0.82 * share) : none;
    context.fillStyle = css(ground);
    context.fillRect(left + 1, top + 1, wide - 2, ROW_PX - 2);
    const ink = inkOn(ground);
    const middle = top + ROW_PX / 2;
    if (locked) drawLock(context, narrow ? left + wide / 2 : left + wide - 11, middle, css(rgb(ink), 0.75));
    if (narrow && locked) return;
    context.font = `${narrow ? 10 : 11}px ${theme.font}`;
    context.fillStyle = Number.isFinite(value) ? ink : theme.faint;
    context.textAlign = "center";
    context.fillText(this.said(value), left + wide / 2 - (locked ? 5 : 0), middle + 0.5);
  }

  said(value) {
    return Number.isNaN(value) ? "–" : this.view.speech.value(value);
  }

  frame(context, theme) {
    const { choice } = this.view;
    const { arms } = this.panel;
    if (choice.arm === null && choice.layer === null) return;
    const { arm, layer } = chosenCell(this.view, this.panel);
    if (choice.arm !== null && arms[arm].arm !== choice.arm) return;
    const { x, y, wide } = this.place;
    context.strokeStyle = theme.primary;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(x + layer * wide, y + arm * ROW_PX, wide, ROW_PX, 3);
    context.stroke();
  }

  readOut() {
    let said = "";
    if (this.over && this.array) said = this.spoken(this.over.arm, this.over.layer);
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  spoken(arm, layer) {
    const { arms, layers } = this.panel;
    const cell = arm * layers.length + layer;
    const lock = lockedIn(this.picture, cell) ? `, ${this.view.speech.say("layer_locked")}` : "";
    return `${arms[arm].label}, ${layers[layer]}: ${this.said(this.array.data[cell])}${lock}`;
  }

  tell() {
    const { speech } = this.view;
    if (!this.array) return speech.say("waiting_first");
    const { arms, layers } = this.panel;
    const cells = Array.from(this.array.data.keys()).filter((cell) => Number.isFinite(this.array.data[cell]));
    const at = (cell) => this.spoken(Math.floor(cell / layers.length), cell % layers.length);
    const sorted = cells.sort((one, other) => this.array.data[other] - this.array.data[one]);
    const locked = arms
      .map(({ label }, arm) => {
        const names = layers.filter((_, layer) => lockedIn(this.picture, arm * layers.length + layer));
        return names.length ? `${label} (${names.join(", ")})` : "";
      })
      .filter(Boolean);
    const { arm, layer } = chosenCell(this.view, this.panel);
    return speech.say("alt_layers", {
      title: this.panel.title, quantity: speech.say(`layer_${this.quantity}`), step: speech.count(this.picture.step),
      high: sorted.length ? at(sorted[0]) : "–", low: sorted.length ? at(sorted.at(-1)) : "–",
      locked: locked.join("; ") || "–", chosen: this.spoken(arm, layer),
    });
  }
}

/** The ends of the colours: round numbers around the finite values; on a logarithmic scale the topmost decades. */
function rangeOf({ from, decades }, data) {
  const finite = Array.from(data).filter((value) => Number.isFinite(value) && (!decades || value > 0));
  const top = finite.length ? Math.max(...finite) : 1;
  if (decades) {
    const high = 10 ** Math.ceil(Math.log10(top) - 1e-9);
    const lowest = 10 ** Math.floor(Math.log10(finite.length ? Math.min(...finite) : high / 10) + 1e-9);
    return { low: Math.min(high / 10, Math.max(lowest, high / 10 ** decades)), high, log: true };
  }
  const reach = finite.length ? Math.max(...finite.map((value) => Math.abs(value - from))) || 1e-3 : 1;
  const unit = 10 ** Math.floor(Math.log10(reach));
  const nice = unit * [1, 2, 5, 10].find((each) => each * unit >= reach * (1 - 1e-9));
  return from === 1 ? { low: 1 - nice, high: 1, from } : { low: 0, high: nice, from };
}

/** Black or white, whichever is read better on this ground (relative luminance, WCAG 2). */
function inkOn(ground) {
  const [red, green, blue] = ground.map((channel) => (channel / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#15131f" : "#ffffff";
}

/** Where a value stands between no colour and all of it. */
function shareOf({ low, high, log, from }, value) {
  if (!Number.isFinite(value)) return value === Infinity ? 1 : NaN;
  if (log) return value > 0 ? Math.min(1, Math.max(0.03, Math.log(value / low) / Math.log(high / low))) : 0;
  return Math.min(1, from === 1 ? (1 - value) / (1 - low) : value / high);
}
