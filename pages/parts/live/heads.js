// All heads of a model at once: a small heat map each, layers down and heads across, one block per kind of attention.

import { planned, SIDE, tileAt } from "./board.js";
import { Card, make } from "./canvas.js";
import { bytesOf, habitOf, pooled, sidesOf, weightsOf } from "./maps.js";
import { ExampleChooser, logChip, ScaleLegend } from "./options.js";
import { paddingRuns } from "./tokens.js";
import { shadesOf } from "./shades.js";
import { colourTable, css, rgb } from "./theme.js";

const TALLEST = 1.04;
const ROLE = 0.5;
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class HeadsPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-heads");
    Object.assign(this, { panel, slot, tiles: [] });
    this.sheet = document.createElement("canvas");
    this.tip = make("div", { class: "tl-tip", "aria-hidden": "true" });
    this.tip.hidden = true;
    this.stage.append(this.tip);
    this.spoken = make("span", { class: "tl-hidden", role: "status", "aria-live": "polite" });
    this.note = make("span", { class: "tl-note" });
    this.log = logChip(view);
    this.scale = new ScaleLegend(view);
    this.examples = new ExampleChooser(view, panel.examples?.length ?? 1);
    this.foot.append(this.examples.element, this.log.element, this.note, this.scale.element, this.spoken);
    this.listen();
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  listen() {
    const { canvas, view } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.addEventListener("pointermove", (event) => this.point(this.tileUnder(event), event));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("pointerdown", (event) => {
      const tile = this.tileUnder(event);
      if (tile && event.button === 0) view.choice.setHead(tile, this.panel.groups);
    });
    canvas.addEventListener("keydown", (event) => this.move(event));
  }

  /** Arrow keys belong to the grid while it has the focus, not to the scrubber. */
  move(event) {
    if (!(event.key in MOVES) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { choice } = this.view;
    const now = choice.headIn(this.panel.groups);
    const sides = sidesOf(this.view.pictureOf(this.feed), this.panel.groups);
    const names = this.panel.groups.map(({ name }) => name).filter((name) => sides[name]);
    if (!names.length) return;
    const [down, across] = MOVES[event.key];
    let [group, layer, head] = [now.group, now.layer + down, now.head + across];
    const at = names.indexOf(group);
    // Below the last layer of one block lies the first layer of the next.
    if (layer < 0 && at > 0) [group, layer] = [names[at - 1], sides[names[at - 1]][1] - 1];
    else if (layer >= (sides[group]?.[1] ?? 0) && at + 1 < names.length) [group, layer] = [names[at + 1], 0];
    const [, layers, heads] = sides[group] ?? [0, 1, 1];
    layer = Math.max(0, Math.min(layers - 1, layer));
    head = Math.max(0, Math.min(heads - 1, head));
    choice.setHead({ group, layer, head }, this.panel.groups);
    this.spoken.textContent = this.nameOf({ group, layer, head });
  }

  tileUnder({ offsetX: x, offsetY: y }) {
    const side = this.plan?.tile ?? 0;
    const reach = SIDE.gap / 2;
    return this.tiles.find((tile) => x >= tile.x - reach && x < tile.x + side + reach
      && y >= tile.y - reach && y < tile.y + side + reach + (this.plan?.caption ?? 0)) ?? null;
  }

  point(tile, event) {
    const same = tile && this.over && tile.group === this.over.group && tile.layer === this.over.layer
      && tile.head === this.over.head;
    this.over = tile;
    this.canvas.style.cursor = tile ? "pointer" : "";
    if (!same) {
      this.tip.hidden = !tile;
      if (tile) this.tip.replaceChildren(...this.explained(tile));
      this.view.redraw();
    }
    if (!tile || !event) return;
    const left = Math.min(this.width - this.tip.offsetWidth - 4, Math.max(0, event.offsetX + 16));
    const below = tile.y + this.plan.tile + this.plan.caption + 6;
    const fits = below + this.tip.offsetHeight < this.height + 60;
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${fits ? below : tile.y - this.tip.offsetHeight - 6}px`;
  }

  /** A head's name, its roles with their scores, and how far it agrees with what the task demands. */
  explained({ group, layer, head }) {
    const { speech } = this.view;
    const rows = this.rolesOf(group, layer, head).sort((one, other) => other.score - one.score).slice(0, 6);
    const agreement = this.agreementOf(group, layer, head);
    if (agreement !== null) rows.push({ name: speech.say("agreement"), score: agreement, apart: true });
    return [make("b", { text: this.nameOf({ group, layer, head }) }), ...rows.map(({ name, score, apart }) => {
      const bar = make("i");
      bar.style.width = `${Math.round(100 * Math.min(1, Math.max(0, score)))}%`;
      const line = make("span", { class: apart ? "tl-score tl-apart" : "tl-score" });
      line.append(make("em", { text: name }), make("s", {}, bar), speech.fixed(score, 2));
      return line;
    })];
  }

  nameOf({ group, layer, head }) {
    const label = this.panel.groups.find(({ name }) => name === group)?.label ?? group;
    return `${label} · ${this.view.speech.say("head_name", { layer: layer + 1, head: head + 1 })}`;
  }

  rolesOf(group, layer, head) {
    const { array, names } = this.panel.roles?.[group] ?? {};
    const { data, shape } = this.view.pictureOf(this.feed)?.arrays[array] ?? {};
    if (!data || layer >= shape[0] || head >= shape[1]) return [];
    const begin = (layer * shape[1] + head) * shape[2];
    return names.slice(0, shape[2]).map((name, role) => ({ name, score: data[begin + role] }));
  }

  agreementOf(group, layer, head) {
    const { group: demanded, array } = this.panel.agreement ?? {};
    const { data, shape } = this.view.pictureOf(this.feed)?.arrays[array] ?? {};
    if (demanded !== group || !data || layer >= shape[0] || head >= shape[1]) return null;
    return data[layer * shape[1] + head];
  }

  state() {
    const over = this.over && `${this.over.group}.${this.over.layer}.${this.over.head}`;
    return [...super.state(), this.view.choice.version, over];
  }

  /** The height follows the blocks; it is known before the first picture where the page says the blocks' sides. */
  measure() {
    const width = this.stage.clientWidth;
    if (width) this.lay(width);
    super.measure();
  }

  blocks() {
    const sides = this.view.sides();
    return this.panel.groups.map(({ name, layers, heads }) => {
      const [, deep, wide] = sides[name] ?? [1, layers ?? 2, heads ?? 4];
      return { name, layers: deep, heads: wide };
    });
  }

  lay(width) {
    const blocks = this.blocks();
    const laid = JSON.stringify([width, blocks]);
    if (laid === this.laid) return;
    this.laid = laid;
    this.plan = planned(blocks, width, width * TALLEST);
    this.stage.style.height = `${this.plan.height}px`;
  }

  paint(theme) {
    const picture = this.view.pictureOf(this.feed);
    const { choice } = this.view;
    const { groups } = this.panel;
    const sides = sidesOf(picture, groups);
    const some = Object.keys(sides).length > 0;
    this.waiting(!some, some ? "" : this.waitingFor(this.feed));
    this.lay(this.width);
    if (this.stage.clientHeight !== this.height) {
      super.measure();
      return;
    }
    this.examples.paint();
    this.log.paint();
    this.scale.paint(theme, { diverging: false, log: choice.log });
    const context = this.wiped();
    this.tiles = [];
    if (!some) return;
    choice.fit(this.view.sides(), groups);
    this.compose(picture, sides, theme);
    groups.forEach((group, index) => {
      if (sides[group.name]) this.drawBlock(context, group, this.plan.places[index], sides[group.name], theme);
    });
    this.outline(context, theme);
    this.say();
  }

  /** All tiles on one sheet, painted anew only when the picture, the example or the scale have changed. */
  compose(picture, sides, theme) {
    const { choice, speech } = this.view;
    const composed = [picture.serial, choice.example, choice.log, theme.id, this.plan.tile, this.ratio].join("|");
    if (composed === this.composed) return;
    this.composed = composed;
    this.view.record.composed = (this.view.record.composed ?? 0) + 1;
    const room = Math.max(1, Math.round(this.plan.tile * this.ratio));
    const parts = Object.entries(sides).map(([name, [, layers, heads, queries, keys]]) => ({
      name, layers, heads, queries, keys, high: Math.min(queries, room), wide: Math.min(keys, room),
    }));
    let top = 0;
    for (const part of parts) {
      part.top = top;
      top += part.layers * part.high;
    }
    const across = Math.max(...parts.map(({ heads, wide }) => heads * wide));
    if (this.sheet.width !== across || this.sheet.height !== top || !this.image) {
      [this.sheet.width, this.sheet.height] = [across, top];
      this.image = new ImageData(across, top);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const shades = shadesOf(theme);
    const table = colourTable((byte) => shades.weight(byte / 255, choice.log));
    for (const part of parts) this.fill(picture, part, across, table);
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
    this.parts = Object.fromEntries(parts.map((part) => [part.name, part]));
    const poor = parts.some(({ high, wide, queries, keys }) => high < queries || wide < keys);
    const said = poor ? speech.say("pooled") : "";
    if (this.note.textContent !== said) this.note.textContent = said;
    this.title.title = poor ? speech.say("pooled_why") : "";
    this.note.title = this.title.title;
  }

  fill(picture, { name, layers, heads, queries, keys, high, wide, top }, across, table) {
    const array = picture.arrays[this.panel.groups.find((group) => group.name === name).array];
    const { pixels } = this;
    const poor = high < queries || wide < keys;
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const whole = bytesOf(array, Math.min(this.view.choice.example, array.shape[0] - 1), layer, head);
        const bytes = poor ? pooled(whole, queries, keys, high, wide) : whole;
        let at = 0;
        for (let row = 0; row < high; row += 1) {
          const begin = (top + layer * high + row) * across + head * wide;
          for (let column = 0; column < wide; column += 1) pixels[begin + column] = table[bytes[at++]];
        }
      }
    }
  }

  drawBlock(context, group, corner, [, layers, heads], theme) {
    const { tile, caption } = this.plan;
    const { high, wide, top } = this.parts[group.name];
    context.textBaseline = "alphabetic";
    context.textAlign = "left";
    context.fillStyle = theme.text;
    context.font = `500 12px ${theme.font}`;
    context.fillText(group.label, corner.left, corner.top + 13);
    context.fillStyle = theme.muted;
    context.font = `11px ${theme.font}`;
    const faint = this.fadedParts(group.name);
    const every = Math.ceil(24 / (tile + SIDE.gap));
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const { x, y } = tileAt(this.plan, corner, layer, head);
        this.tiles.push({ group: group.name, layer, head, x, y });
        context.fillStyle = theme.muted;
        if (!layer && head % every === 0) {
          context.textAlign = "center";
          context.fillText(`H${head + 1}`, x + tile / 2, corner.top + SIDE.title + SIDE.top - 6);
        }
        if (!head) {
          context.textAlign = "left";
          context.fillText(`L${layer + 1}`, corner.left, y + tile / 2 + 4);
        }
        context.imageSmoothingEnabled = false;
        context.drawImage(this.sheet, head * wide, top + layer * high, wide, high, x, y, tile, tile);
        context.fillStyle = css(theme.background, 0.62);
        for (const [left, up, across, down] of faint) {
          context.fillRect(x + left * tile, y + up * tile, across * tile, down * tile);
        }
        context.strokeStyle = css(theme.ink, theme.dark ? 0.26 : 0.18);
        context.lineWidth = 1;
        context.strokeRect(x - 0.5, y - 0.5, tile + 1, tile + 1);
        if (caption) this.drawCaption(context, group.name, layer, head, { x, y }, theme);
      }
    }
  }

  /** Where padding lies, as shares of a tile. */
  fadedParts(name) {
    const { queries = [], keys = [] } = this.panel.examples?.[this.view.choice.example]?.[name] ?? {};
    return [
      ...paddingRuns(queries).map(([from, to]) => [0, from / queries.length, 1, (to - from) / queries.length]),
      ...paddingRuns(keys).map(([from, to]) => [from / keys.length, 0, (to - from) / keys.length, 1]),
    ];
  }

  /** The role that a head plays clearly, under its tile. */
  drawCaption(context, group, layer, head, { x, y }, theme) {
    const best = this.rolesOf(group, layer, head).reduce((most, role) => (role.score > (most?.score ?? ROLE) ? role : most), null);
    if (!best) return;
    const { tile } = this.plan;
    const score = this.view.speech.fixed(best.score, 2);
    context.font = `10.5px ${theme.font}`;
    const room = tile - context.measureText(` ${score}`).width;
    let name = best.name;
    while (name.length > 2 && context.measureText(name).width > room) name = `${name.slice(0, -2).trimEnd()}…`;
    context.textAlign = "left";
    context.fillStyle = theme.text;
    context.fillText(name, x, y + tile + 13);
    context.textAlign = "right";
    context.fillStyle = theme.muted;
    context.fillText(score, x + tile, y + tile + 13);
    context.font = `11px ${theme.font}`;
  }

  outline(context, theme) {
    const { tile } = this.plan;
    const chosen = this.view.choice.headIn(this.panel.groups);
    const found = (head) => head && this.tiles.find((each) => each.group === head.group && each.layer === head.layer
      && each.head === head.head);
    const [at, over] = [found(chosen), found(this.over)];
    const around = ({ x, y }, width, colour, apart) => {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.roundRect(x - apart, y - apart, tile + 2 * apart, tile + 2 * apart, 2);
      context.stroke();
    };
    if (over && over !== at) around(over, 1.5, css(rgb(theme.primary), 0.6), 1.25);
    if (at) around(at, 2, theme.primary, 2);
  }

  say() {
    const head = this.over ?? this.view.choice.headIn(this.panel.groups);
    const said = this.view.speech.say("head_short", { layer: head.layer + 1, head: head.head + 1 });
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const picture = this.view.pictureOf(this.feed);
    const { speech, choice } = this.view;
    if (!this.tiles.length || !picture) return speech.say("waiting_first");
    const best = this.tiles.map((tile) => {
      const role = this.rolesOf(tile.group, tile.layer, tile.head).sort((one, other) => other.score - one.score)[0];
      return { ...tile, role };
    }).filter(({ role }) => role?.score > ROLE).sort((one, other) => other.role.score - one.role.score).slice(0, 4);
    const named = best.map(({ layer, head, role }) => `${speech.say("head_name", { layer: layer + 1, head: head + 1 })}: `
      + `${role.name} ${speech.fixed(role.score, 2)}`);
    const fields = { count: speech.count(this.tiles.length), where: this.where(picture) };
    const chosen = this.nameOf(choice.headIn(this.panel.groups));
    return [speech.say("alt_heads", fields), named.join("; "), speech.say("alt_chosen", { head: chosen }),
      speech.say("alt_heads_keys")].filter(Boolean).join(" ");
  }

  /** " at step 180", or nothing for a picture that belongs to no training. */
  where(picture) {
    const { speech } = this.view;
    return this.feed?.still ? "" : ` ${speech.say("alt_at_step", { step: speech.count(picture.step) })}`;
  }
}

/** What one head does, in a sentence: from its own map and its clearest role. */
export function sentenceOf(speech, picture, groups, chosen, example, tokens) {
  const { array } = groups.find(({ name }) => name === chosen.group);
  const map = weightsOf(picture.arrays[array], example, chosen.layer, chosen.head);
  if (!map) return "";
  const { kind, at, mean } = habitOf(map, (tokens?.queries ?? []).map((text) => text !== "·"));
  const fields = { mean: speech.fixed(mean, 2), count: Math.abs(at), key: tokens?.keys?.[at] ?? at + 1, place: at + 1 };
  if (kind === "none" || mean < 0.3) return speech.say("habit_none", fields);
  if (kind === "key") return speech.say("habit_key", fields);
  if (kind === "mirror") return speech.say("habit_mirror", fields);
  if (at === 0) return speech.say("habit_same", fields);
  if (at === -1) return speech.say("habit_before", fields);
  if (at === 1) return speech.say("habit_after", fields);
  return speech.say(at < 0 ? "habit_earlier" : "habit_later", fields);
}
