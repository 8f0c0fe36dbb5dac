// Names at the ends of lines: in the order of their values, each as near to its line as the others let it.

import { STROKES, armColour, spreadOut } from "./arms.js";
import { css, rgb } from "./theme.js";
import { ellipsized, widestOf } from "./tokens.js";

const NAME_PX = 14;
const LEADER_PX = 36;
const BENT_PX = 18;
const VALUE_PX = 46;
const WIDEST_SHARE = 0.36;
const VALUES_FROM_PX = 520;

export class EndNames {
  constructor() {
    this.known = [];
  }

  /** Pixels that the names take on the right: as many as they need, and not more than about a third. */
  room(context, theme, { labels, width }) {
    context.font = `12px ${theme.font}`;
    this.valued = width >= VALUES_FROM_PX;
    const wanted = widestOf(context, labels) + (this.valued ? VALUE_PX : 0) + 4;
    this.wide = Math.min(wanted, WIDEST_SHARE * width - LEADER_PX);
    return this.wide + LEADER_PX + 2;
  }

  /** @param scene {ends [{entry, step, value}], looked, box, x, y, width, said} */
  paint(context, theme, { ends, looked, box, x, y, width, said }) {
    const ordered = [...ends].sort((one, other) => other.value - one.value);
    const places = spreadOut(ordered.map(({ value }) => y(value)), NAME_PX, box.top, box.bottom);
    this.known = ordered.map(({ entry }, index) => ({ arm: entry.arm, at: places[index] }));
    context.textBaseline = "middle";
    ordered.forEach(({ entry, step, value }, index) => {
      const muted = looked !== null && looked !== entry.arm;
      const [at, colour] = [places[index], rgb(armColour(theme, entry))];
      this.lead(context, entry, { right: box.right, x: x(step), y: y(value), at, muted, colour });
      context.font = `${looked === entry.arm ? 600 : 400} 12px ${theme.font}`;
      context.fillStyle = muted ? theme.faint : theme.text;
      context.textAlign = "left";
      const name = ellipsized(context, entry.label, this.wide - (this.valued ? VALUE_PX : 0));
      context.fillText(name, box.right + LEADER_PX, at);
      if (!this.valued) return;
      context.textAlign = "right";
      context.fillStyle = muted ? theme.faint : theme.muted;
      context.fillText(said(value), width - 2, at);
    });
  }

  /** A dot at the line's end, and from there to its name; the last piece is drawn as the line itself. */
  lead(context, { dash }, { right, x, y, at, muted, colour }) {
    context.fillStyle = css(colour, muted ? 0.3 : 1);
    context.beginPath();
    context.arc(x, y, 2.8, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = css(colour, muted ? 0.12 : 0.45);
    context.beginPath();
    // From afar a leader would cross every other line.
    context.moveTo(right - x < 2 * LEADER_PX ? x + 4 : right + 2, y);
    context.lineTo(right + 4, y);
    context.lineTo(right + BENT_PX, at);
    context.stroke();
    context.strokeStyle = css(colour, muted ? 0.3 : 1);
    context.lineWidth = 2;
    context.setLineDash(STROKES[dash % STROKES.length]);
    context.beginPath();
    context.moveTo(right + BENT_PX, at);
    context.lineTo(right + LEADER_PX - 4, at);
    context.stroke();
    context.setLineDash([]);
  }

  /** The strategy whose name stands at this height; null for none. */
  at(y) {
    return this.known.find(({ at }) => Math.abs(at - y) <= NAME_PX / 2)?.arm ?? null;
  }

  /** The strategy whose name stands `move` places below this one's; the first or last where it has none. */
  beside(chosen, move) {
    const at = this.known.findIndex(({ arm }) => arm === chosen);
    const next = at < 0 ? (move > 0 ? 0 : this.known.length - 1) : at + move;
    return this.known[Math.min(this.known.length - 1, Math.max(0, next))]?.arm ?? null;
  }
}
