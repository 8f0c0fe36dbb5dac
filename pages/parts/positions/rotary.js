// Rotary positions: a query and a key as arrows, pair by pair, and the score that knows only how far apart they are.

import { make } from "../live/canvas.js";
import { css, mixed } from "../live/theme.js";
import { dot, frequencies, rotated } from "./encodings.js";
import { axes, polyline, Scene, spot } from "./stage.js";

const ROOM = 64;

export class RotaryScene extends Scene {
  build({ vectors }) {
    this.vectors = vectors;
    this.chosen = 0;
    const log = { read: (text) => Number((10 ** Number(text)).toPrecision(3)), write: Math.log10 };
    this.knobs = {
      query: this.knob("query", { low: 0, high: ROOM, value: 12 }),
      key: this.knob("key", { low: 0, high: ROOM, value: 7 }),
      base: this.knob("base", { low: 10, high: 100_000, step: 0.02, value: 10_000, ...log }),
    };
    this.together = this.button("together", () => {
      this.apart = this.apart === undefined ? this.knobs.query.value - this.knobs.key.value : undefined;
      this.together.setAttribute("aria-pressed", String(this.apart !== undefined));
    });
    this.together.setAttribute("aria-pressed", "false");
    const others = this.button("others", () => {
      this.chosen = (this.chosen + 1) % this.vectors.length;
      this.changed();
    });
    this.planes = this.plate("tp-planes", (...painted) => this.drawPlanes(...painted));
    this.scores = this.plate("tp-scores", (...painted) => this.drawScores(...painted));
    this.said = make("p", { class: "tp-said" });
    const knobs = make("div", { class: "tp-knobs" }, ...Object.values(this.knobs).map(({ label }) => label));
    const buttons = make("div", { class: "tp-buttons" }, this.together, others);
    const pictures = make("div", { class: "tp-pictures" }, this.planes.canvas, this.said, this.scores.canvas);
    this.root.replaceChildren(knobs, buttons, pictures);
  }

  settings() {
    const { query, key, base } = this.knobs;
    return { query: query.value, key: key.value, base: base.value, chosen: this.chosen };
  }

  set({ query, key, base, chosen }) {
    Object.assign(this.knobs.query, { value: query });
    Object.assign(this.knobs.key, { value: key });
    Object.assign(this.knobs.base, { value: base });
    this.chosen = chosen;
  }

  /** Where both shall keep their distance, the other one follows. */
  touched(name) {
    if (this.apart === undefined || name === "base") return;
    const { query, key } = this.knobs;
    const low = Math.max(0, this.apart);
    const high = Math.min(ROOM, ROOM + this.apart);
    const wanted = name === "query" ? query.value : key.value + this.apart;
    query.value = Math.min(high, Math.max(low, wanted));
    key.value = query.value - this.apart;
  }

  send() {}

  changed() {
    for (const knob of Object.values(this.knobs)) knob.show();
    const { query, key, base } = this.settings();
    const vectors = this.vectors[this.chosen];
    this.q = rotated(vectors.q, query, base);
    this.k = rotated(vectors.k, key, base);
    this.parts = Array.from({ length: this.q.length / 2 }, (_, pair) => {
      const at = [2 * pair, 2 * pair + 2];
      return dot(this.q.slice(...at), this.k.slice(...at));
    });
    this.score = dot(this.q, this.k);
    this.byDistance = Array.from({ length: 2 * ROOM + 1 }, (_, index) =>
      dot(rotated(vectors.q, index - ROOM, base), vectors.k));
    this.tell("rotary", { settings: this.settings(), q: [...this.q], k: [...this.k], score: this.score });
    this.explain(query, key);
    this.paint();
  }

  explain(query, key) {
    const sum = this.parts.map((part) => this.fixed.format(part)).join(" + ").replaceAll("+ −", "− ");
    const fields = {
      parts: sum, score: this.fixed.format(this.score), query: this.number.format(query), key: this.number.format(key),
      distance: this.number.format(query - key),
    };
    this.said.textContent = this.say("score", fields);
    this.planes.describe(this.say("alt_planes", fields));
    this.scores.describe(this.say("alt_scores", fields));
  }

