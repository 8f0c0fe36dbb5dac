// Small switches of the attention pictures; every one shows the shared choice and changes it.

import { make } from "./canvas.js";
import { shadesOf } from "./shades.js";

/** A row of buttons of which one is on. */
export class Segments {
  /** @param options [{value, label, title}] */
  constructor(label, options, pick) {
    this.buttons = options.map(({ value, label: text, title }) => {
      const button = make("button", { type: "button", text, title });
      button.addEventListener("click", () => pick(value));
      return { value, button };
    });
    this.element = make("span", { class: "tl-segments", role: "group", "aria-label": label });
    this.element.append(...this.buttons.map(({ button }) => button));
  }

  paint(chosen) {
    for (const { value, button } of this.buttons) button.setAttribute("aria-pressed", String(value === chosen));
  }
}

/** A drop-down whose entries may be out of reach for now. */
export class Picker {
  constructor(label, pick) {
    this.element = make("select", { class: "tl-picker", "aria-label": label, title: label });
    this.element.addEventListener("change", () => pick(this.element.value));
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
  }

  /** @param options [{value, label}] */
  paint(options, chosen) {
    const offered = JSON.stringify(options);
    if (offered !== this.offered) {
      this.offered = offered;
      this.element.replaceChildren(...options.map(({ value, label }) => make("option", { value, text: label })));
    }
    if (this.element.value !== String(chosen)) this.element.value = String(chosen);
  }
}

export class Chip {
  constructor(label, title, press, swatch) {
    this.text = make("span", { text: label });
    const mark = swatch && make("i", { class: `tl-swatch ${swatch}` });
    this.element = make("button", { class: "tl-chip tl-toggle", type: "button", title }, mark, this.text);
    this.element.addEventListener("click", press);
  }

  paint(on, label) {
    this.element.setAttribute("aria-pressed", String(on));
    if (label !== undefined && this.text.textContent !== label) this.text.textContent = label;
  }
}

/** Boost small weights: a logarithmic scale of colours. */
export function logChip(view) {
  const { speech, choice } = view;
  const chip = new Chip(speech.say("boost"), speech.say("boost_why"), () => choice.set({ log: !choice.log }));
  return { element: chip.element, paint: () => chip.paint(choice.log) };
}

/** Which of the shown examples all attention panels show. */
export class ExampleChooser {
  constructor(view, count) {
    this.view = view;
    const { speech, choice } = view;
    const options = Array.from({ length: count }, (_, index) => ({ value: index, label: String(index + 1) }));
    this.segments = new Segments(speech.say("example"), options, (example) => {
      choice.set({ example, cell: null, lock: null });
    });
    const name = make("span", { text: speech.say("example") });
    this.element = make("span", { class: "tl-example" }, name, this.segments.element);
    this.element.hidden = count < 2;
  }

  paint() {
    this.segments.paint(this.view.choice.example);
  }
}

/** The colours with the values at both ends. */
export class ScaleLegend {
  constructor(view) {
    this.view = view;
    this.bar = make("i", { class: "tl-bar" });
    this.low = make("span");
    this.high = make("span");
    const ramp = make("span", { class: "tl-ramp" }, this.bar);
    this.element = make("span", { class: "tl-scale" }, this.low, ramp, this.high);
  }

  /** @param range {diverging, log, reach, low}; with `low` the values at the ends are those of some other number */
  paint(theme, { diverging, log, reach = 1, low }) {
    const said = [theme.id, diverging, log, reach, low].join("|");
    if (said === this.said) return;
    this.said = said;
    const { speech } = this.view;
    this.bar.style.background = shadesOf(theme).gradient(diverging, log);
    const other = low !== undefined;
    this.low.textContent = speech.brief(other ? low : diverging ? -reach : 0);
    this.high.textContent = (diverging && !other ? "+" : "") + speech.brief(reach);
    if (!other) this.element.title = speech.say(diverging ? "scale_change" : log ? "scale_log" : "scale_weight");
  }
}
