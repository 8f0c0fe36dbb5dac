// The live view: feeds on one side, panels on the other, and between them the one step that all panels show.

import { BandsPanel } from "./bands.js";
import { Choice } from "./choice.js";
import { CloudPanel } from "./cloud.js";
import { CurvesPanel } from "./curves.js";
import { Feed, StillFeed } from "./feed.js";
import { decode, inflated } from "./frames.js";
import { HeadPanel } from "./head.js";
import { HeadsPanel } from "./heads.js";
import { ImagesPanel } from "./images.js";
import { JourneysPanel } from "./journeys.js";
import { LayersPanel } from "./layers.js";
import { arranged } from "./layout.js";
import { sidesOf } from "./maps.js";
import { Speech } from "./numbers.js";
import { Painting } from "./painting.js";
import { PlanePanel } from "./plane.js";
import { ProfilePanel } from "./profile.js";
import { SheetPanel } from "./sheet.js";
import { readTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { TrailsPanel } from "./trails.js";
import { Transport } from "./transport.js";
import { WeightsPanel } from "./weights.js";

const PICTURES = {
  plane: PlanePanel, images: ImagesPanel, cloud: CloudPanel, heads: HeadsPanel, head: HeadPanel, sheet: SheetPanel,
  bands: BandsPanel, layers: LayersPanel, weights: WeightsPanel, trails: TrailsPanel, journeys: JourneysPanel,
};
const LINES = { curves: CurvesPanel, profile: ProfilePanel };
/** What is drawn unless the visitor switches it off, and what only if switched on. */
const LAYERS = {
  data: true, samples: true, ema: true, surface: true, field: true, path: true,
  optimal: false, manifold: false, arrows: false,
};
const RESTED_MS = 200;
const ECHO_MS = 2500;
const BUSY = ["queued", "training"];

export class LiveView extends Timeline {
  constructor(root) {
    super();
    this.root = root;
    this.runs = [];
    this.cards = [];
    this.layers = { ...LAYERS };
    this.said = [];
    this.choice = new Choice(() => this.chosen());
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

  /** New data from the page, or a new theme: anything that is as before is left untouched. */
  update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    window.__torchlight = this.record;
    this.theme = readTheme(this.root);
    this.root.dataset.dark = String(this.theme.dark);
    data = this.read(data);
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

  /** What the page says, as an object; the same one as before where it says the same. */
  read(data) {
    if (!(data instanceof Uint8Array)) return data;
    const text = new TextDecoder().decode(data);
    if (text === this.text) return this.data;
    this.text = text;
    return JSON.parse(text);
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
    // The link names the layers that are not as they are at first.
    const turned = view.split(",");
    for (const layer of Object.keys(LAYERS)) this.layers[layer] = LAYERS[layer] !== turned.includes(layer);
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
    const view = this.choice.after(Object.keys(LAYERS).filter((name) => this.layers[name] !== LAYERS[name]));
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

  /** A run that gets its turn, begins or ends changes what the page around says and offers: it is run again. */
  heed(feed) {
    const status = feed.status?.status;
    const phase = BUSY.includes(status) ? status : "idle";
    const before = feed.phase ?? this.runs.find(({ key }) => key === feed.key)?.phase ?? phase;
    feed.phase = phase;
    if (phase !== "idle") this.film.seen(feed.key);
    if (phase !== before) this.setTriggerValue("command", { verb: "refresh", step: feed.status.step, key: feed.key });
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

  /** Frames that came inside the data, in their order, however long each takes to inflate. */
  swallow(frames) {
    const opened = Promise.all(frames.map(inflated));
    this.swallowing = Promise.all([opened, this.swallowing]).then(([buffers]) => {
      if (!this.closed) this.deal(frames, buffers);
    });
  }

  /** Each frame belongs to the run named last. */
  deal(frames, buffers) {
    let feed = this.feeds[0];
    const still = new Map();
    for (const [index, text] of frames.entries()) {
      const buffer = buffers[index];
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

  command(verb) {
    const active = this.runs.find((run) => run.active) ?? this.runs[0];
    this.setTriggerValue("command", { verb, step: this.step ?? this.shownStep() ?? 0, key: active?.key ?? null });
  }

  hoverAt(step) {
    if (step === this.hovered) return;
    this.hovered = step;
    this.redraw();
  }

  key(event) {
    const tag = event.target.tagName;
    if (event.altKey || event.ctrlKey || event.metaKey || tag === "SELECT") return;
    const moves = { back: -1, on: 1, first: -Infinity, last: Infinity };
    const does = this.data.keys[event.key];
    const { cell, lock, arm, layer } = this.choice;
    if (does === "release" && (cell || lock || arm || layer !== null)) {
      this.choice.set({ cell: null, lock: null, arm: null, layer: null });
    } else if (does === "play" && tag !== "BUTTON") this.replay(!this.playing);
    else if (does in moves) {
      this.go(Math.max(0, Math.min(this.moments.length - 1, this.index() + moves[does])));
    } else return;
    event.preventDefault();
  }

  redraw() {
    this.painting.redraw();
  }

  paintNow(card) {
    this.painting.paintNow(card);
  }

  /** A pinned step that only a link knows is fetched before anything else that may be wanted. */
  prefetch() {
    if (this.choice.pin !== null) for (const feed of this.feeds) if (!feed.pinned) feed.prefetch(this.choice.pin);
    super.prefetch();
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

  close() {
    this.painting.close();
    this.film.close();
    for (const timer of [this.settling, this.telling]) clearTimeout(timer);
    for (const feed of this.feeds) feed.close();
    for (const card of this.cards) card.close();
    for (const kind of ["pointerdown", "keydown"]) window.removeEventListener(kind, this.onTouch, true);
    this.root.removeEventListener("keydown", this.onKey);
    document.removeEventListener("visibilitychange", this.onVisible);
    standing.delete(this);
  }
}

const views = new WeakMap();
/** The views that stand on the page, for who paints them elsewhere (pages/parts/export). */
const standing = window.__torchlightViews ??= new Set();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const place = component.parentElement;
  const root = place.querySelector(".tl-root");
  if (views.get(place)?.root !== root) {
    views.get(place)?.close();
    views.set(place, new LiveView(root));
    standing.add(views.get(place));
  }
  views.get(place).update(component);
  return () => {
    views.get(place)?.close();
    views.delete(place);
  };
}
