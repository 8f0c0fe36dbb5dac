// The bar under the picture: how the run is doing, what can be done with it, and the scrubber over its history.

import { icon, make } from "./canvas.js";
import { upTo } from "./numbers.js";

const ICONS = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  resume: "M4.5 2.8v10.4L13 8z",
  step: "M3 3v10l6.5-5zM10.5 3H13v10h-2.5z",
  stop: "M3.5 3.5h9v9h-9z",
  restart: "M8 3V.8L4.6 3.9 8 7V4.7A3.8 3.8 0 1 1 4.3 9.4H2.6A5.5 5.5 0 1 0 8 3z",
  fork: "M4.2 1.6a1.9 1.9 0 0 1 .8 3.6V7h4.6c.8 0 1.4-.6 1.4-1.4v-.4a1.9 1.9 0 1 1 1.6 0v.4a3 3 0 0 1-3 3H5v2.2"
    + "a1.9 1.9 0 1 1-1.6 0V5.2a1.9 1.9 0 0 1 .8-3.6z",
  first: "M3 3h2v10H3zM13 3v10L6 8z",
  play: "M4.5 2.8v10.4L13 8z",
  halt: "M4 3h3v10H4zM9 3h3v10H9z",
  newest: "M3 3l7 5-7 5zM11 3h2v10h-2z",
};
const SPEEDS = [0.5, 1, 2, 4];
const COMMANDS = ["pause", "step", "stop", "restart", "fork"];
const RESUMABLE = ["paused", "stopped", "interrupted"];
const PATIENCE_MS = 2500;
const TICK_PX = 40;
const THUMB_PX = 16;

