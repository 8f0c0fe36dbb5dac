// A drawing context that writes SVG: as much of CanvasRenderingContext2D as the painters use, and an error for anything
// else, so that nothing is left out unseen. Paths are kept in device pixels, as a canvas does; pictures become PNG.

const round = (value) => Math.round(value * 100) / 100;
const escaped = (text) => String(text).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const PLAIN = {
  fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, lineCap: "butt", lineJoin: "miter", globalAlpha: 1,
  font: "10px sans-serif", textAlign: "start", textBaseline: "alphabetic", imageSmoothingEnabled: true,
  imageSmoothingQuality: "low",
};
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };

/** A path that can be read again, instead of the browser's own. */
export class Trace {
  constructor() {
    this.said = [];
  }

  at(matrix, x, y) {
    const { x: across, y: down } = matrix.transformPoint({ x, y });
    return `${round(across)} ${round(down)}`;
  }

  moveTo(x, y, matrix = new DOMMatrix()) {
    this.said.push(`M${this.at(matrix, x, y)}`);
  }

  lineTo(x, y, matrix = new DOMMatrix()) {
    this.said.push(`${this.said.length ? "L" : "M"}${this.at(matrix, x, y)}`);
  }

  bezierCurveTo(x1, y1, x2, y2, x, y, matrix = new DOMMatrix()) {
    this.said.push(`C${this.at(matrix, x1, y1)} ${this.at(matrix, x2, y2)} ${this.at(matrix, x, y)}`);
  }

  closePath() {
    this.said.push("Z");
  }

  rect(x, y, wide, high, matrix = new DOMMatrix()) {
    const corners = [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]].map((c) => this.at(matrix, ...c));
    this.said.push(`M${corners.join("L")}Z`);
  }

  /** Quarter turns at most, each as one cubic curve: right to 0.03 % of the radius. */
  ellipse(x, y, wide, high, turn, from, to, against = false, matrix = new DOMMatrix()) {
    let sweep = to - from;
    const whole = 2 * Math.PI;
    if (against) sweep = sweep <= -whole ? -whole : -(((-sweep % whole) + whole) % whole);
    else sweep = sweep >= whole ? whole : ((sweep % whole) + whole) % whole;
    const pieces = Math.max(1, Math.ceil(Math.abs(sweep) / (Math.PI / 2) - 1e-9));
    const step = sweep / pieces;
    const reach = (4 / 3) * Math.tan(step / 4);
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const place = (u, v) => [x + u * wide * cos - v * high * sin, y + u * wide * sin + v * high * cos];
    this.lineTo(...place(Math.cos(from), Math.sin(from)), matrix);
    for (let piece = 0; piece < pieces; piece += 1) {
      const [one, two] = [from + piece * step, from + (piece + 1) * step];
      const [c1, s1, c2, s2] = [Math.cos(one), Math.sin(one), Math.cos(two), Math.sin(two)];
      const curve = [place(c1 - reach * s1, s1 + reach * c1), place(c2 + reach * s2, s2 - reach * c2), place(c2, s2)];
      this.bezierCurveTo(...curve.flat(), matrix);
    }
  }

  toString() {
    return this.said.join("");
  }
}

class Ink {
  constructor(width, height) {
    Object.assign(this, PLAIN, { width, height, matrix: new DOMMatrix(), dash: [], clipped: "" });
    this.kept = [];
    this.parts = [];
    this.defined = [];
    this.pictures = new Map();
    this.name = `i${Math.random().toString(36).slice(2, 8)}`;
    this.pen = document.createElement("canvas").getContext("2d");
    this.beginPath();
  }

  save() {
    const { matrix, dash, clipped } = this;
    const said = Object.fromEntries(Object.keys(PLAIN).map((name) => [name, this[name]]));
    this.kept.push({ ...said, matrix: DOMMatrix.fromMatrix(matrix), dash, clipped });
  }

  restore() {
    Object.assign(this, this.kept.pop());
  }

  setTransform(...values) {
    this.matrix = new DOMMatrix(values);
  }

  translate(x, y) {
    this.matrix = this.matrix.translate(x, y);
  }

