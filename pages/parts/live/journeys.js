// Where every point goes: an arrow from each point of one set to what became of it, over the set it should arrive in.
// Colours follow the direction in which a point lies from the middle, so that neighbours have like colours; they only
// help the eye, the arrows say everything.

import { PlanePanel } from "./plane.js";

const JOURNEY = { tip: 4.5, dot: 2, least: 3 };

export class JourneysPanel extends PlanePanel {
  paint(theme) {
    super.paint(theme);
    const arrays = this.view.pictureOf(this.feed)?.arrays;
    const [from, to] = [arrays?.[this.panel.from]?.data, arrays?.[this.panel.points]?.data];
    if (!from || !to || !this.frame || !this.layers.samples) return;
    const { left, top, side } = this.frame;
    const context = this.canvas.getContext("2d");
    context.save();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.beginPath();
    context.rect(left, top, side, side);
    context.clip();
    const middle = [0, 1].map((axis) => meanAlong(from, axis));
    for (let at = 0; at + 1 < Math.min(from.length, to.length); at += 2) {
      const turn = Math.atan2(from[at + 1] - middle[1], from[at] - middle[0]) / (2 * Math.PI) + 0.5;
      context.strokeStyle = `hsla(${Math.round(360 * turn)}, 70%, ${theme.dark ? 68 : 42}%, 0.55)`;
      context.fillStyle = `hsl(${Math.round(360 * turn)}, 70%, ${theme.dark ? 68 : 42}%)`;
      this.arrow(context, this.placed(from, at), this.placed(to, at));
    }
    context.restore();
  }

  placed(data, at) {
    const { left, top, side, x0, x1, y0, y1 } = this.frame;
    return [left + ((data[at] - x0) / (x1 - x0)) * side, top + ((y1 - data[at + 1]) / (y1 - y0)) * side];
  }

  arrow(context, [x, y], [toX, toY]) {
    if (![x, y, toX, toY].every(Number.isFinite)) return;
    context.beginPath();
    context.arc(x, y, JOURNEY.dot, 0, 2 * Math.PI);
    context.fill();
    if (Math.hypot(toX - x, toY - y) < JOURNEY.least) return;
    const way = Math.atan2(toY - y, toX - x);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    for (const bend of [-0.5, 0.5]) {
      context.moveTo(toX - JOURNEY.tip * Math.cos(way + bend), toY - JOURNEY.tip * Math.sin(way + bend));
      context.lineTo(toX, toY);
    }
    context.lineWidth = 1;
    context.stroke();
  }
}

function meanAlong(data, axis) {
  let sum = 0;
  for (let at = axis; at < data.length; at += 2) sum += data[at];
  return sum / (data.length / 2);
}
