// What every painted panel shares: a card with a title, a canvas as sharp as the screen, and a calm waiting state.

export const SVG = "http://www.w3.org/2000/svg";

/** An element with class, attributes and children in one line. */
export function make(tag, { class: name, text, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(attribute, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/** A 16×16 icon drawn by one path. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export class Card {
  /**
   * @param view the live view that owns this card
   * @param {string} title
   * @param {string} name the CSS class of the kind of panel
   */
  constructor(view, title, name) {
    this.view = view;
    this.title = make("h2", { text: title });
    this.when = make("span", { class: "tl-when" });
    this.readout = make("span", { class: "tl-readout" });
    this.canvas = make("canvas", { role: "img", "aria-label": title });
    this.wait = make("div", { class: "tl-wait" });
    this.stage = make("div", { class: "tl-stage" }, this.canvas, this.wait);
    this.foot = make("div", { class: "tl-foot" });
    const head = make("div", { class: "tl-head" }, this.title, this.when, this.readout);
    this.element = make("section", { class: `tl-card ${name}` }, head, this.stage, this.foot);
    this.width = 0;
    this.height = 0;
    this.painted = "";
    this.watcher = new ResizeObserver(() => this.measure());
    // A stage may be as high as its padding alone: the whole box counts.
    this.watcher.observe(this.stage, { box: "border-box" });
  }

  measure(again = false) {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const ratio = window.devicePixelRatio || 1;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio, painted: "" });
    // A canvas loses its picture when it is resized: paint in the same frame, so that nothing blinks.
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (width && height) this.view.paintNow(this);
    // What was painted may have changed the place it was painted for, and no observer tells of a way there and back.
    if (this.stage.clientHeight !== height && !again) this.measure(true);
  }

  /** A run's label where several stand side by side, else the panel's own title. */
  entitle(label) {
    const title = label ?? this.panel.title;
    if (this.title.textContent !== title) this.title.textContent = title;
  }

  /** What a picture depends on: it is painted again only when this differs. */
  state() {
    const { view, feed } = this;
    const shown = view.pictureOf(feed)?.serial ?? this.waitingFor(feed);
    return [view.theme.id, JSON.stringify(view.layers), feed?.key, shown];
  }

  /** The drawing context in CSS pixels, wiped. */
  wiped() {
    const context = this.canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  /** Paint once into another context that has `ratio` pixels to one of ours; what the screen shows is painted anew. */
  paintInto(context, ratio, theme) {
    const { canvas, ratio: own } = this;
    const sides = { width: Math.round(this.width * ratio), height: Math.round(this.height * ratio) };
    const stand = { ...sides, getContext: () => context };
    const get = (target, name) => {
      if (name in stand) return stand[name];
      return typeof target[name] === "function" ? target[name].bind(target) : target[name];
    };
    const set = (target, name, value) => Reflect.set(target, name, value, target);
    Object.assign(this, { ratio, canvas: new Proxy(canvas, { get, set }) });
    try {
      this.paint(theme);
    } finally {
      Object.assign(this, { ratio: own, canvas, painted: "" });
    }
  }

  /** Words for those who cannot see the canvas. */
  describe(text) {
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }

  /** Nothing to show yet: a calm place for it, with words where they help. */
  waiting(yes, words = "") {
    this.wait.hidden = !yes;
    if (yes && this.wait.textContent !== words) this.wait.textContent = words;
  }

  /** Why a picture is not there yet. */
  waitingFor(feed) {
    const { speech } = this.view;
    const { status, place, wait_s: wait } = feed?.status ?? {};
    if (status !== "queued" || !Number.isFinite(place)) return speech.say("waiting_first");
    const fields = { place: speech.count(place), wait: speech.duration(wait ?? 0) };
    return speech.say(wait >= 1 ? "queued_wait" : "queued", fields);
  }

  close() {
    this.watcher.disconnect();
  }
}
