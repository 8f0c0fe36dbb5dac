// The same map as lines: queries left, keys right, a line as strong as its weight (after Vig 2019, arXiv:1906.05714).

import { PADDING, ellipsized, visible, widestOf } from "./tokens.js";
import { placed } from "./shades.js";
import { css, rgb } from "./theme.js";

const LEVELS = 14;
const WIDEST = 130;
const FAINTEST = 0.02;
const LINE_PX = 13;
const HEAD_PX = 18;

export class LinesPainter {
  /** The token under a place: {query} on the left, {key} on the right; null elsewhere. */
  under(x, y) {
    const { frame } = this;
    if (!frame) return null;
    const at = (count, pitch, top) => {
      const index = Math.floor((y - top) / pitch);
      return index >= 0 && index < count ? index : null;
    };
    if (x < frame.left + 8) {
      const query = at(frame.rows, frame.pitchQ, frame.topQ);
      return query === null ? null : { query };
    }
    if (x > frame.right - 8) {
      const key = at(frame.columns, frame.pitchK, frame.topK);
      return key === null ? null : { key };
    }
    return null;
  }

  place(context, { map: { rows, columns }, tokens, theme }, { width, height }) {
    context.font = `12px ${theme.font}`;
    const widest = (texts) => Math.min(WIDEST, width * 0.28, Math.max(14, widestOf(context, texts)));
    const room = height - HEAD_PX - 4;
    // At least as far apart as they can be read, at most as far as they still belong together.
    const pitch = (count) => Math.min(44, room / count);
    const [pitchQ, pitchK] = [pitch(rows), pitch(columns)];
    const margin = Math.max(0, (width - 560) / 2);
    const left = margin + Math.ceil(widest(tokens.queries)) + 12;
    const right = width - margin - Math.ceil(widest(tokens.keys)) - 12;
    const tall = Math.max(pitchQ * rows, pitchK * columns);
    const top = HEAD_PX + 2;
    return {
      rows, columns, left, right, pitchQ, pitchK, margin, width,
      topQ: top + (tall - pitchQ * rows) / 2, topK: top + (tall - pitchK * columns) / 2,
    };
  }

  paint(context, scene, size) {
    const frame = this.place(context, scene, size);
    this.frame = frame;
    const { theme, axes } = scene;
    context.font = `11px ${theme.font}`;
    context.textBaseline = "alphabetic";
    context.fillStyle = theme.muted;
    context.textAlign = "right";
    context.fillText(axes.queries, Math.max(frame.left - 8, context.measureText(axes.queries).width), 11);
    context.textAlign = "left";
    context.fillText(axes.keys, Math.min(frame.right + 8, frame.width - context.measureText(axes.keys).width), 11);
    const only = this.chosen(scene);
    this.draw(context, scene, frame, only);
    this.write(context, scene, frame, only);
  }

  /** The token whose lines alone are shown: the pointer's, else the locked one, else the chosen cell's query. */
  chosen({ hover, lock, cell }) {
    if (hover && !(Number.isInteger(hover.query) && Number.isInteger(hover.key))) return hover;
    if (lock) return lock.side === "q" ? { query: lock.at } : { key: lock.at };
    return hover ?? cell ?? null;
  }

