// The recorded history as a film: played on request, and once by itself for whoever comes without a wish.

const REPLAY_MS = 50;
const SHOW_SPEED = 2;
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
/** Runs whose history was shown by itself, or is not to be: once is enough for as long as the page stays open. */
const SHOWN = new Set();

export class Film {
  constructor(view) {
    this.view = view;
    this.playing = false;
    this.speed = 1;
  }

  /** Who watched it learn needs no repetition. */
  seen(key) {
    SHOWN.add(key);
  }

  play(yes) {
    const { view } = this;
    if (yes === this.playing || (yes && view.moments.length < 2)) return;
    this.playing = yes;
    if (!yes && this.showing) {
      this.showing = false;
      view.transport.setSpeed(1);
    }
    clearTimeout(this.ticking);
    if (yes) {
      if (view.step === null) view.place(0);
      this.tick();
    } else view.settle();
    view.redraw();
  }

  /** Replay a finished run by itself, once: a first visitor sees it learn without having to ask. */
  show() {
    const { view } = this;
    const feed = view.feeds[0];
    if (!view.data.autoplay || !feed || SHOWN.has(feed.key) || document.hidden) return;
    if (view.step !== null || this.playing || STILL.matches || feed.polled) return;
    const known = view.feeds.every(({ status, moments, newest }) => status && moments.length > 2 && newest);
    if (!known || feed.status.status !== "finished") return;
    SHOWN.add(feed.key);
    this.showing = true;
    view.transport.setSpeed(SHOW_SPEED);
    this.play(true);
  }

  /** Whoever does anything is no longer a mere spectator: inside, the film stops where it is; outside, at its end. */
  touched(event) {
    const { view } = this;
    if (view.feeds[0]) SHOWN.add(view.feeds[0].key);
    if (!this.showing) return;
    const path = event.composedPath();
    const inside = path.includes(view.root);
    // These stop it by themselves.
    const toggles = event.key === " " && event.type === "keydown" && path[0].tagName !== "BUTTON";
    if (inside && (toggles || path.includes(view.transport.play))) return;
    if (inside) this.play(false);
    else view.follow();
  }

  tick() {
    const { view } = this;
    const pause = REPLAY_MS / this.speed;
    this.ticking = setTimeout(() => this.tick(), pause);
    // Pictures that are still on their way hold the film; a lost answer does not hold it for ever.
    const here = view.feeds.every((feed) => view.step === null || feed.picture(view.step));
    this.held = here ? 0 : (this.held ?? 0) + pause;
    if (!here && this.held < 1000) return;
    this.held = 0;
    const next = view.index() + 1;
    view.place(next);
    if (next >= view.moments.length - 1) this.play(false);
  }

  close() {
    clearTimeout(this.ticking);
  }
}
