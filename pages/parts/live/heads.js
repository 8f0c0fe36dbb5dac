// All heads of a model at once: a small heat map each, layers down and heads across, one block per kind of attention.

import { planned } from "./board.js";
import { Card, make } from "./canvas.js";
import { GridPainter } from "./grid.js";
import { agreementOf, roleOf, rolesOf, whereOf } from "./habits.js";
import { sidesOf } from "./maps.js";
import { ExampleChooser, ScaleLegend, logChip } from "./options.js";

const LOW = 1.04;
const HIGH = 1.42;
const PHONE_PX = 400;
const PHONE_HIGH = 1.65;
const EDGE_PX = 4;
const TOLD_ROLES = 6;
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class HeadsPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-heads");
    Object.assign(this, { panel, slot, over: null, grid: new GridPainter() });
    // A grid with nothing below it may be tall.
    this.tallest = LOW;
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

  mayBeTall() {
    this.tallest = HIGH;
  }

  listen() {
    const { canvas, view, panel } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.addEventListener("pointermove", (event) => this.point(this.grid.under(event.offsetX, event.offsetY), event));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const tile = this.grid.under(offsetX, offsetY);
      if (tile) view.choice.setHead({ group: tile.group, layer: tile.layer, head: tile.head }, panel.groups);
    });
    canvas.addEventListener("keydown", (event) => this.move(event));
  }

  /** Arrow keys belong to the grid while it has the focus, not to the scrubber. */
  move(event) {
    if (!(event.key in MOVES) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { choice } = this.view;
    const sides = this.view.sides();
    const names = this.panel.groups.map(({ name }) => name).filter((name) => sides[name]);
    if (!names.length) return;
    const now = choice.headIn(this.panel.groups);
    const [down, across] = MOVES[event.key];
    let [group, layer, head] = [now.group, now.layer + down, now.head + across];
    const at = names.indexOf(group);
    // Below the last layer of one block lies the first layer of the next.
    if (layer < 0 && at > 0) [group, layer] = [names[at - 1], Infinity];
    else if (layer >= sides[group]?.[1] && at + 1 < names.length) [group, layer] = [names[at + 1], 0];
    const [, layers, heads] = sides[group] ?? [0, 1, 1];
    layer = Math.max(0, Math.min(layers - 1, layer));
    head = Math.max(0, Math.min(heads - 1, head));
    choice.setHead({ group, layer, head }, this.panel.groups);
    this.spoken.textContent = this.summary({ group, layer, head });
  }

  point(tile, event) {
    const same = tile?.group === this.over?.group && tile?.layer === this.over?.layer && tile?.head === this.over?.head;
    this.over = tile;
    this.canvas.style.cursor = tile ? "pointer" : "";
    if (!same) this.view.redraw();
    if (!same || this.told !== this.composed()) this.explain(tile);
    if (!tile || !event) return;
    const { tile: side, caption } = this.grid.plan;
    const left = Math.min(this.width - this.tip.offsetWidth - 4, Math.max(0, event.offsetX + 16));
    const below = tile.y + side + caption + 6;
    const fits = below + this.tip.offsetHeight < this.height + 70;
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${fits ? below : tile.y - this.tip.offsetHeight - 6}px`;
  }

  composed() {
    return this.view.pictureOf(this.feed)?.serial;
  }

  /** A head's name, its roles with their scores, and how far it agrees with what the task demands. */
  explain(tile) {
    this.told = this.composed();
    this.tip.hidden = !tile;
    if (!tile) return;
    const { speech } = this.view;
    const picture = this.view.pictureOf(this.feed);
    const roles = rolesOf(this.panel, picture, tile).sort((one, other) => other.score - one.score);
    const agreement = agreementOf(this.panel, picture, tile);
    const rows = [
      ...roles.slice(0, TOLD_ROLES),
      ...(agreement === null ? [] : [{ name: speech.say("agreement"), score: agreement, apart: true }]),
    ];
    this.tip.replaceChildren(make("b", { text: this.nameOf(tile) }), ...rows.map(({ name, score, apart }) => {
      const bar = make("i");
      bar.style.width = `${Math.round(100 * Math.min(1, Math.max(0, score)))}%`;
      const line = make("span", { class: apart ? "tl-score tl-apart" : "tl-score" });
      line.append(make("em", { text: name }), make("s", {}, bar), speech.fixed(score, 2));
      return line;
    }));
  }

  nameOf({ group, layer, head }) {
    const label = this.panel.groups.find(({ name }) => name === group)?.label ?? group;
    return `${label} · ${this.view.speech.say("head_name", { layer: layer + 1, head: head + 1 })}`;
  }

  /** A head's name with its clearest role. */
  summary(chosen) {
    const role = roleOf(this.panel, this.view.pictureOf(this.feed), chosen);
    return `${this.nameOf(chosen)}${role ? `: ${role.name} ${this.view.speech.fixed(role.score, 2)}` : ""}`;
  }

  state() {
    const over = this.over && `${this.over.group}.${this.over.layer}.${this.over.head}`;
    return [...super.state(), JSON.stringify(this.view.sides()), this.view.choice.version, over];
  }

  /** The height follows the blocks; it is known before the first picture where the page says the blocks' sides. */
  measure(again) {
    const width = this.stage.clientWidth;
    if (width) this.lay(width);
    super.measure(again);
  }

  lay(width) {
    const sides = this.view.sides();
    const blocks = this.panel.groups.map(({ name, layers, heads, label }) => {
      const [, deep, wide] = sides[name] ?? [1, layers ?? 2, heads ?? 4];
      return { name, label, layers: deep, heads: wide };
    });
    const laid = JSON.stringify([width, blocks]);
    if (laid === this.laid) return;
    this.laid = laid;
    const tallest = width < PHONE_PX ? PHONE_HIGH : this.tallest;
    this.plan = planned(blocks, width - EDGE_PX, width * tallest);
    this.stage.style.height = `${this.plan.height}px`;
  }

  paint(theme) {
    const picture = this.view.pictureOf(this.feed);
    const { choice, speech } = this.view;
    const { panel } = this;
    const sides = sidesOf(picture, panel.groups);
    const groups = panel.groups.filter(({ name }) => sides[name]);
    this.waiting(!groups.length, groups.length ? "" : this.waitingFor(this.feed));
    this.lay(this.width);
    if (this.stage.clientHeight !== this.height) {
      super.measure();
      return;
    }
    choice.fit(this.view.sides(), panel.groups);
    this.examples.paint();
    this.log.paint();
    this.scale.paint(theme, { diverging: false, log: choice.log });
    const context = this.wiped();
    const chosen = choice.headIn(panel.groups);
    if (!groups.length) return;
    const { example, log } = choice;
    const { plan, ratio, over } = this;
    this.grid.paint(context, { panel, picture, groups, plan, example, log, theme, ratio, speech, chosen, over });
    const poor = this.grid.sheet.poor;
    this.title.title = this.note.title = poor ? speech.say("pooled_why") : "";
    this.note.textContent = poor ? speech.say("pooled") : "";
    this.say(over ?? chosen);
    if (over && this.told !== picture.serial) this.explain(over);
  }

  say(head) {
    const { speech } = this.view;
    const role = roleOf(this.panel, this.view.pictureOf(this.feed), head);
    const name = speech.say("head_short", { layer: head.layer + 1, head: head.head + 1 });
    const said = role ? `${name} · ${role.name} ${speech.fixed(role.score, 2)}` : name;
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  tell() {
    const picture = this.view.pictureOf(this.feed);
    const { speech, choice } = this.view;
    if (!this.grid.tiles.length || !picture) return speech.say("waiting_first");
    const best = this.grid.tiles.map((tile) => ({ ...tile, role: roleOf(this.panel, picture, tile) }))
      .filter(({ role }) => role).sort((one, other) => other.role.score - one.role.score).slice(0, 4);
    const fields = { count: speech.count(this.grid.tiles.length), where: whereOf(speech, this.feed, picture) };
    const chosen = this.nameOf(choice.headIn(this.panel.groups));
    return [
      speech.say("alt_heads", fields), ...best.map((head) => `${this.summary(head)}.`),
      speech.say("alt_chosen", { head: chosen }), speech.say("alt_heads_keys"),
    ].join(" ");
  }
}
