// Scales for weights: from the paper itself to the far end of lightness, evenly for the eye (OKLab, Ottosson 2020).
// Lightness alone carries the value, so that every kind of colour vision reads the same picture.

import { css, mixed, rgb } from "./theme.js";

const LIGHT_ENDS = { middle: "#5f7be0", end: "#17124a" };
const DARK_ENDS = { middle: "#5a6be8", end: "#f6f3ff" };
const LIGHT_SIDES = { more: "#1f58a6", less: "#c05a0a" };
const DARK_SIDES = { more: "#84bdfb", less: "#ffa95c" };
const BOOST = 100;

function labOf(colour) {
  const [r, g, b] = colour.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function rgbFrom([light, a, b]) {
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((share) => {
    const clipped = Math.min(1, Math.max(0, share));
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  });
}

/** Where a weight stands on the scale, 0 to 1; on the logarithmic one small weights stand clearly above none. */
export function placed(weight, log) {
  const share = Math.min(1, Math.max(0, weight));
  return log ? Math.log1p(BOOST * share) / Math.log1p(BOOST) : share;
}

/** The colours of a theme's two scales, 256 steps each: `weights` from none to all, `change` from less to more. */
export class Shades {
  constructor(theme) {
    this.id = theme.id;
    const { middle, end } = theme.dark ? DARK_ENDS : LIGHT_ENDS;
    const [from, through, to] = [theme.background, rgb(middle), rgb(end)].map(labOf);
    this.ramp = Array.from({ length: 256 }, (_, index) => {
      const share = index / 255;
      // Lightness runs straight; hue and chroma bend through the middle colour.
      const bent = (one, two, three) => (1 - share) ** 2 * one + 2 * share * (1 - share) * two + share ** 2 * three;
      const light = from[0] + (to[0] - from[0]) * share;
      return rgbFrom([light, bent(from[1], through[1], to[1]), bent(from[2], through[2], to[2])]);
    });
    const { more, less } = theme.dark ? DARK_SIDES : LIGHT_SIDES;
    this.sides = { more: rgb(more), less: rgb(less), none: theme.background };
  }

  /** A weight between 0 and 1 as [red, green, blue]. */
  weight(weight, log = false) {
    return this.ramp[Math.round(255 * placed(weight, log))];
  }

  /** A difference between −1 and 1 (of the largest one shown) as [red, green, blue]. */
  change(share) {
    const { more, less, none } = this.sides;
    return mixed(none, share >= 0 ? more : less, Math.min(1, Math.abs(share)) ** 0.8);
  }

  /** The scale as a CSS gradient. */
  gradient(diverging, log) {
    const stops = Array.from({ length: 17 }, (_, index) => {
      const share = index / 16;
      return css(diverging ? this.change(2 * share - 1) : this.weight(share, log));
    });
    return `linear-gradient(to right, ${stops.join(", ")})`;
  }
}

let made = null;

export function shadesOf(theme) {
  if (made?.id !== theme.id) made = new Shades(theme);
  return made;
}
