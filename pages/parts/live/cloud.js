// The map of codes: a point for every held-out picture in its class's colour, its posterior as an ellipse, the prior
// as circles. Colours are told apart with every common colour-blindness (Tol's muted scheme and an orange), and classes
// whose names are one letter are written as that letter.

import { Card, make } from "./canvas.js";
import { ticks } from "./numbers.js";
import { css, rgb } from "./theme.js";

const RIM = { left: 30, right: 8, top: 8, bottom: 20 };
const LIGHT_CLASSES = [
  "#2f268c", "#00682f", "#be4358", "#1888c0", "#82204e", "#bb8000", "#2f8071", "#757416", "#932e88", "#dd5e33",
];
const DARK_CLASSES = [
  "#a399fb", "#3dac67", "#ff7990", "#7ed3ff", "#fc86ba", "#e6cd87", "#60eede", "#d1d15e", "#da89cb", "#ef9453",
];
const SIGMAS = 2;
const LEAST_PRIOR = 3.4;

export function classColour(theme, label) {
  const colours = theme.dark ? DARK_CLASSES : LIGHT_CLASSES;
  return colours[label % colours.length];
}

/** How far the map reaches from its middle: nearly all points, in round steps so that it moves seldom. */
export function reachOf(points, prior) {
  const far = Float32Array.from(points, Math.abs).filter(Number.isFinite).sort();
  const needed = 1.12 * (far[Math.floor(0.985 * (far.length - 1))] || 1);
  const least = prior ? LEAST_PRIOR : 0.5;
  if (needed <= least) return least;
  const step = 10 ** Math.floor(Math.log10(needed)) / 4;
  return Math.ceil(needed / step) * step;
}

/** The square on the canvas and the way from the map's coordinates to it. */
export function mapFrame(width, height, reach) {
  const side = Math.max(10, Math.min(width - RIM.left - RIM.right, height - RIM.top - RIM.bottom));
  const left = RIM.left + Math.max(0, (width - RIM.left - RIM.right - side) / 2);
  const scale = side / (2 * reach);
  return {
    left, top: RIM.top, side, reach, scale,
    x: (value) => left + side / 2 + value * scale,
    y: (value) => RIM.top + side / 2 - value * scale,
    back: (x, y) => [(x - left - side / 2) / scale, (RIM.top + side / 2 - y) / scale],
  };
}