  scale(x, y) {
    this.matrix = this.matrix.scale(x, y);
  }

  rotate(turn) {
    this.matrix = this.matrix.rotate((turn * 180) / Math.PI);
  }

  setLineDash(dash) {
    this.dash = [...dash];
  }

  beginPath() {
    this.path = new Trace();
  }

  closePath() {
    this.path.closePath();
  }

  moveTo(x, y) {
    this.path.moveTo(x, y, this.matrix);
  }

  lineTo(x, y) {
    this.path.lineTo(x, y, this.matrix);
  }

  bezierCurveTo(...places) {
    this.path.bezierCurveTo(...places, this.matrix);
  }

  rect(...box) {
    this.path.rect(...box, this.matrix);
  }

  arc(x, y, radius, from, to, against = false) {
    this.path.ellipse(x, y, radius, radius, 0, from, to, against, this.matrix);
  }

  ellipse(x, y, wide, high, turn, from, to, against = false) {
    this.path.ellipse(x, y, wide, high, turn, from, to, against, this.matrix);
  }

  roundRect(x, y, wide, high, radius = 0) {
    const r = Math.max(0, Math.min(radius, Math.abs(wide) / 2, Math.abs(high) / 2));
    const quarter = Math.PI / 2;
    this.moveTo(x + r, y);
    const [left, right, top, bottom] = [x + r, x + wide - r, y + r, y + high - r];
    const corners = [[right, top, -1], [right, bottom, 0], [left, bottom, 1], [left, top, 2]];
    for (const [cx, cy, turn] of corners) this.arc(cx, cy, r, turn * quarter, (turn + 1) * quarter);
    this.closePath();
  }

  clip() {
    const name = `${this.name}c${this.defined.length}`;
    const within = this.clipped ? ` clip-path="url(#${this.clipped})"` : "";
    this.defined.push(`<clipPath id="${name}"${within}><path d="${this.path}"/></clipPath>`);
    this.clipped = name;
  }

  get zoom() {
    return Math.sqrt(Math.abs(this.matrix.a * this.matrix.d - this.matrix.b * this.matrix.c));
  }

  add(element) {
    const last = this.parts.at(-1);
    if (last?.clipped === this.clipped) last.said.push(element);
    else this.parts.push({ clipped: this.clipped, said: [element] });
  }

  get faded() {
    return this.globalAlpha < 1 ? ` opacity="${round(this.globalAlpha)}"` : "";
  }

  fill(path = this.path) {
    this.add(`<path d="${path}"${this.turned(path)} fill="${escaped(this.fillStyle)}"${this.faded}/>`);
  }

