// Colours: read from the theme's custom properties, so that light, dark and a switch between them are followed.
// Series are those of `hues.py`, told apart with every colour-blindness; a test computes it.

const LIGHT = {
  series: ["#125a9c", "#ce6100", "#3b9e78", "#ab6bd8", "#666f80", "#98084e"],
  data: "#1d5c9e", samples: "#d95f0e", ema: "#770070",
  high: "#8fbfe6", low: "#f6bd85", ramp: 0.8, contour: "rgba(60, 60, 70, 0.45)",
};
const DARK = {
  series: ["#67beff", "#ee883d", "#76bb89", "#bd71c0", "#797a89", "#ff96c7"],
  data: "#86bff5", samples: "#ffa94f", ema: "#c27bbd",
  high: "#2b5a86", low: "#5c4230", ramp: 0.6, contour: "rgba(230, 230, 240, 0.4)",
};

const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Any CSS colour as [red, green, blue], 0 to 255. */
export function rgb(colour) {
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = "#808080";
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

export function mixed(from, to, share) {
  return from.map((channel, index) => Math.round(channel + (to[index] - channel) * share));
}

export function css([red, green, blue], alpha = 1) {
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

/** The colours in force at `element`, resolved for canvases. */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = rgb(read("--st-background-color", "#ffffff"));
  const text = rgb(read("--st-text-color", "#31333f"));
  const dark = 0.299 * background[0] + 0.587 * background[1] + 0.114 * background[2] < 128;
  return {
    ...(dark ? DARK : LIGHT),
    dark,
    background,
    ink: text,
    text: css(text),
    muted: css(mixed(background, text, 0.68)),
    faint: css(mixed(background, text, 0.4)),
    grid: css(text, dark ? 0.1 : 0.08),
    axis: css(text, 0.25),
    paper: css(background),
    primary: css(rgb(read("--st-primary-color", "#2166ac"))),
    alarm: css(rgb(read("--st-red-text-color", dark ? "#ff8a80" : "#b3261e"))),
    font: read("--st-font", "system-ui, sans-serif"),
    id: [background, text, read("--st-primary-color", ""), read("--st-font", "")].join("|"),
  };
}

/**
 * The colour of a value on the diverging scale low … mid … high; the middle is the page's own background. On dark
 * paper small differences are hard to see: there the ramp rises steeply near the middle, towards calmer ends.
 */
export function diverging(theme, value, { low, mid, high }) {
  const share = value >= mid ? (value - mid) / (high - mid || 1) : (mid - value) / (mid - low || 1);
  return mixed(theme.background, rgbOf(value >= mid ? theme.high : theme.low), Math.min(1, share) ** theme.ramp);
}

const known = new Map();

function rgbOf(colour) {
  if (!known.has(colour)) known.set(colour, rgb(colour));
  return known.get(colour);
}

/** 256 packed RGBA pixels: what each byte of a quantised array looks like. */
export function colourTable(colourOf) {
  const bytes = new Uint8ClampedArray(1024);
  for (let index = 0; index < 256; index += 1) bytes.set([...colourOf(index), 255], 4 * index);
  return new Uint32Array(bytes.buffer);
}
