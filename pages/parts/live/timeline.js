// The one step that all panels show: the newest, or a recorded moment that was scrubbed to, played to or linked to.

import { horizonOf } from "./columns.js";
import { Film } from "./film.js";
import { upTo } from "./numbers.js";

const SETTLED_MS = 350;
const AHEAD = 6;

/** What the live view does about time; it brings `redraw`, `setStateValue` and `turn`. */
export class Timeline {
  constructor() {
    this.feeds = [];
    this.moments = [];
    this.step = null;
    this.committed = null;
    this.hovered = null;
    this.film = new Film(this);
  }

  get playing() {
    return this.film.playing;
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

  /** A link may name a step without a picture: what is shown then is the moment before it, and is called so. */
  shownStep() {
    if (this.step !== null) return this.moments[this.index()] ?? this.step;
    const newest = Math.max(-1, ...this.feeds.map((feed) => feed.newest?.step ?? -1));
    return newest < 0 ? null : newest;
  }

  /** The step whose numbers are read out: the pointer's, else the scrubber's; null for the newest. */
  readStep() {
    return this.hovered ?? (this.step === null ? null : this.shownStep());
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

  replay(yes) {
    this.film.play(yes);
  }

  setSpeed(speed) {
    this.film.speed = speed;
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
}
