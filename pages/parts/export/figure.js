// A figure: the cards of a living picture on one sheet, each where it stands, with its title, legend and values. What
// the page sets in type is read off the page: each run of letters with its place, font and colour.

import { Trace, inked } from "./ink.js";

const MARGIN = 12;

/** The cards that are on the page, and what box they take up; the transport's place is closed up. */
export function framed(view, only = null) {
  const cards = view.cards.filter((card) => card.width && card.height && (only === null || view.cards[only] === card));
  const boxes = cards.map(({ element }) => element.getBoundingClientRect());
  const bar = view.transport.element.getBoundingClientRect();
  const gap = boxes.some(({ bottom }) => bar.height && bottom <= bar.top + 1) ? bar.height + MARGIN : 0;
  const lift = ({ top }) => (top >= bar.bottom - 1 ? gap : 0);
  const left = Math.min(...boxes.map((box) => box.left)) - MARGIN;
  const top = Math.min(...boxes.map((box) => box.top - lift(box))) - MARGIN;
  const width = Math.ceil(Math.max(...boxes.map((box) => box.right)) + MARGIN - left);
  const height = Math.ceil(Math.max(...boxes.map((box) => box.bottom - lift(box))) + MARGIN - top);
  /** Where a box of the page lies on the figure. */
  const placed = (box) => [box.left - left, box.top - top - lift(box), box.width, box.height];
  return { cards, width, height, placed };
}

/** What stands in a card only to be pressed says nothing on paper; the layers that are shown do. */
const PRESSED = "button:not(.tl-chip), .tl-chip:not([aria-pressed='true']), .tl-chip:has(svg), .tl-example, select, svg, "
  + "canvas";

/** Letters and small marks of a card, outside its canvas. */
function* printed(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const holder = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (holder.closest(`[hidden], .tl-hidden, ${PRESSED}`) || !holder.checkVisibility()) continue;
    const style = getComputedStyle(holder);
    if (node === holder) {
      const box = holder.getBoundingClientRect();
      if (holder.tagName === "I" && box.width) yield { box, style, mark: true };
      continue;
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (node.data.trim() && box.width) yield { box, style, text: node.data.replace(/\s+/g, " ") };
  }
}

const CLEAR = /^rgba\(.*, 0\)$|^transparent$/;

/** The small shapes of a legend: a piece of a line, a disc, a diamond, a bar of colours. */
function printMark(context, style, x, y, { width, height }) {
  const lined = parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none";
  const round = parseFloat(style.borderTopLeftRadius) >= width / 2 || style.borderTopLeftRadius.endsWith("50%");
  const colours = style.backgroundImage.match(/rgba?\([^)]*\)/g);
  const colour = CLEAR.test(style.backgroundColor) && lined ? style.borderTopColor : style.backgroundColor;
  if (colours && width > 2) {
    const stops = Math.min(64, Math.ceil(width));
    for (let stop = 0; stop < stops; stop += 1) {
      context.fillStyle = between(colours, stop / (stops - 1 || 1));
      context.fillRect(x + (stop * width) / stops, y, width / stops + (stop < stops - 1 ? 1 : 0), height);
    }
    return;
  }
  if (CLEAR.test(colour)) return;
  context.fillStyle = context.strokeStyle = colour;
  context.beginPath();
  if (round && height > 3) context.arc(x + width / 2, y + height / 2, Math.max(1, width / 2 - 0.5), 0, 2 * Math.PI);
  else if (/matrix|deg/.test(style.transform + style.rotate)) {
    context.moveTo(x + width / 2, y);
    context.lineTo(x + width, y + height / 2);
    context.lineTo(x + width / 2, y + height);
    context.lineTo(x, y + height / 2);
  } else context.rect(x, y, width, lined ? Math.max(1, parseFloat(style.borderTopWidth)) : height);
  if (lined && round) context.stroke();
  else context.fill();
}

/** The colour at a share of the way through evenly placed ones. */
function between(colours, share) {
  const parts = colours.map((colour) => colour.match(/[\d.]+/g).map(Number));
  const at = share * (parts.length - 1);
  const [one, two] = [parts[Math.floor(at)], parts[Math.min(parts.length - 1, Math.floor(at) + 1)]];
  const mixed = one.map((value, index) => value + ((two[index] ?? value) - value) * (at % 1));
  return `rgba(${mixed.slice(0, 3).map(Math.round).join(", ")}, ${mixed[3] ?? 1})`;
}

function print(context, element, { placed }) {
  for (const { box, style, text, mark } of printed(element)) {
    const [x, y] = placed(box);
    if (mark) {
      printMark(context, style, x, y, box);
      continue;
    }
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(text, x, y + box.height / 2);
  }
}

/** Everything of a figure but the paintings: paper, frames and letters. */
function laid(context, view, frame) {
  const { theme } = view;
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, frame.width, frame.height);
  for (const card of frame.cards) {
    const [x, y, width, height] = frame.placed(card.element.getBoundingClientRect());
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    print(context, card.element, frame);
  }
}

function stageOf(card, frame) {
  const [x, y] = frame.placed(card.canvas.getBoundingClientRect());
  return [x, y, card.width, card.height];
}

/**
 * The figure on a canvas, `ratio` pixels to one of the page.
 * @param room {canvas, width, height}: a canvas to paint on, and how large its paper is: a film's stays the same
 */
export function pixels(view, ratio, only = null, room = {}) {
  const { canvas = document.createElement("canvas") } = room;
  const found = framed(view, only);
  const frame = { ...found, width: room.width ?? found.width, height: room.height ?? found.height };
  // Videos want even sides.
  canvas.width = 2 * Math.round((frame.width * ratio) / 2);
  canvas.height = 2 * Math.round((frame.height * ratio) / 2);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const paintings = frame.cards.map((card) => {
    const painted = document.createElement("canvas");
    painted.width = Math.round(card.width * ratio);
    painted.height = Math.round(card.height * ratio);
    card.paintInto(painted.getContext("2d"), ratio, view.theme);
    return painted;
  });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  laid(context, view, frame);
  frame.cards.forEach((card, at) => context.drawImage(paintings[at], ...stageOf(card, frame)));
  view.redraw();
  return canvas;
}

/** The figure as the text of an SVG file; pictures inside have `ratio` pixels to one of the page. */
export function drawing(view, ratio, only = null) {
  const frame = framed(view, only);
  const own = window.Path2D;
  window.Path2D = Trace;
  try {
    const whole = inked(frame.width, frame.height);
    const paintings = frame.cards.map((card) => {
      const ink = inked(Math.round(card.width * ratio), Math.round(card.height * ratio));
      card.paintInto(ink, ratio, view.theme);
      return ink;
    });
    laid(whole, view, frame);
    frame.cards.forEach((card, at) => whole.nest(paintings[at], ...stageOf(card, frame)));
    return whole.svg(frame.cards.map((card) => card.tell()).join(" "));
  } finally {
    window.Path2D = own;
    view.redraw();
  }
}
