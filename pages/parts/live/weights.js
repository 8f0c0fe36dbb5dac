// One layer under one strategy: its weights now over those it began with, as a histogram, and its measured numbers.

import { armColour } from "./arms.js";
import { Card, make } from "./canvas.js";
import { QUANTITIES, chosenCell, lockedIn } from "./layers.js";
import { ticks } from "./numbers.js";
import { css, rgb } from "./theme.js";

const FOOT_PX = 20;
const TOP_PX = 8;

export class WeightsPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-weights");
    Object.assign(this, { panel, slot });
    const { speech } = view;
    this.marks = ["then", "now"].map((when) => make("i", { class: `tl-swatch tl-${when}` }));
    const [then, now] = this.marks;
    this.foot.append(
      make("span", { class: "tl-entry" }, now, make("span", { text: speech.say("weights_now") })),
      make("span", { class: "tl-entry" }, then, make("span", { text: speech.say("weights_then") })),
    );
    this.values = new Map();
    const rows = Object.keys(QUANTITIES).map((name) => {
      const [term, value] = [make("dt", { text: speech.say(`layer_${name}`) }), make("dd")];
      this.values.set(name, value);
      return make("div", { title: speech.say(`layer_${name}_why`) }, term, value);
    });
    this.lock = make("p", { class: "tl-lock" });
    this.element.append(make("dl", { class: "tl-numbers" }, ...rows), this.lock);
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  entitle(label) {
    const { arm, layer } = chosenCell(this.view, this.panel);
    const chosen = `${this.panel.arms[arm].label}, ${this.panel.layers[layer]}`;
    super.entitle([this.panel.title, chosen, label].filter(Boolean).join(" · "));
    this.label = label;
  }

  state() {
    return [...super.state(), this.view.choice.version];
  }

  paint(theme) {
    const picture = this.view.pictureOf(this.feed);
    const { arm, layer, cell } = chosenCell(this.view, this.panel);
    const { histogram_ALB: now, histogram_start_LB: then, edges_LB: edges } = picture?.arrays ?? {};
    const some = Boolean(now && then && edges);
    this.entitle(this.label ?? null);
    this.waiting(!some, some ? "" : this.waitingFor(this.feed));
    const context = this.wiped();
    this.shown = some ? { picture, at: cell + layer } : null;
    if (!some) return;
    const bins = then.shape.at(-1);
    const row = (data, at, long = bins) => data.subarray(at * long, (at + 1) * long);
    const counts = { now: row(now.data, cell + layer), then: row(then.data, layer) };
    const colour = armColour(theme, this.panel.arms[arm]);
    const [mark, fresh] = this.marks;
    mark.style.borderColor = theme.muted;
    fresh.style.background = css(rgb(colour), 0.55);
    this.drawCounts(context, theme, counts, row(edges.data, layer, bins + 1), rgb(colour));
    this.write(picture, cell + layer);
  }

  drawCounts(context, theme, { now, then }, edges, colour) {
    const [width, bottom] = [this.width, this.height - FOOT_PX];
    // Roots: the many weights near zero would leave the far ones, which move most, no ink.
    const most = Math.sqrt(Math.max(1, ...now, ...then));
    const [low, high] = [edges[0], edges.at(-1)];
    const x = (weight) => ((weight - low) / (high - low)) * width;
    const y = (count) => bottom - (Math.sqrt(count) / most) * (bottom - TOP_PX);
    const outline = (counts) => {
      context.beginPath();
      context.moveTo(0, bottom);
      counts.forEach((count, bin) => {
        context.lineTo(x(edges[bin]), y(count));
        context.lineTo(x(edges[bin + 1]), y(count));
      });
      context.lineTo(width, bottom);
    };
    outline(now);
    context.fillStyle = css(colour, 0.5);
    context.fill();
    outline(then);
    context.strokeStyle = theme.muted;
    context.lineWidth = 1.2;
    context.stroke();
    context.strokeStyle = theme.axis;
    context.beginPath();
    context.moveTo(0, bottom + 0.5);
    context.lineTo(width, bottom + 0.5);
    context.stroke();
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    context.textBaseline = "top";
    const marked = ticks(low, high, Math.max(2, Math.floor(width / 70)));
    for (const value of marked.values) {
      const at = x(value);
      context.textAlign = at < 14 ? "left" : at > width - 14 ? "right" : "center";
      context.fillText(this.view.speech.tick(value, marked.step), at, bottom + 5);
    }
  }

  write(picture, cell) {
    const { speech } = this.view;
    for (const [name, element] of this.values) {
      const value = picture.arrays[QUANTITIES[name].array]?.data[cell];
      const said = value === undefined || Number.isNaN(value) ? "–" : speech.value(value);
      if (element.textContent !== said) element.textContent = said;
    }
    const said = picture.step === 0 ? "" : speech.say(lockedIn(picture, cell) ? "layer_locked_long" : "layer_moves");
    if (this.lock.textContent !== said) this.lock.textContent = said;
  }

  tell() {
    const { speech } = this.view;
    if (!this.shown) return speech.say("waiting_first");
    const said = [...this.values].map(([name, { textContent }]) => `${speech.say(`layer_${name}`)} ${textContent}`);
    const fields = { title: this.title.textContent, step: speech.count(this.shown.picture.step) };
    return `${speech.say("alt_curves", { ...fields, values: said.join(", ") })} ${this.lock.textContent}`.trim();
  }
}
