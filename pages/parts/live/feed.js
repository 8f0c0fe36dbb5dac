// One run as the browser knows it: its status, its recorded moments, its numbers, its notes and some of its pictures.
// It arrives over a WebSocket, or, where a host forwards none, inside the component's data.

import { decode } from "./frames.js";
import { Columns } from "./columns.js";
import { upTo } from "./numbers.js";

const PICTURES_BYTES = 64 * 2 ** 20;
const ANSWER_MS = 3000;
const OPEN_MS = 1500;
const RETRIES_MS = [250, 500, 1000, 2000, 4000, 8000];
const STEADY_MS = 10000;
// So long silent after its connection broke, a run that goes on is not known to do so.
const SILENT_MS = 2500;
const GOING = ["training", "queued"];

/** Pictures by step, the least recently used leave first. */
class Album {
  constructor(bytes) {
    this.left = bytes;
    this.pictures = new Map();
  }

  get(step) {
    const picture = this.pictures.get(step);
    if (picture) {
      this.pictures.delete(step);
      this.pictures.set(step, picture);
    }
    return picture;
  }

  put(step, picture) {
    const old = this.pictures.get(step);
    if (old) this.left += old.bytes;
    this.pictures.delete(step);
    this.pictures.set(step, picture);
    this.left -= picture.bytes;
    for (const [oldest, { bytes }] of this.pictures) {
      if (this.left >= 0 || this.pictures.size === 1) break;
      this.pictures.delete(oldest);
      this.left += bytes;
    }
  }
}

/** `<base>/live/<key>`: the base is where the page's own scripts come from, so a sub-path needs no setting. */
function address(key) {
  const script = document.querySelector('script[src*="static/js/"]');
  const base = script ? script.src.split("static/js/")[0] : new URL("./", window.location.href).href;
  return `${base.replace(/^http/, "ws")}live/${encodeURIComponent(key)}`;
}

/** Tells pictures of the same step apart. */
let serials = 0;

export class Feed {
  /**
   * @param {string} key the run
   * @param {object} owner told with `changed(feed, kind)`, `transportBy(how)` and `ask(step)`
   */
  constructor(key, owner, share = 1) {
    this.key = key;
    this.owner = owner;
    this.bytes = PICTURES_BYTES / share;
    this.live = true;
    this.failures = 0;
    this.opened = false;
    this.polled = false;
    this.silent = false;
    this.forget();
    this.connect();
  }

  forget() {
    this.status = null;
    this.notes = [];
    this.moments = [];
    this.columns = new Columns();
    this.album = new Album(this.bytes);
    this.aliases = new Map();
    this.newest = null;
    this.pinned = null;
    this.asked = null;
    this.next = null;
    this.version = (this.version ?? 0) + 1;
  }

  connect() {
    if (this.closed) return;
    const socket = new WebSocket(address(this.key));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const late = setTimeout(() => !this.opened && this.poll(), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(late);
      this.opened = true;
      this.since = performance.now();
      if (this.polled) this.owner.transportBy("socket");
      this.polled = false;
      this.asked = null;
      if (!this.live) this.send({ live: false });
    };
    socket.onmessage = ({ data }) => this.take(data);
    socket.onclose = () => {
      clearTimeout(late);
      if (this.closed || socket !== this.socket) return;
      // A connection that the server ends again and again is a failing one, though it opens each time.
      if (this.since !== undefined && performance.now() - this.since > STEADY_MS) this.failures = 0;
      this.since = undefined;
      this.failures += 1;
      this.doubt();
      // A host may stop forwarding sockets in the middle: then this one counts as never opened.
      if (this.failures > 1) this.opened = false;
      if (!this.opened && this.failures > 1) this.poll();
      const pause = RETRIES_MS[Math.min(this.failures, RETRIES_MS.length) - 1];
      this.retry = setTimeout(() => this.connect(), pause * (0.75 + Math.random() / 2));
    };
  }

  /** Listen for a while, and where nothing is heard, by whatever way, no longer say that the run goes on. */
  doubt() {
    this.doubted ??= setTimeout(() => {
      this.doubted = undefined;
      if (this.closed || !GOING.includes(this.status?.status)) return;
      this.silent = true;
      this.owner.changed(this, "status");
    }, SILENT_MS);
  }

  poll() {
    if (!this.polled && !this.closed) this.owner.transportBy("poll");
    this.polled = true;
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.again);
    clearTimeout(this.doubted);
    this.socket?.close();
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** What is known of the run: "waiting" where that is nothing, or nothing any more. */
  get state() {
    return this.silent ? "waiting" : (this.status?.status ?? "waiting");
  }

  /** Whether live pictures are wanted: not while the visitor looks at the past or at another tab. */
  setLive(live) {
    if (live === this.live) return;
    this.live = live;
    this.send({ live });
  }