  draw(context, { map, theme, log, demanded }, frame, only) {
    const { rows, columns, values, diverging, reach } = map;
    const { left, right } = frame;
    const levels = new Map();
    const y = (side, at) => frame[`top${side}`] + (at + 0.5) * frame[`pitch${side}`];
    const bend = (right - left) * 0.42;
    const trace = (path, row, column) => {
      path.moveTo(left, y("Q", row));
      path.bezierCurveTo(left + bend, y("Q", row), right - bend, y("K", column), right, y("K", column));
    };
    for (let row = 0; row < rows; row += 1) {
      if (Number.isInteger(only?.query) && only.query !== row) continue;
      for (let column = 0; column < columns; column += 1) {
        if (Number.isInteger(only?.key) && only.key !== column) continue;
        const value = diverging ? values[row * columns + column] / (reach || 1) : values[row * columns + column];
        const share = placed(Math.abs(value), log);
        if (share < FAINTEST) continue;
        const level = Math.ceil(share * LEVELS) * Math.sign(value);
        if (!levels.has(level)) levels.set(level, new Path2D());
        trace(levels.get(level), row, column);
      }
    }
    const colour = theme.dark ? [143, 160, 255] : rgb(theme.primary);
    context.lineCap = "round";
    for (const level of [...levels.keys()].sort((one, other) => Math.abs(one) - Math.abs(other))) {
      const share = Math.abs(level) / LEVELS;
      context.strokeStyle = css(!diverging ? colour : rgb(level > 0 ? theme.series[0] : theme.series[1]), share ** 0.9);
      context.lineWidth = 0.6 + 2.2 * share;
      context.stroke(levels.get(level));
    }
    context.lineCap = "butt";
    if (!demanded) return;
    const asked = new Path2D();
    let count = 0;
    for (const [query, key] of demanded) {
      if (query >= rows || key >= columns) continue;
      const apart = (wanted, at) => Number.isInteger(wanted) && wanted !== at;
      if (apart(only?.query, query) || apart(only?.key, key)) continue;
      trace(asked, query, key);
      count += 1;
    }
    context.strokeStyle = css(rgb(theme.samples), Math.min(1, Math.sqrt(10 / count)));
    context.lineWidth = 1.2;
    context.setLineDash([2, 4]);
    context.stroke(asked);
    context.setLineDash([]);
  }

  write(context, { tokens, theme, map, speech, lock }, frame, only) {
    const each = (texts, count, side, key) => {
      const [pitch, top] = [frame[`pitch${side}`], frame[`top${side}`]];
      const every = Math.max(1, Math.ceil(LINE_PX / pitch));
      const [left, x] = side === "Q" ? [true, frame.left - 8] : [false, frame.right + 8];
      const room = side === "Q" ? frame.left - frame.margin - 10 : frame.width - frame.margin - frame.right - 10;
      context.textAlign = left ? "right" : "left";
      context.textBaseline = "middle";
      for (let at = 0; at < count; at += 1) {
        const strong = only?.[key] === at;
        const crowded = Number.isInteger(only?.[key]) && !strong && Math.abs(only[key] - at) * pitch < LINE_PX;
        if (!strong && (at % every || crowded)) continue;
        const text = visible(texts[at] ?? String(at + 1));
        const locked = lock && lock.side === key[0] && lock.at === at;
        context.font = `${strong ? 600 : 400} ${pitch >= 12 || strong ? 12 : 11}px ${theme.font}`;
        context.fillStyle = locked ? theme.primary : strong ? theme.text : text === PADDING ? theme.faint : theme.muted;
        context.fillText(ellipsized(context, text, room), x, top + (at + 0.5) * pitch);
      }
    };
    each(tokens.queries, frame.rows, "Q", "query");
    each(tokens.keys, frame.columns, "K", "key");
    if (!only) return;
    // The weights of the shown lines stand at their far ends, where they do not crowd.
    const byKey = Number.isInteger(only.query);
    const pitch = byKey ? frame.pitchK : frame.pitchQ;
    if (pitch < LINE_PX) return;
    context.font = `10.5px ${theme.font}`;
    context.textAlign = byKey ? "right" : "left";
    const count = byKey ? frame.columns : frame.rows;
    for (let at = 0; at < count; at += 1) {
      if (byKey && Number.isInteger(only.key) && only.key !== at) continue;
      const value = byKey ? map.values[only.query * map.columns + at] : map.values[at * map.columns + only.key];
      if (!(Math.abs(value) >= 0.05)) continue;
      const y = (byKey ? frame.topK : frame.topQ) + (at + 0.5) * pitch;
      const said = speech.fixed(value, 2);
      const wide = context.measureText(said).width + 4;
      const x = byKey ? frame.right - 4 : frame.left + 4;
      context.fillStyle = css(theme.background, 0.85);
      context.fillRect(byKey ? x - wide + 2 : x - 2, y - 7, wide, 14);
      context.fillStyle = theme.text;
      context.fillText(said, x, y);
    }
  }
}