export class Transport {
  constructor(view) {
    this.view = view;
    const { speech } = view;
    this.rows = make("div", { class: "tl-rows" });
    this.announcer = make("div", { class: "tl-hidden", role: "status", "aria-live": "polite" });
    const worded = { restart: speech.say("restart_short"), fork: speech.say("fork_short") };
    this.commands = Object.fromEntries(
      COMMANDS.map((verb) => [verb, this.button(verb, () => this.command(verb), worded[verb])]),
    );
    for (const [verb, word] of Object.entries(worded)) {
      // What a button shows is part of what it is called, for those who speak to their machine.
      this.commands[verb].setAttribute("aria-label", `${word}: ${speech.say(verb)}`);
    }
    this.first = this.button("first", () => view.go(0));
    this.play = this.button("play", () => view.replay(!view.playing));
    this.newest = this.button("newest", () => view.follow(), speech.say("live"));
    this.speed = make("select", { class: "tl-speed", "aria-label": speech.say("speed"), title: speech.say("speed") });
    for (const speed of SPEEDS) this.speed.append(make("option", { value: speed, text: `${speech.brief(speed)}×` }));
    this.speed.value = "1";
    this.speed.addEventListener("change", () => view.setSpeed(Number(this.speed.value)));
    this.range = make("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": speech.say("scrubber") });
    this.range.addEventListener("input", () => view.go(Number(this.range.value)));
    this.range.addEventListener("change", () => view.settle());
    this.ticks = make("div", { class: "tl-ticks", "aria-hidden": "true" });
    this.track = make("div", { class: "tl-track" }, this.range, this.ticks);
    new ResizeObserver(() => {
      this.trackWidth = this.track.clientWidth;
      this.paintTicks();
    }).observe(this.track);
    this.moment = make("span", { class: "tl-moment" });
    this.notes = make("p", { class: "tl-notes" });
    const replaying = make("div", { class: "tl-group" }, this.first, this.play, this.speed);
    const scrubbing = make("div", { class: "tl-scrub" }, replaying, this.track, this.moment, this.newest);
    const commands = make("div", { class: "tl-group tl-commands" }, ...Object.values(this.commands));
    const top = make("div", { class: "tl-top" }, this.rows, commands);
    this.element = make("section", { class: "tl-card tl-transport", "aria-label": speech.say("transport") });
    this.element.append(top, scrubbing, this.notes, this.announcer);
  }

  button(name, act, label) {
    const said = this.view.speech.say(name);
    const button = make("button", { class: "tl-button", type: "button", title: said, "aria-label": said });
    button.append(icon(ICONS[name]));
    if (label) button.append(make("span", { text: label }));
    button.addEventListener("click", act);
    return button;
  }

  setSpeed(speed) {
    this.speed.value = String(speed);
    this.view.setSpeed(speed);
  }

  setIcon(button, name) {
    if (button.dataset.icon === name) return;
    button.dataset.icon = name;
    button.querySelector("svg").replaceWith(icon(ICONS[name]));
    button.title = this.view.speech.say(name);
    button.setAttribute("aria-label", button.title);
  }

  command(verb) {
    const said = verb === "pause" && this.commands.pause.dataset.icon === "resume" ? "resume" : verb;
    this.pending = { verb, since: performance.now(), states: this.states().join() };
    this.view.command(said);
    this.paint();
  }

  states() {
    return this.view.feeds.map((feed) => feed.state);
  }

  paint() {
    this.paintRows();
    const states = this.states();
    const some = (...kinds) => states.some((state) => kinds.includes(state));
    const waited = this.pending ? performance.now() - this.pending.since : 0;
    if (waited > PATIENCE_MS || this.pending?.states !== states.join()) this.pending = null;
    const going = some("training");
    const whole = this.view.runs.some((run) => run.whole);
    this.setIcon(this.commands.pause, !going && some(...RESUMABLE) ? "resume" : "pause");
    const able = {
      pause: going || some(...RESUMABLE),
      step: !going && some("paused"),
      stop: some("training", "paused", "queued"),
      restart: !some("waiting") && !whole,
      fork: this.view.moments.length > 0 && !whole,
    };
    for (const [verb, button] of Object.entries(this.commands)) {
      button.disabled = !able[verb];
      button.classList.toggle("tl-pending", this.pending?.verb === verb);
    }
    this.paintScrubber();
    this.paintNotes();
    this.announce(states);
  }

  /** One line per run: badge, step with a small gauge of progress, rate, time left, device. */
  paintRows() {
    const { feeds, runs, speech } = this.view;
    while (this.rows.children.length < feeds.length) this.rows.append(this.makeRow());
    while (this.rows.children.length > feeds.length) this.rows.lastChild.remove();
    feeds.forEach((feed, index) => {
      const row = this.rows.children[index].parts;
      const status = feed.status;
      row.badge.className = `tl-badge tl-${feed.state}`;
      this.write(row.badge, speech.say(`status_${feed.state}`));
      this.write(row.label, feeds.length > 1 ? runs[index].label : "");
      row.line.className = `tl-dash tl-dash-${index}`;
      row.line.hidden = feeds.length < 2;
      row.line.style.borderTopColor = feeds.length > 2 ? this.view.theme.series[index % this.view.theme.series.length] : "";
      // A status is sent less often than what was recorded: the two must not tell different steps.
      const recorded = Math.max(feed.moments.at(-1) ?? 0, feed.newest?.step ?? 0);
      const reached = status ? Math.max(status.step ?? 0, recorded) : 0;
      const of = { step: speech.count(reached), steps: speech.count(status?.steps ?? 0) };
      this.write(row.step, status ? speech.say("step_of", of) : "");
      this.write(row.detail, status ? this.detail(status, feed).filter(Boolean).join(" · ") : "");
      row.gauge.hidden = !status?.steps;
      row.fill.style.transform = `scaleX(${status?.steps ? Math.min(1, reached / status.steps) : 0})`;
    });
  }

  makeRow() {
    const parts = {
      badge: make("span", { class: "tl-badge" }),
      line: make("i", { class: "tl-dash" }),
      label: make("span", { class: "tl-label" }),
      step: make("span", { class: "tl-step" }),
      detail: make("span", { class: "tl-detail" }),
      fill: make("i"),
    };
    parts.gauge = make("span", { class: "tl-progress", "aria-hidden": "true" }, parts.fill);
    const { badge, line, label, step, gauge, detail } = parts;
    const row = make("div", { class: "tl-text" }, badge, line, label, step, gauge, detail);
    row.parts = parts;
    return row;
  }

  detail(status, feed) {
    const { speech } = this.view;
    const has = (value) => value !== null && value !== undefined && Number.isFinite(value);
    if (feed.state === "queued") {
      // Without a picture yet, the picture's own place says how long the line is.
      if (!feed.newest) return [];
      return [
        has(status.place) && speech.say("place", { place: speech.count(status.place) }),
        has(status.wait_s) && status.wait_s >= 1 && speech.say("wait", { wait: speech.duration(status.wait_s) }),
      ];
    }
    if (feed.state !== "training") return [status.device];
    return [
      has(status.rate) && status.rate > 0 && speech.say("rate", { rate: this.calm(status.rate) }),
      has(status.eta_s) && status.eta_s >= 1 && speech.say("eta", { eta: speech.duration(status.eta_s) }),
      status.device,
    ];
  }

  /** A rate rounded to two digits, so that it does not flicker. */
  calm(rate) {
    const unit = 10 ** Math.max(0, Math.floor(Math.log10(rate)) - 1);
    const { speech } = this.view;
    return rate < 10 ? speech.fixed(rate, 1) : speech.count(Math.round(rate / unit) * unit);
  }

  write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  paintScrubber() {
    const { view } = this;
    const { speech, moments } = view;
    const last = Math.max(0, moments.length - 1);
    const index = view.index();
    this.range.max = String(last);
    if (Number(this.range.value) !== index) this.range.value = String(index);
    this.range.disabled = moments.length < 2;
    const share = last ? index / last : 0;
    this.range.style.setProperty("--tl-share", `${100 * share}%`);
    const shown = view.shownStep();
    const step = shown === null ? "–" : speech.count(shown);
    this.write(this.moment, speech.say("step_short", { step }));
    this.range.setAttribute("aria-valuetext", speech.say("moment_of", { step, index: index + 1, count: last + 1 }));
    this.newest.classList.toggle("tl-on", view.step === null);
    this.newest.setAttribute("aria-pressed", String(view.step === null));
    const going = this.states().includes("training");
    this.newest.classList.toggle("tl-live", going && view.step === null);
    this.write(this.newest.querySelector("span"), speech.say(going ? "live" : "latest"));
    this.setIcon(this.play, view.playing ? "halt" : "play");
    this.first.disabled = this.play.disabled = moments.length < 2;
    this.newest.disabled = moments.length < 1;
    this.paintTicks();
  }

  /** What the scrubber's places mean: it runs over recorded moments, which lie closer together early in training. */
  paintTicks() {
    const { moments, speech } = this.view;
    const width = this.trackWidth ?? 0;
    const ended = !this.states().some((state) => ["training", "queued", "waiting"].includes(state));
    const said = [width, moments.length, moments[0], ended].join("|");
    if (said === this.ticked) return;
    this.ticked = said;
    const last = moments.length - 1;
    if (last < 1 || !width) {
      this.ticks.replaceChildren();
      return;
    }
    const steps = [moments[0]];
    for (let step = 10; step <= moments[last]; step *= 10) if (step > moments[0]) steps.push(step);
    if (ended && moments[last] > steps.at(-1)) steps.push(moments[last]);
    const placed = steps.map((step) => ({ step, share: (upTo(moments, step) - 1) / last }));
    // Where there is little room both ends stay, and of the rest those that keep their distance.
    const kept = [];
    const apart = (one, other) => Math.abs(one.share - other.share) * (width - THUMB_PX) >= TICK_PX;
    const ends = [placed[0], ...(ended ? [placed.at(-1)] : [])];
    for (const tick of [...ends, ...placed.slice(1)]) if (kept.every((other) => apart(tick, other))) kept.push(tick);
    this.ticks.replaceChildren(...kept.map(({ step, share }) => {
      const tick = make("span", { text: step < 1000 ? speech.count(step) : speech.short.format(step) });
      tick.style.left = `calc(${THUMB_PX / 2}px + ${share} * (100% - ${THUMB_PX}px))`;
      return tick;
    }));
  }

  /** The last events of every run; what ended the first one is told by the page, above the picture. */
  paintNotes() {
    const { feeds, runs, speech } = this.view;
    const told = feeds[0]?.status?.reason;
    const said = feeds.flatMap((feed, index) => feed.notes
      .filter(({ text }) => index > 0 || text !== told)
      .slice(-2)
      .map((note) => (feeds.length > 1 ? `${runs[index].label}: ${speech.note(note)}` : speech.note(note))));
    this.write(this.notes, said.join("  ·  "));
    this.notes.hidden = !said.length;
    const last = feeds.map(({ notes }) => notes.at(-1));
    const alarm = last.some((note, index) => note?.note === "diverged" && (index > 0 || note.text !== told));
    this.notes.classList.toggle("tl-alarm", alarm);
  }

  announce(states) {
    const said = states.join();
    if (said === this.announced || states.every((state) => state === "waiting")) return;
    this.announced = said;
    const { runs, speech } = this.view;
    this.announcer.textContent = states.map((state, index) => `${runs[index].label}: ${speech.say(`status_${state}`)}`)
      .join(". ");
  }
}
