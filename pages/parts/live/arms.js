// Strategies ("arms") that train side by side: the line each is drawn with, which are switched off, which one is looked
// at, and names that stand beside their lines without touching.

import { SVG, make } from "./canvas.js";

export const STROKES = [[], [7, 3], [2, 2.5]];

export function armColour(theme, { hue }) {
  return theme.series[hue % theme.series.length];
}

/** The strategy under the pointer, else the chosen one; null where it is none of these. */
export function lookedAt({ hover, arm: chosen }, arms) {
  const name = hover?.arm ?? chosen;
  return arms.some(({ arm }) => arm === name) ? name : null;
}

/** Look at a strategy, in all panels, for as long as the pointer or the focus is there. */
export function lookAt(view, arm) {
  if (view.choice.point(arm && { arm })) view.redraw();
}

/** A short piece of the line itself. */
export function strokeMark({ dash }) {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 22 8");
  svg.setAttribute("class", "tl-stroke");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", "M0 4h22");
  line.setAttribute("stroke-dasharray", STROKES[dash % STROKES.length].join(" "));
  svg.append(line);
  return svg;
}

/**
 * Places nearest to the ascending `wished` (least squares), at least `apart` from one another, inside low … high.
 * With the gaps taken out this is isotonic regression: neighbours that are out of order are pooled.
 */
export function spreadOut(wished, apart, low, high) {
  const gap = Math.min(apart, (high - low) / Math.max(1, wished.length - 1));
  const pools = [];
  wished.forEach((place, index) => {
    pools.push({ sum: place - index * gap, count: 1 });
    while (pools.length > 1) {
      const [before, last] = pools.slice(-2);
      if (before.sum / before.count <= last.sum / last.count) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  });
  const highest = high - gap * (wished.length - 1);
  return pools
    .flatMap(({ sum, count }) => Array(count).fill(Math.min(highest, Math.max(low, sum / count))))
    .map((place, index) => place + index * gap);
}

/** One chip for each strategy: a press switches its line on or off, pointer and focus show it. */
export class ArmLegend {
  constructor(view, arms) {
    this.view = view;
    this.chips = arms.map((arm) => {
      const title = view.speech.say("toggle_layer", { layer: arm.label });
      const chip = make("button", { class: "tl-chip tl-arm", type: "button", title }, strokeMark(arm));
      chip.append(make("span", { text: arm.label }));
      chip.addEventListener("click", () => this.toggle(arm.arm));
      for (const kind of ["pointerenter", "focus"]) chip.addEventListener(kind, () => lookAt(view, arm.arm));
      for (const kind of ["pointerleave", "blur"]) chip.addEventListener(kind, () => lookAt(view, null));
      return { arm, chip };
    });
    this.element = make("div", { class: "tl-chips" }, ...this.chips.map(({ chip }) => chip));
  }

  toggle(name) {
    const { choice } = this.view;
    const off = choice.off.includes(name) ? choice.off.filter((other) => other !== name) : [...choice.off, name];
    choice.set({ off, ...(choice.arm === name ? { arm: null } : {}) });
  }

  paint(theme) {
    const { choice } = this.view;
    for (const { arm, chip } of this.chips) {
      chip.setAttribute("aria-pressed", String(!choice.off.includes(arm.arm)));
      chip.classList.toggle("tl-chosen", choice.arm === arm.arm);
      chip.firstChild.style.color = armColour(theme, arm);
    }
  }
}
