// The live view: feeds on one side, panels on the other, and between them the one step that all panels show.

import { Choice } from "./choice.js";
import { CurvesPanel, horizonOf } from "./curves.js";
import { Feed, StillFeed } from "./feed.js";
import { Film } from "./film.js";
import { decode, unpacked } from "./frames.js";
import { HeadPanel } from "./head.js";
import { HeadsPanel } from "./heads.js";
import { ImagesPanel } from "./images.js";
import { arranged } from "./layout.js";
import { sidesOf } from "./maps.js";
import { Speech, upTo } from "./numbers.js";
import { Painting } from "./painting.js";
import { PlanePanel } from "./plane.js";
import { readTheme } from "./theme.js";
import { Transport } from "./transport.js";

const PICTURES = { plane: PlanePanel, images: ImagesPanel, heads: HeadsPanel, head: HeadPanel };
const LINES = { curves: CurvesPanel };
const SETTLED_MS = 350;
const RESTED_MS = 200;
const ECHO_MS = 2500;
const AHEAD = 6;
const BUSY = ["queued", "training"];

export class LiveView {
  constructor(root) {
    this.root = root;
    this.feeds = [];
    this.runs = [];
    this.cards = [];
    this.moments = [];
    this.step = null;
    this.committed = null;
    this.hovered = null;
    this.layers = { data: true, samples: true, ema: true, surface: true };
    this.said = [];
    this.choice = new Choice(() => this.chosen());
    this.film = new Film(this);
    this.painting = new Painting(this);
    this.onKey = (event) => this.key(event);
    this.onVisible = () => this.attend();
    this.onTouch = (event) => this.film.touched(event);
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, this.onTouch, true);
    this.root.addEventListener("keydown", this.onKey);
    document.addEventListener("visibilitychange", this.onVisible);
  }

  get record() {
    return this.painting.record;
  }

  get playing() {
    return this.film.playing;
  }

  /** New data from the page, or a new theme: anything that is as before is left untouched. */
  update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    window.__torchlight = this.record;
    this.theme = readTheme(this.root);
    this.root.dataset.dark = String(this.theme.dark);
    if (data !== this.data) {
      this.data = data;
      this.runs = data.runs;
      this.hear(data.view);
      this.meet(data.runs);
      this.build(data);
      if (data.step !== this.told) {
        this.told = data.step;
        if (data.step !== this.committed) this.adopt(data.step);
      }
      this.swallow(data.frames ?? []);
    }
    this.redraw();
  }

  // What of the pictures is switched off or chosen: a string that lives in the link.

  /** The page says how the pictures are looked at; a late echo of what they said themselves is no news. */
  hear(view) {
    const now = performance.now();
    this.said = this.said.filter(({ since }) => now - since < ECHO_MS);
    const news = view !== this.heard && view !== this.viewed && !this.said.some(({ text }) => text === view);
    this.heard = view;
    if (!news) return;
    this.viewed = view;
    const hidden = view.split(",");
    for (const layer of Object.keys(this.layers)) this.layers[layer] = !hidden.includes(layer);
    this.choice.read(view);
  }

  /** The visitor switched a layer: the page puts it into the link. */
  toggle(layer) {
    this.layers[layer] = !this.layers[layer];
    this.tell();
    this.redraw();
  }

  /** The visitor chose something: seen at once, told after a rest. */
  chosen() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell(), RESTED_MS);
    this.redraw();
  }

  tell() {
    clearTimeout(this.telling);
    const view = this.choice.after(Object.keys(this.layers).filter((name) => !this.layers[name]));
    if (view === this.viewed) return;
    this.said.push({ text: this.viewed, since: performance.now() });
    this.viewed = view;
    this.setStateValue("view", { layers: view, turn: this.turn() });
  }

  /** Told apart: the same choice made again, after a link or a button led elsewhere, is news. */
  turn() {
    this.turns = (this.turns ?? 0) + 1;
    return this.turns;
  }

  /** A run that begins or ends changes what the page around offers: it is run again. */
  heed(feed) {
    const busy = BUSY.includes(feed.status?.status);
    const before = feed.busy ?? this.runs.find(({ key }) => key === feed.key)?.active ?? busy;
    feed.busy = busy;
    if (busy) this.film.seen(feed.key);
    if (busy !== before) this.setTriggerValue("command", { verb: "refresh", step: feed.status.step, key: feed.key });
  }

  /** Keep the feeds of runs that stay, open those that are new, close those that left. */
  meet(runs) {
    const keys = runs.map(({ key }) => key);
    if (keys.join() === this.feeds.map(({ key }) => key).join()) return;
    const old = new Map(this.feeds.map((feed) => [feed.key, feed]));
    const opened = (run) => (run.static ? new StillFeed(run.key, this) : new Feed(run.key, this, keys.length));
    this.feeds = runs.map((run) => old.get(run.key) ?? opened(run));
    for (const [key, feed] of old) if (!keys.includes(key)) feed.close();
    this.record.painted = {};
    this.replay(false);
    this.told = this.data.step;
    this.step = this.committed = this.data.step ?? null;
    this.refreshMoments();
  }

  build({ panels, words, runs }) {
    const shape = JSON.stringify([panels, words, runs.map((run) => Boolean(run.static))]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.speech = new Speech(words);
      for (const card of this.cards) card.close();
      this.transport = new Transport(this);
      this.pictures = panels.filter(({ kind }) => kind in PICTURES).flatMap((panel) =>
        runs.map((_, slot) => new PICTURES[panel.kind](this, panel, slot, this.layers)),
      );
      const lines = panels.filter(({ kind }) => kind in LINES).map((panel) => new LINES[panel.kind](this, panel));
      this.cards = [...this.pictures, ...lines];
      const { pictures, transport, root } = this;
      const parts = { pictures, lines, transport: transport.element, runs, width: root.clientWidth };
      root.replaceChildren(arranged(parts));
    }
    for (const card of this.pictures) card.entitle(runs.length > 1 ? runs[card.slot].label : null);
  }

  /** Frames that came inside the data: each belongs to the run named last. */
  swallow(frames) {
    let feed = this.feeds[0];
    const still = new Map();
    for (const text of frames) {
      const buffer = unpacked(text);
      const { key } = decode(buffer);
      feed = this.feeds.find((candidate) => candidate.key === key) ?? feed;
      if (feed?.still) still.set(feed, [...(still.get(feed) ?? []), { text, buffer }]);
      else feed?.take(buffer);
    }
    for (const [each, given] of still) each.replace(given);
  }

  // What feeds call.

  changed(feed, kind) {
    this.record.frames += 1;
    if (kind === "status" && !feed.still) this.heed(feed);
    if (feed.moments.length !== feed.counted || feed.newest?.step !== feed.newestSeen) {
      feed.counted = feed.moments.length;
      feed.newestSeen = feed.newest?.step;
      this.refreshMoments();
      // A link's step is known before the connection stands: now it can be asked for.
      if (this.step !== null) feed.want(this.step);
    }
    if (kind === "snapshot") this.painting.frame();
    else this.painting.soon();
    this.film.show();
  }

  transportBy(how) {
    if (how !== (this.carrier ?? "socket")) this.setStateValue("transport", how);
    this.carrier = how;
  }

  ask(step) {
    this.commit(step);
  }

  refreshMoments() {
    const all = this.feeds.map(({ moments }) => moments);
    this.moments = all.length === 1 ? all[0] : [...new Set(all.flat())].sort((one, other) => one - other);
  }

  // The step that all panels show; null follows the newest.

  index() {
    const last = Math.max(0, this.moments.length - 1);
    return this.step === null ? last : Math.max(0, Math.min(last, upTo(this.moments, this.step) - 1));
  }

  shownStep() {
    if (this.step !== null) return this.step;
    const newest = Math.max(-1, ...this.feeds.map((feed) => feed.newest?.step ?? -1));
    return newest < 0 ? null : newest;
  }

  /** The step whose numbers are read out: the pointer's, else the scrubber's; null for the newest. */
  readStep() {
    return this.hovered ?? this.step;
  }

  horizon() {
    return horizonOf(this.feeds);
  }

  /** The picture a feed shows now; while the one asked for is on its way, the one before stays. */
  pictureOf(feed) {
    if (!feed) return null;
    const picture = this.step === null ? feed.newest : feed.picture(this.step);
    if (picture) feed.shown = picture;
    return picture ?? feed.shown ?? null;
  }

  adopt(step) {
    this.step = step;
    this.committed = step;
    this.attend();
    this.redraw();
  }

  /** Show the moment with this index; the last one means to follow a run that goes on. */
  go(index) {
    this.replay(false);
    this.place(index);
    this.settle();
  }

  place(index) {
    const last = this.moments.length - 1;
    const end = index >= last;
    this.step = end ? null : this.moments[Math.max(0, index)];
    this.attend();
    this.redraw();
  }

  scrub(step) {
    this.replay(false);
    this.place(upTo(this.moments, step) - 1);
  }

  follow() {
    this.replay(false);
    this.step = null;
    this.attend();
    this.settle();
    this.redraw();
  }

  /** Tell the page where the visitor came to rest. */
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.commit(this.step), SETTLED_MS);
  }

  commit(step) {
    if (step === this.committed) return;
    this.committed = step;
    // With the run's key: a place in one run's history says nothing of another's.
    this.setStateValue("step", { key: this.feeds[0]?.key ?? null, step, turn: this.turn() });
  }

  /** Live pictures are wanted only while they are looked at; a picture of the past is asked for. */
  attend() {
    for (const feed of this.feeds) {
      feed.setLive(this.step === null && !document.hidden);
      if (this.step !== null) feed.want(this.step);
    }
    if (!document.hidden) this.redraw();
  }

  command(verb) {
    const active = this.runs.find((run) => run.active) ?? this.runs[0];
    this.setTriggerValue("command", { verb, step: this.shownStep() ?? 0, key: active?.key ?? null });
  }

  hoverAt(step) {
    if (step === this.hovered) return;
    this.hovered = step;
    this.redraw();
  }

  replay(yes) {
    this.film.play(yes);
  }

  setSpeed(speed) {
    this.film.speed = speed;
  }

  key(event) {
    const tag = event.target.tagName;
    if (event.altKey || event.ctrlKey || event.metaKey || tag === "SELECT") return;
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Escape" && (this.choice.cell || this.choice.lock)) this.choice.set({ cell: null, lock: null });
    else if (event.key === " " && tag !== "BUTTON") this.replay(!this.playing);
    else if (event.key in moves) {
      this.go(Math.max(0, Math.min(this.moments.length - 1, this.index() + moves[event.key])));
    } else return;
    event.preventDefault();
  }

  redraw() {
    this.painting.redraw();
  }

  paintNow(card) {
    this.painting.paintNow(card);
  }

  /** The largest sides of every group of attention maps that all runs show now; empty until all have a picture. */
  sides() {
    const groups = this.cards.find(({ panel }) => panel.groups)?.panel.groups ?? [];
    const all = this.feeds.map((feed) => sidesOf(this.pictureOf(feed), groups));
    if (!all.length || all.some((sides) => !Object.keys(sides).length)) return {};
    const found = {};
    for (const sides of all) {
      for (const [name, shape] of Object.entries(sides)) {
        found[name] = shape.map((side, index) => Math.max(side, found[name]?.[index] ?? 0));
      }
    }
    return found;
  }

  /** The next pictures in reading direction, then the one before, when nothing else is under way. */
  prefetch() {
    if (this.step === null) return;
    const index = this.index();
    const ahead = Array.from({ length: AHEAD }, (_, far) => index + far + 1);
    const wanted = this.playing ? ahead : [index + 1, index - 1];
    for (const feed of this.feeds) {
      const next = wanted.find((at) => this.moments[at] !== undefined && !feed.picture(this.moments[at]));
      if (next !== undefined) feed.prefetch(this.moments[next]);
    }
  }

  close() {
    this.painting.close();
    this.film.close();
    for (const timer of [this.settling, this.telling]) clearTimeout(timer);
    for (const feed of this.feeds) feed.close();
    for (const card of this.cards) card.close();
    for (const kind of ["pointerdown", "keydown"]) window.removeEventListener(kind, this.onTouch, true);
    this.root.removeEventListener("keydown", this.onKey);
    document.removeEventListener("visibilitychange", this.onVisible);
  }
}

const views = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const place = component.parentElement;
  const root = place.querySelector(".tl-root");
  if (views.get(place)?.root !== root) {
    views.get(place)?.close();
    views.set(place, new LiveView(root));
  }
  views.get(place).update(component);
  return () => {
    views.get(place)?.close();
    views.delete(place);
  };
}
