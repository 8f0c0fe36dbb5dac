// The live view: feeds on one side, panels on the other, and between them the one step that all panels show.

import { make } from "./canvas.js";
import { CurvesPanel, horizonOf } from "./curves.js";
import { Feed } from "./feed.js";
import { decode, unpacked } from "./frames.js";
import { ImagesPanel } from "./images.js";
import { Speech, upTo } from "./numbers.js";
import { PlanePanel } from "./plane.js";
import { readTheme } from "./theme.js";
import { Transport } from "./transport.js";

const PICTURES = { plane: PlanePanel, images: ImagesPanel };
const REPLAY_MS = 50;
const SETTLED_MS = 350;
const DESCRIBED_MS = 1500;
const AHEAD = 6;
const KEPT = 240;
const NUMBERS_MS = 90;
const BUSY = ["queued", "training"];
const SHOW_SPEED = 2;
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
/** Runs whose history was shown by itself, or is not to be: once is enough for as long as the page stays open. */
const SHOWN = new Set();

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
    this.numbered = 0;
    this.playing = false;
    this.speed = 1;
    this.layers = { data: true, samples: true, ema: true, surface: true };
    this.record = { frames: 0, lastPaint: 0, painted: {}, lag_ms: null, lags_ms: [], paints_ms: [] };
    this.onKey = (event) => this.key(event);
    this.onVisible = () => this.attend();
    this.onTouch = (event) => this.touched(event);
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, this.onTouch, true);
    this.root.addEventListener("keydown", this.onKey);
    document.addEventListener("visibilitychange", this.onVisible);
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
      if (data.view !== this.viewed) this.dress(data.view);
      this.meet(data.runs.map(({ key }) => key));
      this.build(data);
      if (data.step !== this.told) {
        this.told = data.step;
        if (data.step !== this.committed) this.adopt(data.step);
      }
      this.swallow(data.frames ?? []);
    }
    this.redraw();
  }

  /** Layers that the page says are hidden, by name and joined by commas. */
  dress(view) {
    this.viewed = view;
    const hidden = view.split(",");
    for (const layer of Object.keys(this.layers)) this.layers[layer] = !hidden.includes(layer);
  }

  /** The visitor switched a layer: the page puts it into the link. */
  toggle(layer) {
    this.layers[layer] = !this.layers[layer];
    this.viewed = Object.keys(this.layers).filter((name) => !this.layers[name]).join();
    this.setStateValue("view", { layers: this.viewed, turn: this.turn() });
    this.redraw();
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
    // Who watched it learn needs no repetition.
    if (busy) SHOWN.add(feed.key);
    if (busy !== before) this.setTriggerValue("command", { verb: "refresh", step: feed.status.step, key: feed.key });
  }

  /** Keep the feeds of runs that stay, open those that are new, close those that left. */
  meet(keys) {
    if (keys.join() === this.feeds.map(({ key }) => key).join()) return;
    const old = new Map(this.feeds.map((feed) => [feed.key, feed]));
    this.feeds = keys.map((key) => old.get(key) ?? new Feed(key, this, keys.length));
    for (const [key, feed] of old) if (!keys.includes(key)) feed.close();
    this.record.painted = {};
    this.replay(false);
    this.told = this.data.step;
    this.step = this.committed = this.data.step ?? null;
    this.refreshMoments();
  }

  build({ panels, words, runs }) {
    const shape = JSON.stringify([panels, words, runs.length]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.speech = new Speech(words);
      for (const card of this.cards) card.close();
      this.transport = new Transport(this);
      const pictures = panels.filter(({ kind }) => kind in PICTURES).flatMap((panel) =>
        runs.map((_, slot) => new PICTURES[panel.kind](this, panel, slot, this.layers)),
      );
      const curves = panels.filter(({ kind }) => kind === "curves").map((panel) => new CurvesPanel(this, panel));
      this.cards = [...pictures, ...curves];
      this.pictures = pictures;
      this.arrange(pictures, curves, runs.length);
    }
    for (const card of this.pictures) {
      const label = runs.length > 1 ? runs[card.slot].label : card.panel.title;
      if (card.title.textContent !== label) card.title.textContent = label;
    }
  }

  arrange(pictures, curves, runs) {
    const across = runs > 1 ? runs : Math.min(2, Math.max(1, pictures.length));
    const beside = across === 1 ? 4 : across === 2 ? 2 : 0;
    const shown = make("div", { class: "tl-pictures" }, ...pictures.map(({ element }) => element));
    shown.style.setProperty("--tl-across", across);
    const near = make("div", { class: "tl-near" }, ...curves.slice(0, beside).map(({ element }) => element));
    const more = make("div", { class: "tl-more" }, ...curves.slice(beside).map(({ element }) => element));
    const grid = make("div", { class: `tl-grid tl-across-${across}` }, shown, near, this.transport.element, more);
    near.hidden = !near.children.length;
    more.hidden = !more.children.length;
    grid.classList.toggle("tl-bare", near.hidden);
    this.root.replaceChildren(grid);
  }

  /** Frames that came inside the data: each belongs to the run named last. */
  swallow(frames) {
    let feed = this.feeds[0];
    for (const text of frames) {
      const buffer = unpacked(text);
      const { key } = decode(buffer);
      feed = this.feeds.find((candidate) => candidate.key === key) ?? feed;
      feed?.take(buffer);
    }
  }

  // What feeds call.

  changed(feed, kind) {
    this.record.frames += 1;
    if (kind === "status") this.heed(feed);
    if (feed.moments.length !== feed.counted || feed.newest?.step !== feed.newestSeen) {
      feed.counted = feed.moments.length;
      feed.newestSeen = feed.newest?.step;
      this.refreshMoments();
      // A link's step is known before the connection stands: now it can be asked for.
      if (this.step !== null) feed.want(this.step);
    }
    if (kind === "snapshot") this.frame();
    else this.soon();
    this.show();
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

  // Replay of the recorded history.

  replay(yes) {
    if (yes === this.playing || (yes && this.moments.length < 2)) return;
    this.playing = yes;
    if (!yes && this.showing) {
      this.showing = false;
      this.transport.setSpeed(1);
    }
    clearTimeout(this.ticking);
    if (yes) {
      if (this.step === null) this.place(0);
      this.tick();
    } else this.settle();
    this.redraw();
  }

  setSpeed(speed) {
    this.speed = speed;
  }

  /** Replay a finished run by itself, once: a first visitor sees it learn without having to ask. */
  show() {
    const feed = this.feeds[0];
    if (!this.data.autoplay || !feed || SHOWN.has(feed.key) || document.hidden) return;
    if (this.step !== null || this.playing || STILL.matches || feed.polled) return;
    const known = this.feeds.every(({ status, moments, newest }) => status && moments.length > 2 && newest);
    if (!known || feed.status.status !== "finished") return;
    SHOWN.add(feed.key);
    this.showing = true;
    this.transport.setSpeed(SHOW_SPEED);
    this.replay(true);
  }

  /** Whoever does anything is no longer a mere spectator: inside, the film stops where it is; outside, at its end. */
  touched(event) {
    if (this.feeds[0]) SHOWN.add(this.feeds[0].key);
    if (!this.showing) return;
    const path = event.composedPath();
    const inside = path.includes(this.root);
    // These stop it by themselves.
    const toggles = event.key === " " && event.type === "keydown" && path[0].tagName !== "BUTTON";
    if (inside && (toggles || path.includes(this.transport.play))) return;
    if (inside) this.replay(false);
    else this.follow();
  }

  tick() {
    const pause = REPLAY_MS / this.speed;
    this.ticking = setTimeout(() => this.tick(), pause);
    // Pictures that are still on their way hold the film; a lost answer does not hold it for ever.
    const here = this.feeds.every((feed) => this.step === null || feed.picture(this.step));
    this.held = here ? 0 : (this.held ?? 0) + pause;
    if (!here && this.held < 1000) return;
    this.held = 0;
    const next = this.index() + 1;
    this.place(next);
    if (next >= this.moments.length - 1) this.replay(false);
  }

  key(event) {
    const tag = event.target.tagName;
    if (event.altKey || event.ctrlKey || event.metaKey || tag === "SELECT") return;
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === " " && tag !== "BUTTON") this.replay(!this.playing);
    else if (event.key in moves) {
      this.go(Math.max(0, Math.min(this.moments.length - 1, this.index() + moves[event.key])));
    } else return;
    event.preventDefault();
  }

  // Painting: at most once per animation frame, and never in a hidden tab.

  /** All of it, in the next frame: the visitor did something. */
  redraw() {
    this.urgent = true;
    this.frame();
  }

  /** Numbers can wait a little for the picture that mostly follows them. */
  soon() {
    this.later ||= setTimeout(() => {
      this.later = 0;
      this.frame();
    }, NUMBERS_MS);
  }

  frame() {
    if (this.waiting || this.closed) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    if (document.hidden) return;
    const begin = performance.now();
    // Pictures are painted as they come, numbers about ten times a second.
    const due = this.urgent || begin - this.numbered >= NUMBERS_MS;
    if (due) {
      this.urgent = false;
      this.numbered = begin;
      this.transport.paint();
    } else this.soon();
    const drawn = [this.theme.id, JSON.stringify(this.layers), this.step, this.hovered];
    const base = drawn.join("|");
    for (const card of due ? this.cards : this.pictures) this.paintCard(card, base);
    this.log(begin);
    this.prefetch();
    this.describing ||= setTimeout(() => this.describe(), DESCRIBED_MS);
  }

  /** Paint a card unless it shows just this already. */
  paintCard(card, base) {
    if (!card.width) return;
    const { feed } = card;
    const state = feed
      ? [this.theme.id, JSON.stringify(this.layers), feed.key, this.pictureOf(feed)?.step ?? card.waitingFor(feed)]
      : [base, this.horizon(), ...this.feeds.map((each) => `${each.key}${each.columns.version}.${each.notes.length}`)];
    const painted = state.join("|");
    if (painted === card.painted) return;
    card.paint(this.theme);
    card.painted = painted;
  }

  paintNow(card) {
    if (!this.theme || !this.speech || !this.cards.includes(card)) return;
    card.painted = "";
    this.paintCard(card, "");
    this.redraw();
  }

  log(begin) {
    const { record } = this;
    const now = performance.now();
    for (const feed of this.feeds) {
      const picture = this.pictureOf(feed);
      if (!picture || record.painted[feed.key] === picture.step) continue;
      record.painted[feed.key] = picture.step;
      if (!picture.sent || picture.logged) continue;
      picture.logged = true;
      record.lag_ms = Date.now() - 1000 * picture.sent;
      record.lags_ms = [...record.lags_ms.slice(-KEPT), record.lag_ms];
    }
    record.lastPaint = now;
    record.paints_ms = [...record.paints_ms.slice(-KEPT), now - begin];
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

  describe() {
    this.describing = 0;
    for (const card of this.cards) card.describe(card.tell());
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.waiting);
    for (const timer of [this.ticking, this.settling, this.describing, this.later]) clearTimeout(timer);
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