  stroke(path = this.path) {
    const { lineCap: cap, lineJoin: join } = this;
    const zoom = path === this.path ? this.zoom : 1;
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map((long) => round(long * zoom)).join(" ")}"` : "";
    const capped = cap === "butt" ? "" : ` stroke-linecap="${cap}"`;
    const joined = join === "miter" ? "" : ` stroke-linejoin="${join}"`;
    const line = `stroke="${escaped(this.strokeStyle)}" stroke-width="${round(this.lineWidth * zoom)}"${capped}${joined}`;
    this.add(`<path d="${path}"${this.turned(path)} fill="none" ${line}${dash}${this.faded}/>`);
  }

  /** A path of its own was traced before anything was turned or scaled; the context's was placed point by point. */
  turned(path) {
    if (path === this.path) return "";
    const { a, b, c, d, e, f } = this.matrix;
    return ` transform="matrix(${[a, b, c, d, e, f].map(round).join(" ")})"`;
  }

  boxed(x, y, wide, high) {
    const trace = new Trace();
    trace.rect(x, y, wide, high, this.matrix);
    const { path } = this;
    this.path = trace;
    return () => { this.path = path; };
  }

  fillRect(...box) {
    const back = this.boxed(...box);
    this.fill();
    back();
  }

  strokeRect(...box) {
    const back = this.boxed(...box);
    this.stroke();
    back();
  }

  /** Painters wipe the whole and begin: there is nothing to wipe yet. */
  clearRect() {}

  measureText(text) {
    this.pen.font = this.font;
    return this.pen.measureText(text);
  }

  fillText(text, x, y) {
    if (!String(text)) return;
    Object.assign(this.pen, { font: this.font, textBaseline: this.textBaseline });
    const own = this.pen.measureText(text).fontBoundingBoxAscent;
    this.pen.textBaseline = "alphabetic";
    const { width, fontBoundingBoxAscent: high } = this.pen.measureText(text);
    const down = y + high - own;
    const { a, b, c, d, e, f } = this.matrix;
    const turned = `transform="matrix(${[a, b, c, d, e, f].map(round).join(" ")})"`;
    // Where the font is missing, another one takes the same room.
    const long = `textLength="${round(width)}" lengthAdjust="spacingAndGlyphs"`;
    const set = `text-anchor="${ANCHORS[this.textAlign]}" ${long} style="font:${escaped(this.font)};white-space:pre"`;
    this.add(`<text x="${round(x)}" y="${round(down)}" ${turned} ${set} fill="${escaped(this.fillStyle)}"${this.faded}>`
      + `${escaped(text)}</text>`);
  }

  drawImage(source, ...places) {
    const whole = [0, 0, source.width, source.height];
    const from = places.length === 8 ? places.slice(0, 4) : whole;
    const [x, y, wide = source.width, high = source.height] = places.length === 8 ? places.slice(4) : places;
    if (!source.width || !source.height || !wide || !high) return;
    const exact = from.every(Number.isInteger);
    const sides = exact ? [from[2], from[3]] : [wide, high].map((side) => Math.ceil(side * this.zoom));
    const id = this.pictureOf(source, from, sides);
    const { a, b, c, d, e, f } = this.matrix.translate(x, y).scale(wide / sides[0], high / sides[1]);
    const placed = [a, b, c, d].map((value) => Math.round(value * 1e5) / 1e5).join(" ");
    const sharp = this.imageSmoothingEnabled ? "" : ' style="image-rendering:pixelated"';
    this.add(`<use href="#${id}" transform="matrix(${placed} ${round(e)} ${round(f)})"${sharp}${this.faded}/>`);
  }

  /** A piece of a canvas as a picture that is defined once, however often it is drawn. */
  pictureOf(source, from, sides) {
    const known = this.pictures.get(source) ?? this.pictures.set(source, new Map()).get(source);
    const which = [...from, ...sides].join();
    if (!known.has(which)) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = sides;
      canvas.getContext("2d").drawImage(source, ...from, 0, 0, ...sides);
      const id = `${this.name}p${this.defined.length}`;
      const size = `width="${sides[0]}" height="${sides[1]}" preserveAspectRatio="none"`;
      this.defined.push(`<image id="${id}" ${size} href="${canvas.toDataURL("image/png")}"/>`);
      known.set(which, id);
    }
    return known.get(which);
  }

  /** Another context's drawing, as a part of this one. */
  nest(ink, x, y, wide, high) {
    this.add(`<svg x="${round(x)}" y="${round(y)}" width="${round(wide)}" height="${round(high)}" `
      + `viewBox="0 0 ${ink.width} ${ink.height}">${ink.inner()}</svg>`);
  }

  inner() {
    const grouped = ({ clipped, said }) => (clipped ? `<g clip-path="url(#${clipped})">${said.join("")}</g>` : said.join(""));
    return `<defs>${this.defined.join("")}</defs>${this.parts.map(grouped).join("")}`;
  }

  /** The whole as a file. */
  svg(title) {
    const { width, height } = this;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" `
      + `role="img"><title>${escaped(title)}</title>${this.inner()}</svg>`;
  }
}

/** A context that writes SVG; what it cannot do is an error, where a plain object would just keep it. */
export function inked(width, height) {
  return new Proxy(new Ink(width, height), {
    get(ink, name) {
      if (!(name in ink)) throw new TypeError(`SVG: no ${String(name)}`);
      const found = ink[name];
      return typeof found === "function" ? found.bind(ink) : found;
    },
    set(ink, name, value) {
      if (!(name in ink)) throw new TypeError(`SVG: no ${String(name)}`);
      ink[name] = value;
      return true;
    },
  });
}
