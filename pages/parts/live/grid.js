// The grid of heads on a canvas: blocks with their names, tiles, what each head mostly is, and which one is chosen.

import { SIDE, tileAt } from "./board.js";
import { roleOf } from "./habits.js";
import { TileSheet } from "./tiles.js";
import { ellipsized, paddingRuns } from "./tokens.js";
import { css, rgb } from "./theme.js";

const LABELS_PX = 24;

export class GridPainter {
  constructor() {
    this.sheet = new TileSheet();
    this.tiles = [];
  }

  /** @param scene {panel, picture, groups, plan, example, log, theme, ratio, speech, chosen, over} */
  paint(context, scene) {
    const { panel, picture, groups, plan, example, log, theme, ratio } = scene;
    this.tiles = [];
    this.plan = plan;
    this.sheet.compose({ picture, groups, example, log, theme, room: Math.max(1, Math.round(plan.tile * ratio)) });
    for (const group of groups) {
      const corner = plan.places[panel.groups.indexOf(group)];
      this.name(context, group, corner, theme);
      this.block(context, group, corner, scene);
    }
    this.outline(context, scene);
  }

  name(context, { name, label }, corner, theme) {
    const { layers, heads } = this.sheet.parts[name];
    const { tile } = this.plan;
    context.textBaseline = "alphabetic";
    context.textAlign = "left";
    context.fillStyle = theme.text;
    context.font = `500 12px ${theme.font}`;
    context.fillText(label, corner.left, corner.top + 13);
    context.fillStyle = theme.muted;
    context.font = `11px ${theme.font}`;
    const every = Math.ceil(LABELS_PX / (tile + SIDE.gap));
    for (let layer = 0; layer < layers; layer += 1) {
      context.fillText(`L${layer + 1}`, corner.left, tileAt(this.plan, corner, layer, 0).y + tile / 2 + 4);
    }
    context.textAlign = "center";
    for (let head = 0; head < heads; head += every) {
      const { x } = tileAt(this.plan, corner, 0, head);
      context.fillText(`H${head + 1}`, x + tile / 2, corner.top + SIDE.title + SIDE.top - 6);
    }
  }

  block(context, { name }, corner, scene) {
    const { theme, panel, example } = scene;
    const { layers, heads } = this.sheet.parts[name];
    const { tile, caption } = this.plan;
    const faint = this.faded(panel.examples?.[example]?.[name]);
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const place = tileAt(this.plan, corner, layer, head);
        const { x, y } = place;
        const chosen = { group: name, layer, head };
        this.tiles.push({ ...chosen, x, y });
        this.sheet.draw(context, name, layer, head, place, tile);
        context.fillStyle = css(theme.background, 0.62);
        for (const [left, up, across, down] of faint) {
          context.fillRect(x + left * tile, y + up * tile, across * tile, down * tile);
        }
        context.strokeStyle = css(theme.ink, theme.dark ? 0.26 : 0.18);
        context.lineWidth = 1;
        context.strokeRect(x - 0.5, y - 0.5, tile + 1, tile + 1);
        if (caption) this.caption(context, chosen, place, scene);
      }
    }
  }

  /** Where padding lies, as shares of a tile. */
  faded({ queries = [], keys = [] } = {}) {
    return [
      ...paddingRuns(queries).map(([from, to]) => [0, from / queries.length, 1, (to - from) / queries.length]),
      ...paddingRuns(keys).map(([from, to]) => [from / keys.length, 0, (to - from) / keys.length, 1]),
    ];
  }

  /** The role that a head plays clearly, under its tile. */
  caption(context, chosen, { x, y }, { panel, picture, theme, speech }) {
    const best = roleOf(panel, picture, chosen);
    if (!best) return;
    const { tile } = this.plan;
    const score = speech.fixed(best.score, 2);
    context.font = `10.5px ${theme.font}`;
    const room = tile - context.measureText(score).width - 8;
    context.textAlign = "left";
    context.fillStyle = theme.text;
    context.fillText(ellipsized(context, best.name, room), x + 1, y + tile + 13);
    context.textAlign = "right";
    context.fillStyle = theme.muted;
    context.fillText(score, x + tile - 1, y + tile + 13);
  }

  find(wanted) {
    return wanted && this.tiles.find(({ group, layer, head }) =>
      group === wanted.group && layer === wanted.layer && head === wanted.head);
  }

  /** The tile under a place on the canvas, its caption and half of the gap around it included. */
  under(x, y) {
    const { tile = 0, caption = 0 } = this.plan ?? {};
    const reach = SIDE.gap / 2;
    const inside = (at, from, side) => at >= from - reach && at < from + side + reach;
    return this.tiles.find((each) => inside(x, each.x, tile) && inside(y, each.y, tile + caption)) ?? null;
  }

  outline(context, { theme, chosen, over }) {
    const { tile } = this.plan;
    const [at, near] = [this.find(chosen), this.find(over)];
    const around = ({ x, y }, width, colour, apart) => {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.roundRect(x - apart, y - apart, tile + 2 * apart, tile + 2 * apart, 2);
      context.stroke();
    };
    if (near && near !== at) around(near, 1.5, css(rgb(theme.primary), 0.6), 1.25);
    if (at) around(at, 2, theme.primary, 2);
  }
}
