// What is drawn on the plane with lines: a warped net, arrows, a path.

import { css, rgb } from "./theme.js";

const ARROW_SHARE = 0.055;
const ARROW_DECADES = 4;
const ARROW_HEAD = 3.5;
const MESH_FAINTEST = 0.05;

/** From data to the canvas, in CSS pixels. */
function spotOf({ left, top, side, x0, x1, y0, y1 }, x, y) {
  return [left + ((x - x0) / (x1 - x0)) * side, top + ((y1 - y) / (y1 - y0)) * side];
}

/** Every mesh holds as many samples as any other: the smaller it is, the darker, and the denser samples lie there. */
export function paintNet(context, theme, frame, { data, shape }) {
  const [rows, columns] = shape;
  const at = (row, column) => {
    const index = 2 * (row * columns + column);
    return spotOf(frame, data[index], data[index + 1]);
  };
  const colour = rgb(theme.samples);
  const even = (frame.side * frame.side) / ((rows - 1) * (columns - 1));
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const mesh = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      const area = Math.abs(
        (mesh[2][0] - mesh[0][0]) * (mesh[3][1] - mesh[1][1]) - (mesh[3][0] - mesh[1][0]) * (mesh[2][1] - mesh[0][1]),
      ) / 2;
      context.fillStyle = css(colour, Math.min(0.6, MESH_FAINTEST + (0.05 * even) / Math.max(area, 1)));
      context.beginPath();
      for (const [x, y] of mesh) context.lineTo(x, y);
      context.fill();
    }
  }
  context.strokeStyle = css(colour, theme.dark ? 0.5 : 0.55);
  context.lineWidth = 0.7;
  context.beginPath();
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [x, y] = at(row, column);
      if (column) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
  }
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const [x, y] = at(row, column);
      if (row) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
  }
  context.stroke();
}

function arrowTo(context, [x, y], [dx, dy]) {
  const length = Math.hypot(dx, dy);
  if (!(length > 0.8)) return;
  const [ux, uy] = [dx / length, dy / length];
  const [tipX, tipY] = [x + dx, y + dy];
  const head = Math.min(ARROW_HEAD, 0.5 * length);
  context.moveTo(x, y);
  context.lineTo(tipX, tipY);
  context.moveTo(tipX - head * (ux + 0.6 * uy), tipY - head * (uy - 0.6 * ux));
  context.lineTo(tipX, tipY);
  context.lineTo(tipX - head * (ux - 0.6 * uy), tipY - head * (uy + 0.6 * ux));
}

function paintArrows(context, colour, frame, { data }, lengthOf) {
  context.beginPath();
  for (let index = 0; index + 3 < data.length; index += 4) {
    const [x, y, dx, dy] = [data[index], data[index + 1], data[index + 2], data[index + 3]];
    const size = Math.hypot(dx, dy);
    if (!Number.isFinite(size) || size === 0) continue;
    const length = lengthOf(size) * frame.side;
    arrowTo(context, spotOf(frame, x, y), [(dx / size) * length, (-dy / size) * length]);
  }
  context.strokeStyle = colour;
  context.lineWidth = 1.1;
  context.stroke();
}

/**
 * The pull on each sample. Lengths are logarithmic and absolute, from nothing at 10⁻⁴ to full at 1: so a gradient that
 * vanishes is seen to vanish.
 */
export function ofSamples(context, theme, frame, pulls) {
  const length = (size) => ARROW_SHARE * Math.min(1.4, Math.max(0, 1 + Math.log10(size) / ARROW_DECADES));
  paintArrows(context, css(theme.ink, 0.75), frame, pulls, length);
}

/** Where both players would move from each place: the longest is 1, the others by their root, to be seen at all. */
export function ofSteps(context, theme, frame, field) {
  paintArrows(context, css(theme.ink, 0.35), frame, field, (size) => ARROW_SHARE * Math.sqrt(size));
}

/** The way of the last steps, fading behind, and where it is now. */
export function paintPath(context, theme, frame, { data }) {
  const points = [];
  for (let index = 0; index + 1 < data.length; index += 2) points.push(spotOf(frame, data[index], data[index + 1]));
  const colour = rgb(theme.samples);
  context.lineWidth = 1.6;
  const pieces = 16;
  for (let piece = 0; piece < pieces; piece += 1) {
    const [from, to] = [piece, piece + 1].map((edge) => Math.floor((edge * (points.length - 1)) / pieces));
    context.strokeStyle = css(colour, 0.15 + (0.85 * piece) / (pieces - 1));
    context.beginPath();
    for (let index = from; index <= to; index += 1) context.lineTo(...points[index]);
    context.stroke();
  }
  const last = points.at(-1);
  if (!last) return;
  context.fillStyle = css(colour);
  context.strokeStyle = theme.paper;
  context.beginPath();
  context.arc(last[0], last[1], 4.5, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}
