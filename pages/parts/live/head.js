// One head large, as a heat map or as lines, with what the task demands of it and what the model answers.

import { LinesPainter } from "./bipartite.js";
import { Card, make } from "./canvas.js";
import { agreementOf, roleOf, sentenceOf, whereOf } from "./habits.js";
import { HeatmapPainter, cellUnder } from "./heatmap.js";
import { shadesOf } from "./shades.js";
import { pinnedPicture, shownMap } from "./shown.js";
import { HeadSwitches } from "./switches.js";
import { AnswerStrip, visible } from "./tokens.js";

const REACHES = [0.02, 0.05, 0.1, 0.2, 0.5, 1];
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** A place in a sequence as small digits below the line. */
function lowered(number) {
  return [...String(number)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
}

export class HeadPanel extends Card {
  constructor(view, panel, slot) {
    super(view, panel.title, "tl-attention");
    Object.assign(this, { panel, slot });
    this.heatmap = new HeatmapPainter();
    this.lines = new LinesPainter();
    this.answers = new AnswerStrip(view, (query) => {
      this.pointAt(query === null || !this.predicts() ? null : { query });
    });
    this.stage.after(this.answers.element);
    this.answers.build(panel.examples?.[view.choice.example]?.targets ?? null, panel.vocabulary);
    this.name = make("span");
    this.role = make("small");
    this.title.replaceChildren(this.name, this.role);
    this.readout.title = view.speech.say("exact");
    this.switches = new HeadSwitches(this);
    this.listen();
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  entitle(label) {
    this.label = label;
  }

  listen() {
    const { canvas, view } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => this.pointAt(this.under(offsetX, offsetY)));
    canvas.addEventListener("pointerleave", () => this.pointAt(null));
    canvas.addEventListener("click", ({ offsetX, offsetY }) => this.press(this.under(offsetX, offsetY)));
    canvas.addEventListener("keydown", (event) => this.moveCell(event));
    canvas.addEventListener("blur", () => view.choice.hover && this.pointAt(null));
  }

  under(x, y) {
    return this.view.choice.lines ? this.lines.under(x, y) : cellUnder(this.heatmap.frame, x, y);
  }

  pointAt(hover) {
    this.canvas.style.cursor = hover ? "pointer" : "";
    if (this.view.choice.point(hover)) this.view.redraw();
  }

  /** A press chooses, the same press again lets go. */
  press(at) {
    const { choice } = this.view;
    if (!at) {
      if (choice.cell || choice.lock) choice.set({ cell: null, lock: null });
    } else if (choice.lines) {
      const lock = "query" in at ? { side: "q", at: at.query } : { side: "k", at: at.key };
      choice.set({ lock: JSON.stringify(lock) === JSON.stringify(choice.lock) ? null : lock });
    } else choice.set({ cell: JSON.stringify(at) === JSON.stringify(choice.cell) ? null : at });
  }

  moveCell(event) {
    const taken = event.altKey || event.ctrlKey || event.metaKey;
    if (!(event.key in STEPS) || this.view.choice.lines || taken) return;
    const { frame } = this.heatmap;
    if (!frame) return;
    event.preventDefault();
    event.stopPropagation();
    const { choice } = this.view;
    const [down, across] = STEPS[event.key];
    const { query, key } = choice.cell ?? { query: -down, key: -across };
    const inside = (at, count) => Math.max(0, Math.min(count - 1, at));
    choice.set({ cell: { query: inside(query + down, frame.rows), key: inside(key + across, frame.columns) } });
  }

  state() {
    const pinned = this.feed && pinnedPicture(this.feed, this.view.choice.pin);
    const { version, pointed, show } = this.view.choice;
    const others = show === "run" ? this.view.feeds.map((feed) => this.view.pictureOf(feed)?.serial) : [];
    return [...super.state(), version, pointed, this.label, pinned?.serial, ...others];
  }

  tokens() {
    const { choice } = this.view;
    const { group } = choice.headIn(this.panel.groups);
    const { queries = [], keys = [] } = this.panel.examples?.[choice.example]?.[group] ?? {};
    return { queries, keys };
  }

  paint(theme) {
    const { choice, speech } = this.view;
    choice.fit(this.view.sides(), this.panel.groups);
    const picture = this.view.pictureOf(this.feed);
    const found = shownMap(this.view, this.panel, this.slot);
    this.shown = found;
    const words = { picture: () => this.waitingFor(this.feed), undefined: () => "" };
    const absent = words[found.missing] ?? (() => speech.say(`missing_${found.missing}`));
    this.waiting(Boolean(found.missing), absent());
    this.head = choice.headIn(this.panel.groups);
    this.nameHead();
    const example = this.panel.examples?.[choice.example];
    this.answers.build(example?.targets ?? null, this.panel.vocabulary);
    this.answers.paint(picture, choice.example, this.panel.vocabulary, this.answerHovered());
    const context = this.wiped();
    if (found.map) {
      if (found.map.diverging) found.map.reach = REACHES.find((reach) => reach >= found.map.reach) ?? 1;
      const painter = choice.lines ? this.lines : this.heatmap;
      painter.paint(context, this.scene(found.map, example, theme), this);
    }
    this.switches.paint(theme, found.map, this.head);
    this.paintReadout();
  }

  scene(map, example, theme) {
    const { choice, speech } = this.view;
    const demanded = choice.demand && !map.diverging ? example?.demanded?.[this.head.group] : null;
    return {
      map, theme, speech, tokens: this.tokens(), shades: shadesOf(theme), log: choice.log, demanded,
      cell: choice.cell, hover: choice.hover, lock: choice.lock,
      axes: { queries: speech.say("queries"), keys: speech.say("keys") },
    };
  }

  /** The answers belong to the queries of the stack that predicts. */
  answerHovered() {
    return this.predicts() ? (this.view.choice.hover?.query ?? this.view.choice.cell?.query ?? null) : null;
  }

  predicts() {
    const { targets, ...groups } = this.panel.examples?.[this.view.choice.example] ?? {};
    const group = this.head?.group;
    return targets && group !== "encoder" && groups[group]?.queries?.length === targets.length;
  }

  nameHead() {
    const { speech, runs } = this.view;
    const { group, layer, head } = this.head;
    const label = this.panel.groups.find(({ name }) => name === group)?.label ?? group;
    const name = `${label} · ${speech.say("head_short", { layer: layer + 1, head: head + 1 })}`;
    const said = runs.length > 1 && this.label ? `${this.label} · ${name}` : name;
    if (this.name.textContent !== said) this.name.textContent = said;
    const role = roleOf(this.panel, this.view.pictureOf(this.feed), this.head);
    const played = role ? `${role.name} ${speech.fixed(role.score, 2)}` : "";
    if (this.role.textContent !== played) this.role.textContent = played;
  }

  agreement() {
    return agreementOf(this.panel, this.view.pictureOf(this.feed), this.head);
  }

  /** "query → key: 0.91"; the pointer's cell, else the chosen one. */
  paintReadout() {
    const { choice } = this.view;
    const at = choice.hover ?? choice.cell;
    let said = "";
    if (at && this.shown.map && Number.isInteger(at.query) && Number.isInteger(at.key)) said = this.saidOf(at);
    if (this.readout.textContent !== said) this.readout.textContent = said;
  }

  saidOf({ query, key }) {
    const { map } = this.shown;
    if (query >= map.rows || key >= map.columns) return "";
    const tokens = this.tokens();
    const short = (text) => (text.length > 14 ? `${text.slice(0, 13)}…` : text);
    const [from, to] = [visible(tokens.queries[query] ?? ""), visible(tokens.keys[key] ?? "")].map(short);
    const value = map.values[query * map.columns + key];
    const sign = map.diverging && value > 0 ? "+" : "";
    return `${from}${lowered(query + 1)} → ${to}${lowered(key + 1)}: ${sign}${this.view.speech.fixed(value, 2)}`;
  }

  tell() {
    const { speech, choice } = this.view;
    const picture = this.view.pictureOf(this.feed);
    if (!picture || !this.shown?.map) return speech.say("waiting_first");
    const name = speech.say("head_name", { layer: this.head.layer + 1, head: this.head.head + 1 });
    const where = whereOf(speech, this.feed, picture);
    const sentence = sentenceOf(speech, picture, this.panel.groups, this.head, choice.example, this.tokens());
    const agreement = this.agreement();
    const agreed = agreement === null ? "" : ` ${speech.say("demand_score", { score: speech.fixed(agreement, 2) })}.`;
    const at = choice.cell ? ` ${this.saidOf(choice.cell)}.` : "";
    return `${name}${where}: ${sentence}${agreed}${at}`;
  }
}
