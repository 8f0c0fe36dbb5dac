// ALiBi: each head takes its own share of the distance from a score; what then is left of equal scores.

import { make } from "../live/canvas.js";
import { css, mixed, rgb } from "../live/theme.js";
import { alibiSlopes, softmax } from "./encodings.js";
import { axes, polyline, Scene } from "./stage.js";

const MOST_HELD = 0.9;

export class AlibiScene extends Scene {
  build({ bounds }) {
    this.knobs = {
      heads: this.knob("heads", { low: bounds.heads[0], high: bounds.heads[1], value: 8 }),
      keys: this.knob("keys", { low: bounds.keys[0], high: bounds.keys[1], value: 64 }),
    };
    this.chosen = 0;
    this.chips = make("div", { class: "tp-buttons tp-chips", role: "group", "aria-label": this.say("slopes") });
    this.bias = this.plate("tp-bias", (...painted) => this.drawBias(...painted));
    this.weights = this.plate("tp-weights", (...painted) => this.drawWeights(...painted));
    this.said = make("p", { class: "tp-said" });
    const knobs = make("div", { class: "tp-knobs" }, ...Object.values(this.knobs).map(({ label }) => label));
    const pictures = make("div", { class: "tp-pictures tp-two" }, this.bias.canvas, this.weights.canvas);
    this.root.replaceChildren(knobs, this.chips, pictures, this.said);
  }

  settings() {
    return { heads: this.knobs.heads.value, keys: this.knobs.keys.value, chosen: this.chosen };
  }

  set({ heads, keys, chosen }) {
    Object.assign(this.knobs.heads, { value: heads });
    Object.assign(this.knobs.keys, { value: keys });
    this.chosen = chosen;
  }

  send() {}

  changed() {
    for (const knob of Object.values(this.knobs)) knob.show();
    const { heads, keys } = this.settings();
    this.chosen = Math.min(this.chosen, heads - 1);
    this.slopes = alibiSlopes(heads);
    this.biases = this.slopes.map((slope) => Array.from({ length: keys }, (_, distance) => -slope * distance));
    this.shares = this.biases.map(softmax);
    this.tell("alibi", { settings: this.settings(), slopes: this.slopes, weights: this.shares });
    this.drawChips();
    this.explain(keys);
    this.paint();
  }

  drawChips() {
    while (this.chips.children.length > this.slopes.length) this.chips.lastChild.remove();
    this.slopes.forEach((slope, head) => {
      const chip = this.chips.children[head] ?? this.chip(head);
      chip.lastChild.textContent = this.slopeText(slope);
      chip.firstChild.style.background = this.colour(head);
      chip.setAttribute("aria-pressed", String(head === this.chosen));
      chip.setAttribute("aria-label", this.say("head", { head: this.number.format(head + 1), slope: this.slopeText(slope) }));
    });
  }

  chip(head) {
    const chip = this.button("", () => {
      this.chosen = head;
      this.changed();
    }, "");
    chip.append(make("i", {}), make("span", {}));
    this.chips.append(chip);
    return chip;
  }

  slopeText(slope) {
    const [parts, twos] = [Math.round(1 / slope), Math.log2(slope)];
    return Number.isInteger(twos) ? `1/${parts}` : this.number.format(Number(slope.toPrecision(3)));
  }

  /** From blue for the shortest sight to orange for the longest. */
  colour(head) {
    const share = this.slopes.length > 1 ? this.slopes.slice().sort((a, b) => b - a).indexOf(this.slopes[head]) / (this.slopes.length - 1) : 0;
    const { series } = this.theme;
    const violet = rgb(series[3]);
    return css(share < 0.5 ? mixed(rgb(series[0]), violet, 2 * share) : mixed(violet, rgb(series[1]), 2 * share - 1));
  }

  /** How many of the nearest tokens hold most of a head's attention. */
  reach(head) {
    let held = 0;
    return this.shares[head].findIndex((share) => (held += share) >= MOST_HELD) + 1;
  }

  explain(keys) {
    const show = (value) => this.number.format(value);
    const fields = {
      head: show(this.chosen + 1), slope: this.slopeText(this.slopes[this.chosen]), keys: show(keys),
      reach: show(this.reach(this.chosen)), own: this.number.format(100 * this.shares[this.chosen][0]),
    };
    this.said.textContent = this.say("reach", fields);
    const ends = { heads: show(this.slopes.length), steep: this.slopeText(Math.max(...this.slopes)), flat: this.slopeText(Math.min(...this.slopes)) };
    this.bias.describe(this.say("alt_bias", ends));
    this.weights.describe(this.say("reach", fields));
  }

  lines(context, width, height, rows, ys, title) {
    const box = { x: 46, y: 30, width: width - 58, height: height - 30 - 40 };
    this.write(context, title, box.x, 14, { weight: 600, colour: this.theme.text });
    const xs = [0, rows[0].length - 1];
    const scales = axes(this, context, box, { xs, ys, xLabel: this.say("distance"), count: width < 420 ? 4 : 6 });
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height + 1);
    context.clip();
    rows.forEach((row, head) => {
      if (head !== this.chosen) this.line(context, scales, row, head, 1.5, 0.55);
    });
    this.line(context, scales, rows[this.chosen], this.chosen, 3.5, 1);
    context.restore();
  }

  line(context, scales, row, head, width, alpha) {
    context.globalAlpha = alpha;
    polyline(context, row.map((value, distance) => [scales.x(distance), scales.y(value)]), this.colour(head), width);
    context.globalAlpha = 1;
  }

  drawBias(context, width, height) {
    // Below e⁻⁸ of the weight nothing can be seen: the steep lines may leave the picture.
    const lowest = Math.max(-8, Math.min(...this.biases.map((row) => row.at(-1))));
    this.lines(context, width, height, this.biases, [lowest, 0], this.say("bias"));
  }

  drawWeights(context, width, height) {
    const highest = Math.max(...this.shares.map(([own]) => own));
    this.lines(context, width, height, this.shares, [0, highest * 1.05], this.say("weights"));
  }
}
