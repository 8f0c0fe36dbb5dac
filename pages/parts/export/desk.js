// The desk for figures and films: which panel, which steps, and a button for each kind of file.

import { drawing, pixels } from "./figure.js";
import { chosenMoments, gif, video, videoType } from "./reel.js";

const SHARP = 3;
const FINE = 4;

function element(tag, { class: name, text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children.filter(Boolean));
  return made;
}

class Desk {
  constructor(root) {
    this.root = root;
    this.panel = element("select");
    this.first = element("input", { type: "number", min: 0, step: 1, inputmode: "numeric" });
    this.last = element("input", { type: "number", min: 0, step: 1, inputmode: "numeric" });
    this.last.addEventListener("input", () => { this.held = true; });
    this.said = element("p", { class: "te-said", role: "status", "aria-live": "polite" });
    this.gauge = element("progress", { max: 1, value: 0 });
    this.gauge.hidden = true;
  }

  update({ data }) {
    const before = JSON.stringify(this.data?.words) + this.data?.stem;
    this.data = data;
    if (before !== JSON.stringify(data.words) + data.stem) this.build();
    this.fill();
  }

  /** The living picture of the same runs, wherever on the page it stands. */
  get view() {
    const wanted = this.data.runs.join();
    const all = [...(window.__torchlightViews ?? [])];
    return all.find((view) => view.root.isConnected && view.runs.map(({ key }) => key).join() === wanted);
  }

  say(name, fields = {}) {
    const text = this.data.words[name].replace(/{(\w+)}/g, (_, field) => fields[field] ?? "");
    this.said.textContent = text;
  }

  button(name, act) {
    const made = element("button", { type: "button", text: this.data.words[name] });
    made.addEventListener("click", () => this.doing(act));
    return made;
  }

  labelled(name, control) {
    return element("label", {}, element("span", { text: this.data.words[name] }), control);
  }

  build() {
    const { words } = this.data;
    const type = videoType();
    this.end = element("button", { type: "button", text: words.cancel, hidden: "" });
    this.end.addEventListener("click", () => { this.ended = true; });
    this.gauge.setAttribute("aria-label", words.progress);
    const figures = element("div", { class: "te-row" }, this.labelled("panel", this.panel),
      this.button("png", () => this.png()), this.button("svg", () => this.svg()));
    const kind = type?.includes("mp4") ? "mp4" : "webm";
    const films = element("div", { class: "te-row" }, this.labelled("first", this.first),
      this.labelled("last", this.last), this.button("gif", () => this.film(gif, "gif")),
      type && this.button(kind, () => this.film(video, kind)), this.end);
    this.root.replaceChildren(figures, films, this.gauge, this.said);
    this.said.textContent = words.hint;
  }

  /** What there is to choose, once the picture stands. */
  fill() {
    const { view } = this;
    clearTimeout(this.looking);
    if (!view?.moments.length || !view.cards.some(({ width }) => width)) {
      this.looking = setTimeout(() => this.root.isConnected && this.fill(), 400);
      return;
    }
    const titles = view.cards.map((card, at) => [at, card.width ? card.title.textContent.trim() : ""]);
    const options = [["", this.data.words.all], ...titles.filter(([, title]) => title)];
    if (JSON.stringify(options) !== this.offered) {
      this.offered = JSON.stringify(options);
      this.panel.replaceChildren(...options.map(([value, text]) => element("option", { value, text })));
    }
    if (!this.first.value) this.first.value = view.moments[0];
    this.reach(view);
    this.first.max = this.last.max = view.moments.at(-1);
  }

  /** A run that goes on takes the film's end along, until the visitor says where it is to be. */
  reach(view) {
    if (!this.held || !this.last.value) this.last.value = view.moments.at(-1);
  }

  get only() {
    return this.panel.value === "" ? null : Number(this.panel.value);
  }

  async doing(act) {
    if (this.busy) return;
    const { view } = this;
    if (!view || view.shownStep() === null) {
      this.say("waiting");
      return;
    }
    this.busy = true;
    this.ended = false;
    try {
      await act(view);
    } catch (error) {
      console.error(error);
      this.say("failed", { error: error.message });
    } finally {
      this.busy = false;
      this.gauge.hidden = this.end.hidden = true;
    }
  }

  png(view = this.view) {
    const canvas = pixels(view, SHARP, this.only);
    return new Promise((done) => {
      canvas.toBlob((blob) => {
        if (blob) this.give(blob, "png", view.shownStep());
        else this.say("large");
        done();
      });
    });
  }

  svg(view = this.view) {
    const text = drawing(view, FINE, this.only);
    this.give(new Blob([text], { type: "image/svg+xml" }), "svg", view.shownStep());
  }

  async film(make, ending) {
    const { view } = this;
    this.reach(view);
    const [first, last] = [Number(this.first.value), Number(this.last.value)];
    const all = view.moments.filter((step) => step >= first && step <= last);
    const steps = chosenMoments(view.moments, first, last);
    if (steps.length < 2) {
      this.say("few");
      return;
    }
    this.gauge.hidden = this.end.hidden = false;
    const progress = (done, whole) => {
      this.gauge.value = done / whole;
      this.say("filming", { done, whole });
    };
    const wanted = () => !this.ended && this.root.isConnected;
    const { blob, frames, cut } = await make(view, steps, { only: this.only, progress, wanted });
    if (this.ended || !frames) {
      this.say("cancelled");
      return;
    }
    this.give(blob, ending, last);
    const count = { frames, all: all.length, size: (blob.size / 1e6).toFixed(1), step: cut };
    this.say(cut !== null ? "cut" : frames < all.length ? "thinned" : "filmed", count);
  }

  give(blob, ending, step) {
    const name = `${this.data.stem}-${step}.${ending}`;
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    // Outside of any root that Streamlit redraws.
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.say("given", { name });
  }
}

const desks = new WeakMap();

export default function mount(component) {
  const root = component.parentElement.querySelector(".te-root");
  if (!desks.has(root)) desks.set(root, new Desk(root));
  desks.get(root).update(component);
  return () => { desks.get(root).ended = true; };
}