  take(buffer) {
    clearTimeout(this.doubted);
    this.doubted = undefined;
    this.silent = false;
    const frame = decode(buffer);
    frame.received = performance.now();
    frame.serial = serials += 1;
    this.version += 1;
    switch (frame.kind) {
      case "status":
        this.status = frame;
        break;
      case "moments":
        if (frame.lost) this.loseMoments(frame.arrays.steps.data);
        else this.addMoments(frame.arrays.steps.data);
        break;
      case "scalars":
        if (frame.reset) this.begin(frame.arrays);
        if (frame.arrays.steps) this.columns.append(frame.arrays, frame.thinned);
        break;
      case "note":
        if (frame.lost) {
          this.notes = this.notes.filter(({ lost }) => !lost);
          this.columns.lose(frame.holes);
        }
        if (!this.notes.some(({ step, text }) => step === frame.step && text === frame.text)) this.notes.push(frame);
        break;
      case "snapshot":
        this.addPicture(frame);
        break;
      default:
        return;
    }
    this.owner.changed(this, frame.kind);
  }

  /** All numbers are sent anew; where they end earlier than before, the run itself began anew. */
  begin({ steps, ...columns }) {
    const last = steps?.data.at(-1) ?? -1;
    const names = Object.keys(columns);
    const known = names.length ? names.map((name) => this.columns.curves.get(name)) : [...this.columns.curves.values()];
    if (known.some((curve) => curve?.lastStep > last)) {
      [this.moments, this.notes, this.newest] = [[], [], null];
      this.aliases.clear();
    }
    // What is lost follows the numbers, where anything is.
    this.notes = this.notes.filter(({ lost }) => !lost);
    this.columns.clear();
  }

  addMoments(steps) {
    const last = this.moments.length ? this.moments[this.moments.length - 1] : -1;
    const fresh = [...steps].filter((step) => step > last);
    if (fresh.length === steps.length) this.moments.push(...fresh);
    else this.moments = [...new Set([...this.moments, ...steps])].sort((one, other) => one - other);
    // An answer holds until the run has recorded a moment nearer to what was asked.
    for (const [asked, given] of this.aliases) {
      if (steps.some((step) => given < step && step <= asked)) this.aliases.delete(asked);
    }
  }

  /** Pictures that the disk cannot give any more: nothing else may be shown under their steps. */
  loseMoments(steps) {
    const lost = new Set(steps);
    this.moments = this.moments.filter((step) => !lost.has(step));
  }

  addPicture(picture) {
    this.album.put(picture.step, picture);
    if (picture.asked !== undefined && picture.asked !== null) {
      if (picture.asked === picture.step) this.aliases.delete(picture.asked);
      else this.aliases.set(picture.asked, picture.step);
      if (picture.asked === this.asked?.step) this.asked = null;
      this.askNext();
    }
    if (!this.newest || picture.step >= this.newest.step) this.newest = picture;
  }

  /** The newest recorded moment not later than `step`; undefined before the first. */
  momentAt(step) {
    return this.moments[Math.max(0, upTo(this.moments, step) - 1)];
  }

  /** The picture at `step` if it is here. */
  picture(step) {
    const moment = this.momentAt(step) ?? step;
    return this.album.get(this.aliases.get(moment) ?? moment);
  }

  /** Have the picture at `step` sent, unless it is here: one request under way, the newest wish next. */
  want(step) {
    const moment = this.momentAt(step);
    // Before the moments are known nobody can tell which one a link means; they come first on every connection.
    if (moment === undefined || this.picture(step)) {
      this.next = null;
      return;
    }
    this.next = moment;
    this.askNext();
  }

  /** Fetch a picture that may be wanted soon, if nothing else is under way. */
  prefetch(step) {
    if (!this.polled && !this.asked && this.next === null && !this.picture(step)) this.want(step);
  }

  askNext() {
    clearTimeout(this.again);
    const left = this.asked ? this.asked.since + ANSWER_MS - performance.now() : 0;
    if (left > 0) {
      // Should the answer be lost, the wish behind it must not be.
      this.again = setTimeout(() => this.askNext(), left);
      return;
    }
    const step = this.next;
    this.next = null;
    if (step === null || this.album.get(this.aliases.get(step) ?? step)) return;
    if (this.polled) this.owner.ask(step);
    else this.send({ at: step });
    this.asked = { step, since: performance.now() };
  }
}

/** A picture without a history: no connection, only what the page itself brings, and the newest of that. */
export class StillFeed extends Feed {
  get still() {
    return true;
  }

  connect() {}

  /** @param given [{text, buffer}] all that the page has of this run; the same again changes nothing */
  replace(given) {
    const texts = given.map(({ text }) => text).join();
    if (texts === this.given) return;
    this.given = texts;
    this.forget();
    for (const { buffer } of given) this.take(buffer);
  }
}