export function drawAxes(context, theme, frame, { prior, speech }) {
  const { left, top, side, reach } = frame;
  context.save();
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.grid;
  const { values, step } = ticks(-reach, reach, Math.max(2, Math.min(6, Math.floor(side / 60))));
  for (const value of values) {
    context.strokeRect(frame.x(value), top, 0, side);
    context.strokeRect(left, frame.y(value), side, 0);
    context.textAlign = "center";
    context.textBaseline = "top";
    context.fillText(speech.tick(value, step), frame.x(value), top + side + 5);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(speech.tick(value, step), left - 5, frame.y(value));
  }
  context.strokeStyle = theme.axis;
  context.strokeRect(left, top, side, side);
  if (prior) {
    context.beginPath();
    context.rect(left, top, side, side);
    context.clip();
    context.setLineDash([4, 4]);
    context.strokeStyle = theme.faint;
    for (const sigma of [1, 2]) {
      context.beginPath();
      context.arc(frame.x(0), frame.y(0), sigma * frame.scale, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  context.restore();
}

/** Which latent numbers the axes are, where they are single ones: z3 to the right, z7 upwards. */
function nameAxes(context, theme, { left, top, side }, numbers) {
  if (!numbers) return;
  context.save();
  context.font = `600 12px ${theme.font}`;
  context.fillStyle = theme.text;
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.fillText(`z${numbers[0] + 1} →`, left + side - 5, top + side - 4);
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(`↑ z${numbers[1] + 1}`, left + 5, top + 5);
  context.restore();
}

/** @param scene {codes (M, 2), labels (M), spread (E, 3) or null, names, hidden (Set of classes)} */
export function drawCloud(context, theme, frame, { codes, labels, spread, names, hidden }) {
  const { left, top, side } = frame;
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  const ellipses = spread ? spread.length / 3 : 0;
  context.lineWidth = 1;
  for (let row = 0; row < ellipses; row += 1) {
    if (hidden?.has(labels[row])) continue;
    const [xx, xy, yy] = spread.subarray(3 * row, 3 * row + 3);
    const half = (xx + yy) / 2;
    const root = Math.hypot((xx - yy) / 2, xy);
    const radii = [half + root, Math.max(0, half - root)].map((part) => SIGMAS * Math.sqrt(part) * frame.scale);
    const colour = rgb(classColour(theme, labels[row]));
    context.beginPath();
    // The canvas looks down: angles turn the other way.
    const angle = -0.5 * Math.atan2(2 * xy, xx - yy);
    context.ellipse(frame.x(codes[2 * row]), frame.y(codes[2 * row + 1]), radii[0], radii[1], angle, 0, 2 * Math.PI);
    // Posteriors as wide as the map lie on each other: each then takes less ink, or forty would be a black sheet.
    const share = Math.min(1, (0.04 * side * side) / (Math.PI * radii[0] * radii[1] || 1));
    context.fillStyle = css(colour, (theme.dark ? 0.09 : 0.05) * share);
    context.fill();
    context.strokeStyle = css(colour, 0.15 + 0.25 * share);
    context.stroke();
  }
  const letters = names.every((name) => name.length === 1);
  context.font = `600 11px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < labels.length; row += 1) {
    if (hidden?.has(labels[row])) continue;
    const [x, y] = [frame.x(codes[2 * row]), frame.y(codes[2 * row + 1])];
    context.fillStyle = classColour(theme, labels[row]);
    if (letters) context.fillText(names[labels[row]], x, y);
    else {
      context.beginPath();
      context.arc(x, y, 2.2, 0, 2 * Math.PI);
      context.fill();
    }
  }
  context.restore();
}

/** One button per class: its colour, its name, pressed as long as it is shown. */
export function classLegend(names, hidden, changed, told) {
  return names.map((name, label) => {
    const swatch = make("i", { class: "tl-swatch" });
    const chip = make("button", { class: "tl-chip", type: "button", "aria-pressed": "true" }, swatch, name);
    chip.title = told(name);
    chip.addEventListener("click", () => {
      if (!hidden.delete(label)) hidden.add(label);
      chip.setAttribute("aria-pressed", String(!hidden.has(label)));
      changed();
    });
    return { chip, swatch };
  });
}

export class CloudPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-cloud");
    Object.assign(this, { panel, slot });
    this.hidden = new Set();
    this.legend = classLegend(panel.names, this.hidden, () => this.again(), (layer) => view.speech.say("toggle_layer", { layer }));
    this.foot.append(make("div", { class: "tl-chips" }, ...this.legend.map(({ chip }) => chip)));
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  again() {
    this.painted = "";
    this.view.redraw();
  }

  paint(theme) {
    const arrays = this.view.pictureOf(this.feed)?.arrays;
    const [codes, labels] = [arrays?.[this.panel.points ?? "codes"], arrays?.[this.panel.labels ?? "labels"]];
    this.waiting(!codes, codes ? "" : this.waitingFor(this.feed));
    const context = this.wiped();
    this.legend.forEach(({ swatch }, label) => {
      swatch.style.background = classColour(theme, label);
    });
    if (!codes || !labels) return;
    const { names, prior } = this.panel;
    const frame = mapFrame(this.width, this.height, reachOf(codes.data, prior));
    drawAxes(context, theme, frame, { prior, speech: this.view.speech });
    nameAxes(context, theme, frame, arrays[this.panel.axes]?.data);
    const spread = arrays[this.panel.spread ?? "spread"]?.data;
    drawCloud(context, theme, frame, { codes: codes.data, labels: labels.data, spread, names, hidden: this.hidden });
    this.count = labels.data.length;
  }

  tell() {
    const picture = this.view.pictureOf(this.feed);
    const { speech } = this.view;
    if (!picture) return speech.say("waiting_first");
    const fields = { count: speech.count(this.count ?? 0), step: speech.count(picture.step) };
    return speech.say("alt_cloud", { ...fields, middles: this.middles(picture.arrays).join("; ") });
  }

  /** Every class that is shown, by its name, and the mean of its codes. */
  middles(arrays) {
    const [codes, labels] = [arrays[this.panel.points ?? "codes"]?.data, arrays[this.panel.labels ?? "labels"]?.data];
    if (!codes || !labels) return [];
    const { speech } = this.view;
    return this.panel.names.flatMap((name, label) => {
      const rows = Array.from(labels.keys()).filter((row) => labels[row] === label);
      if (!rows.length || this.hidden.has(label)) return [];
      const mean = (axis) => rows.reduce((sum, row) => sum + codes[2 * row + axis], 0) / rows.length;
      return [`${name} (${speech.fixed(mean(0), 1)}; ${speech.fixed(mean(1), 1)})`];
    });
  }
}
