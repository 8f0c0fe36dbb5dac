// Tokens as visitors read them, on canvases and beside them: shortened where they are long, faint where they only pad.

import { make } from "./canvas.js";

export const PADDING = "·";
const KEPT_TEXTS = 4000;

const widths = new Map();

/** `text` cut with an ellipsis so that it is at most `room` pixels wide in the context's font. */
export function ellipsized(context, text, room) {
  const wanted = `${context.font}|${Math.round(room)}|${text}`;
  if (widths.has(wanted)) return widths.get(wanted);
  if (widths.size > KEPT_TEXTS) widths.clear();
  const letters = [...text.slice(0, 200)];
  let shown = letters.join("");
  while (letters.length > 1 && context.measureText(shown).width > room) {
    letters.pop();
    shown = `${letters.join("").trimEnd()}…`;
  }
  widths.set(wanted, shown);
  return shown;
}

const spans = new Map();

/** How wide the widest of these texts is in the context's font. */
export function widestOf(context, texts) {
  const wanted = `${context.font}|${texts.join("\n")}`;
  if (!spans.has(wanted)) {
    if (spans.size > 100) spans.clear();
    spans.set(wanted, Math.max(0, ...texts.map((text) => context.measureText(visible(text).slice(0, 40)).width)));
  }
  return spans.get(wanted);
}

/** Stretches of padding as [from, to] pairs. */
export function paddingRuns(texts) {
  const runs = [];
  texts.forEach((text, index) => {
    if (text !== PADDING) return;
    if (runs.at(-1)?.[1] === index) runs.at(-1)[1] = index + 1;
    else runs.push([index, index + 1]);
  });
  return runs;
}

/** White space has no shape of its own. */
export function visible(text) {
  return text === " " ? "␣" : text === "\n" ? "↵" : text;
}

/** What the model answers at each place against what is right there; told apart by sign and line, not by colour. */
export class AnswerStrip {
  constructor(view, point) {
    this.view = view;
    this.point = point;
    this.element = make("div", { class: "tl-answers" });
    this.cells = [];
    this.known = [];
    this.counted = make("span", { class: "tl-counted" });
  }

  /** One column for each place that has a target; the strip keeps its height from the first picture on. */
  build(targets, vocabulary = []) {
    const built = JSON.stringify([targets, vocabulary.length]);
    if (built === this.built) return;
    this.built = built;
    const { speech } = this.view;
    // Wide enough for three of four texts that the model may answer.
    const lengths = vocabulary.map((text) => text.length).sort((one, other) => one - other);
    const letters = Math.min(8, lengths[Math.floor(0.75 * lengths.length)] ?? 1);
    this.element.style.setProperty("--tl-letters", letters);
    const all = (targets ?? []).map((text, at) => ({ text, at }));
    const places = all.filter(({ text }) => typeof text === "string");
    this.element.hidden = !places.length;
    this.cells = places.map(({ text, at }) => {
      const answer = make("b", { text: " " });
      const mark = make("i", { "aria-hidden": "true" });
      const cell = make("span", { class: "tl-answer" }, make("span", { text: visible(text) }), answer, mark);
      cell.addEventListener("pointerenter", () => {
        cell.title = this.explained(at);
        this.point(at);
      });
      cell.addEventListener("pointerleave", () => this.point(null));
      return { cell, answer, mark, at, text };
    });
    const names = make("span", { class: "tl-answer tl-names" });
    names.append(make("span", { text: speech.say("target") }), make("b", { text: speech.say("answer") }), this.counted);
    const row = make("div", { class: "tl-answer-row" }, ...this.cells.map(({ cell }) => cell));
    this.element.replaceChildren(names, row);
  }

  explained(at) {
    const { speech } = this.view;
    const { id, hit, said, text, sure } = this.known[at] ?? { id: null };
    if (id === null) return "";
    const fields = { answer: said, target: text, certainty: speech.value(sure) };
    return speech.say(hit ? "answer_right" : "answer_wrong", fields);
  }

  paint(picture, example, vocabulary, hovered) {
    const { speech } = this.view;
    const { predicted, certainty } = picture?.arrays ?? {};
    const across = predicted?.shape[1] ?? 0;
    let right = 0;
    for (const { cell, answer, mark, at, text } of this.cells) {
      const id = at < across ? predicted.data[example * across + at] : null;
      const said = id === null ? " " : (vocabulary?.[id] ?? "?");
      const hit = said === text;
      right += hit;
      if (answer.textContent !== visible(said)) answer.textContent = visible(said);
      const sign = id === null ? "" : hit ? "✓" : "✗";
      if (mark.textContent !== sign) mark.textContent = sign;
      cell.classList.toggle("tl-wrong", id !== null && !hit);
      cell.classList.toggle("tl-over", at === hovered);
      this.known[at] = { id, hit, said, text, sure: certainty?.data[example * across + at] };
    }
    const counted = predicted && this.cells.length ? `${speech.count(right)}/${speech.count(this.cells.length)}` : " ";
    if (this.counted.textContent !== counted) this.counted.textContent = counted;
  }
}