  drawPlanes(context, width, height) {
    const pairs = this.parts.length;
    const columns = width < 560 ? 2 : pairs;
    const [wide, high] = [width / columns, height / Math.ceil(pairs / columns)];
    const { q, k } = this.vectors[this.chosen];
    const lengths = [q, k].flatMap((vector) => this.parts.map((_, at) => Math.hypot(vector[2 * at], vector[2 * at + 1])));
    const radius = Math.min(wide / 2 - 22, (high - 84) / 2);
    const scale = radius / Math.max(...lengths);
    const rates = frequencies(q.length, this.knobs.base.value);
    for (let pair = 0; pair < pairs; pair += 1) {
      const x = ((pair % columns) + 0.5) * wide;
      const y = Math.floor(pair / columns) * high + 38 + radius;
      this.drawPlane(context, pair, x, y, radius, scale);
      const turn = `θ = ${this.number.format(rates[pair])}`;
      this.write(context, turn, x, y - radius - 24, { align: "center", weight: 600, colour: this.theme.text });
      const share = this.say("part", { part: this.fixed.format(this.parts[pair]) });
      this.write(context, share, x, y + radius + 32, { align: "center" });
    }
  }

  drawPlane(context, pair, x, y, radius, scale) {
    const { theme } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = css(mixed(theme.background, theme.ink, theme.dark ? 0.06 : 0.03));
    context.fill();
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    context.stroke();
    const { q, k } = this.vectors[this.chosen];
    const both = [[q, this.q, theme.series[0], "q"], [k, this.k, theme.series[1], "k"]];
    const angles = [this.q, this.k].map((vector) => Math.atan2(-vector[2 * pair + 1], vector[2 * pair]));
    // Letters of arrows that lie close together give way to both sides.
    const between = Math.atan2(Math.sin(angles[0] - angles[1]), Math.cos(angles[0] - angles[1]));
    both.forEach(([before, after, colour, name], side) => {
      const ends = [before, after].map((vector) => [x + scale * vector[2 * pair], y - scale * vector[2 * pair + 1]]);
      context.globalAlpha = 0.45;
      context.setLineDash([4, 4]);
      this.arrow(context, x, y, ...ends[0], colour, 1.5);
      context.setLineDash([]);
      context.globalAlpha = 1;
      this.arrow(context, x, y, ...ends[1], colour, 3);
      const far = Math.hypot(ends[1][0] - x, ends[1][1] - y) + 12;
      const aside = Math.abs(between) < 0.3 ? (side ? -1 : 1) * (Math.sign(between) || 1) * 0.12 : 0;
      const place = [x + far * Math.cos(angles[side] + aside), y + far * Math.sin(angles[side] + aside) + 4];
      this.write(context, name, ...place, { align: "center", size: 13, weight: 700, colour });
    });
  }

  arrow(context, fromX, fromY, toX, toY, colour, width) {
    polyline(context, [[fromX, fromY], [toX, toY]], colour, width);
    const angle = Math.atan2(toY - fromY, toX - fromX);
    const size = 4 + 2 * width;
    context.beginPath();
    context.moveTo(toX, toY);
    for (const side of [-1, 1]) context.lineTo(toX - size * Math.cos(angle + side * 0.42), toY - size * Math.sin(angle + side * 0.42));
    context.closePath();
    context.fillStyle = colour;
    context.fill();
  }

  drawScores(context, width, height) {
    const { theme, byDistance } = this;
    const box = { x: 44, y: 30, width: width - 56, height: height - 30 - 40 };
    this.write(context, this.say("scores"), box.x, 14, { weight: 600, colour: theme.text });
    const [low, high] = [Math.min(0, ...byDistance), Math.max(0, ...byDistance)];
    const room = (high - low) * 0.08;
    const scales = axes(this, context, box, {
      xs: [-ROOM, ROOM], ys: [low - room, high + room], xLabel: this.say("apart"), count: width < 480 ? 5 : 9,
    });
    polyline(context, byDistance.map((score, index) => [scales.x(index - ROOM), scales.y(score)]), theme.series[2]);
    const apart = this.knobs.query.value - this.knobs.key.value;
    const x = scales.x(apart);
    polyline(context, [[x, box.y], [x, box.y + box.height]], theme.faint, 1);
    spot(context, x, scales.y(this.score), theme.series[2], theme.paper, 6);
    const right = apart > ROOM / 2;
    this.write(context, this.fixed.format(this.score), x + (right ? -11 : 11), scales.y(this.score) - 9, {
      align: right ? "right" : "left", size: 13, weight: 700, colour: theme.text, halo: true,
    });
  }
}
