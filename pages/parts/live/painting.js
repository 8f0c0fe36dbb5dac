// When what is painted: at most once per animation frame, never in a hidden tab, and nothing that shows already.

const DESCRIBED_MS = 1500;
const KEPT = 240;
const NUMBERS_MS = 90;

export class Painting {
  constructor(view) {
    this.view = view;
    this.numbered = 0;
    this.record = { frames: 0, lastPaint: 0, painted: {}, lag_ms: null, lags_ms: [], paints_ms: [], pictures_ms: [] };
  }

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
    const { view } = this;
    const begin = performance.now();
    // Pictures are painted as they come, numbers about ten times a second.
    const due = this.urgent || begin - this.numbered >= NUMBERS_MS;
    if (due) {
      this.urgent = false;
      this.numbered = begin;
      view.transport.paint();
    } else this.soon();
    for (const card of due ? view.cards : view.pictures) this.paintCard(card);
    this.log(begin);
    view.prefetch();
    this.describing ||= setTimeout(() => this.describe(), DESCRIBED_MS);
  }

  /** Paint a card unless it shows just this already. */
  paintCard(card) {
    if (!card.width) return;
    if (card.feed) this.sayWhen(card);
    const painted = card.state().join("|");
    if (painted === card.painted) return;
    card.paint(this.view.theme);
    card.painted = painted;
  }

  /** Two pictures side by side need not be of one step: while one run still trains, each says its own. */
  sayWhen(card) {
    const { feeds, speech } = this.view;
    const steps = feeds.map((feed) => this.view.pictureOf(feed)?.step);
    const step = this.view.pictureOf(card.feed)?.step;
    const apart = step !== undefined && new Set(steps).size > 1;
    const said = apart ? speech.say("step_short", { step: speech.count(step) }) : "";
    if (card.when.textContent !== said) card.when.textContent = said;
  }

  paintNow(card) {
    const { view } = this;
    if (!view.theme || !view.speech || !view.cards.includes(card)) return;
    card.painted = "";
    this.paintCard(card);
    this.redraw();
  }

  log(begin) {
    const { record, view } = this;
    const now = performance.now();
    let fresh = false;
    for (const feed of view.feeds) {
      const picture = view.pictureOf(feed);
      if (!picture || record.painted[feed.key] === picture.step) continue;
      record.painted[feed.key] = picture.step;
      fresh = true;
      if (!picture.sent || picture.logged) continue;
      picture.logged = true;
      record.lag_ms = Date.now() - 1000 * picture.sent;
      record.lags_ms = [...record.lags_ms.slice(-KEPT), record.lag_ms];
    }
    record.lastPaint = now;
    if (fresh) record.pictures_ms = [...record.pictures_ms.slice(-KEPT), now - begin];
    record.paints_ms = [...record.paints_ms.slice(-KEPT), now - begin];
  }

  describe() {
    this.describing = 0;
    for (const card of this.view.cards) card.describe(card.tell());
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.waiting);
    for (const timer of [this.describing, this.later]) clearTimeout(timer);
  }
}
