// The sinusoid table as a heat map, one of its rows as a wall of clocks, and that row's dot product with all others.

import { make } from "../live/canvas.js";
import { colourTable, css, diverging, mixed } from "../live/theme.js";
import { dot, encoded, frequencies, sinusoidal } from "./encodings.js";
import { axes, polyline, Scene, spot } from "./stage.js";

const GUTTER = 46;
const POSITIONS_A_SECOND = 5;
const APART = 8;

export class TableScene extends Scene {
  build({ settings, bounds }) {
    const log = { read: (text) => Number((10 ** Number(text)).toPrecision(3)), write: Math.log10 };
    const between = (name) => ({ low: bounds[name][0], high: bounds[name][1], value: settings[name] });
    this.knobs = {
      position: this.knob("position", { low: 0, high: settings.length - 1, value: settings.position }),
      width: this.knob("width", { ...between("width"), step: 2 }),
      base: this.knob("base", { ...between("base"), step: 0.02, ...log }),
      length: this.knob("length", between("length")),
    };
    this.player = this.button("play", () => (this.playing ? this.halt() : this.play()));
    this.player.className = "tp-play";
    this.sheet = this.plate("tp-sheet", (...painted) => this.drawSheet(...painted));
    this.wall = this.plate("tp-wall", (...painted) => this.drawWall(...painted));
    this.said = make("p", { class: "tp-said" });
    const knobs = make("div", { class: "tp-knobs" }, ...Object.values(this.knobs).map(({ label }) => label));
    this.knobs.position.label.append(this.player);
    this.knobs.position.label.classList.add("tp-wide");
    const pictures = make("div", { class: "tp-pictures tp-table" }, this.sheet.canvas, this.wall.canvas);
    this.root.replaceChildren(knobs, pictures, this.said);
    this.listen();
  }

  settings() {
    const { position, width, base, length } = this.knobs;
    return { position: position.value, width: width.value, base: base.value, length: length.value };
  }

  set(wanted) {
    this.knobs.position.limit(wanted.length - 1);
    for (const name of ["width", "base", "length", "position"]) this.knobs[name].value = wanted[name];
  }

  /** Whoever comes without a wish sees the hands turn once. */
  begin({ autoplay }) {
    if (!autoplay || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const rest = this.knobs.position.value;
    this.knobs.position.value = 0;
    this.changed();
    this.play(rest);
  }

  touched(name) {
    if (name === "position") this.halt();
    if (name === "length") this.knobs.position.limit(this.knobs.length.value - 1);
  }

  changed() {
    const { width, base, length } = this.settings();
    for (const knob of Object.values(this.knobs)) knob.show();
    const id = [width, base, length].join();
    if (id !== this.id) {
      this.rates = frequencies(width, base);
      this.table = sinusoidal(length, width, base);
      this.byDistance = this.table.map((row) => dot(row, this.table[0]));
      this.lowest = Math.min(0, ...this.byDistance);
      this.heat = null;
      this.id = id;
    }
    if (this.at === undefined || !this.playing) this.at = this.knobs.position.value;
    this.tell("table", {
      settings: this.settings(), table: () => this.table.map((row) => [...row]), products: () => this.products(),
    });
    this.explain();
    this.paint();
  }

  /** The dot product of the marked row with every row. */
  products() {
    const row = encoded(this.at, this.knobs.width.value, this.rates);
    return this.table.map((other) => dot(row, other));
  }

  play(until = this.knobs.length.value - 1) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let from = this.knobs.position.value;
    if (from >= until) from = 0;
    const start = performance.now();
    this.player.textContent = this.say("halt");
    const tick = (now) => {
      if (!this.root.isConnected) return this.halt();
      this.at = Math.min(until, from + ((now - start) / 1000) * POSITIONS_A_SECOND);
      if (calm) this.at = Math.floor(this.at);
      const passed = this.knobs.position.value;
      this.knobs.position.value = Math.round(this.at);
      if (this.knobs.position.value !== passed) {
        this.knobs.position.show();
        this.explain();
      }
      this.paint();
      if (this.at >= until) return this.halt();
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
  }

  halt() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.player.textContent = this.say("play");
    this.changed();
    this.send();
  }

  listen() {
    const { canvas } = this.sheet;
    const mark = (event) => {
      const { heat } = this;
      if (!heat?.box) return;
      this.halt();
      const share = (this.sheet.place(event)[0] - heat.box.x) / heat.box.width;
      this.knobs.position.value = Math.floor(Math.min(0.9999, Math.max(0, share)) * this.knobs.length.value);
      this.changed();
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      mark(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.dragging) mark(event);
      this.point(this.cellAt(this.sheet.place(event)));
    });
    const release = () => {
      if (this.dragging) this.send();
      this.dragging = false;
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    for (const plate of [this.sheet, this.wall]) plate.canvas.addEventListener("pointerleave", () => this.point(null));
    this.wall.canvas.addEventListener("pointermove", (event) => this.point(this.clockAt(this.wall.place(event))));
  }

  cellAt([x, y]) {
    const { box } = this.heat ?? {};
    if (!box || x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) return null;
    const { length, width } = this.settings();
    const position = Math.floor(((x - box.x) / box.width) * length);
    const column = Math.floor(((y - box.y) / box.height) * width);
    return { position, column, pair: column >> 1 };
  }

  clockAt([x, y]) {
    const { cell, columns, left, top, count } = this.clocks ?? {};
    if (!cell) return null;
    const [column, row] = [Math.floor((x - left) / cell), Math.floor((y - top) / cell)];
    const pair = row * columns + column;
    return column >= 0 && column < columns && row >= 0 && pair < count ? { pair } : null;
  }

  point(pointed) {
    if (JSON.stringify(pointed) === JSON.stringify(this.pointed ?? null)) return;
    this.pointed = pointed;
    this.explain();
    this.paint();
  }

  /** One sentence: of the cell or clock pointed at, else that only the distance counts, with both numbers. */
  explain() {
    const { position, width, length } = this.settings();
    const show = (value) => this.number.format(value);
    const { pointed } = this;
    const turns = (pair) => (2 * Math.PI) / this.rates[pair];
    if (pointed?.column !== undefined) {
      const fields = {
        position: show(pointed.position), column: show(pointed.column), rate: show(this.rates[pointed.pair]),
        wave: pointed.column % 2 ? "cos" : "sin", value: this.fixed.format(this.table[pointed.position]?.[pointed.column] ?? 0),
      };
      this.said.textContent = this.say("cell", fields);
    } else if (pointed) {
      const fields = { sine: show(2 * pointed.pair), cosine: show(2 * pointed.pair + 1), turn: show(turns(pointed.pair)) };
      this.said.textContent = this.say("clock", fields);
    } else {
      const apart = Math.min(APART, length - 1);
      const other = position + apart < length ? position + apart : Math.max(0, position - apart);
      const far = Math.abs(other - position);
      const [one, two] = [Math.min(position, other), Math.max(position, other)];
      const start = one === 0 ? length - 1 - far : 0;
      const product = (first, second) => this.fixed.format(dot(this.table[first], this.table[second]));
      this.said.textContent = this.say("same", {
        distance: show(far), one: show(one), two: show(two), here: product(one, two),
        three: show(start), four: show(start + far), there: product(start, start + far),
      });
    }
    const pairs = this.rates.length;
    this.sheet.describe(this.say("alt_table", {
      length: show(length), width: show(width), position: show(position), highest: show(width / 2),
      lowest: this.fixed.format(this.lowest),
    }));
    this.wall.describe(this.say("alt_wall", {
      pairs: show(pairs), position: show(position), fast: show(turns(0)), slow: show(turns(pairs - 1)),
    }));
  }

  /** The table as pixels, one a cell, painted anew only when the table is another. */
  pixels() {
    if (this.heat?.theme === this.theme.id) return this.heat;
    const { length, width } = this.settings();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [length, width];
    const colours = colourTable((byte) => this.colourOf(byte / 127.5 - 1));
    const image = canvas.getContext("2d").createImageData(length, width);
    const packed = new Uint32Array(image.data.buffer);
    for (let column = 0; column < width; column += 1) {
      for (let position = 0; position < length; position += 1) {
        packed[column * length + position] = colours[Math.round((this.table[position][column] + 1) * 127.5)];
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.heat = { canvas, colours, theme: this.theme.id };
    return this.heat;
  }

  drawSheet(context, width, height) {
    const heat = this.pixels();
    const { length, width: columns } = this.settings();
    const box = { x: GUTTER, y: 26, width: width - GUTTER - 8, height: Math.round((height - 26) * 0.6) };
    heat.box = box;
    context.imageSmoothingEnabled = false;
    context.drawImage(heat.canvas, box.x, box.y, box.width, box.height);
    this.write(context, this.say("heat"), box.x, 14, { weight: 600, colour: this.theme.text });
    if (box.width > 360) this.drawScale(context, box.x + box.width);
    this.write(context, "0", box.x - 8, box.y + 10, { align: "right", size: 11 });
    this.write(context, this.number.format(columns - 1), box.x - 8, box.y + box.height - 2, { align: "right", size: 11 });
    context.save();
    context.translate(12, box.y + box.height / 2);
    context.rotate(-Math.PI / 2);
    this.write(context, this.say("dimension"), 0, 0, { align: "center" });
    context.restore();
    const line = {
      x: box.x, width: box.width, y: box.y + box.height + 32, height: height - box.y - box.height - 32 - 38,
    };
    this.drawPointed(context, box, columns);
    this.drawProducts(context, line, length);
    const left = box.x + (this.at * box.width) / length;
    context.strokeStyle = this.theme.text;
    context.lineWidth = 1.5;
    context.strokeRect(left, box.y - 3, Math.max(3, box.width / length), box.height + 6);
  }

  /** Stronger ends than a surface behind points may have: here the table itself is the picture. */
  colourOf(value) {
    const { series, ramp } = this.theme;
    return diverging({ ...this.theme, high: series[0], low: series[1], ramp: ramp + 0.2 }, value, { low: -1, mid: 0, high: 1 });
  }

  drawScale(context, right) {
    const [wide, top] = [84, 5];
    for (let at = 0; at < wide; at += 1) {
      context.fillStyle = css(this.colourOf((2 * at) / (wide - 1) - 1));
      context.fillRect(right - wide - 16 + at, top, 1, 10);
    }
    this.write(context, "−1", right - wide - 20, 14, { align: "right", size: 11 });
    this.write(context, "1", right, 14, { align: "right", size: 11 });
  }

  drawPointed(context, box, columns) {
    if (!this.pointed) return;
    const high = box.height / columns;
    context.strokeStyle = this.theme.primary;
    context.lineWidth = 2;
    context.strokeRect(box.x - 2, box.y + 2 * this.pointed.pair * high, box.width + 4, Math.min(2, columns) * high);
  }

  drawProducts(context, box, length) {
    const { theme } = this;
    const highest = this.knobs.width.value / 2;
    const heading = this.say("products", { position: this.number.format(Math.round(this.at)) });
    this.write(context, heading, box.x, box.y - 12, { weight: 600, colour: theme.text });
    const scales = axes(this, context, box, {
      xs: [-0.5, length - 0.5], ys: [this.lowest * 1.05, highest * 1.08], xLabel: this.say("axis"), yCount: 3,
      count: box.width < 420 ? 5 : 10,
    });
    const points = this.products().map((product, at) => [scales.x(at), scales.y(product)]);
    polyline(context, points, theme.series[0], 2);
    if (box.width / length > 7) {
      for (const [x, y] of points) {
        context.fillStyle = theme.series[0];
        context.beginPath();
        context.arc(x, y, 2.6, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.strokeStyle = theme.faint;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(scales.x(this.at), box.y - 2);
    context.lineTo(scales.x(this.at), box.y + box.height);
    context.stroke();
    context.setLineDash([]);
    spot(context, scales.x(this.at), scales.y(highest), theme.series[1], theme.paper);
    const left = scales.x(this.at) > box.x + box.width - 40;
    this.write(context, this.number.format(highest), scales.x(this.at) + (left ? -10 : 10), scales.y(highest) + 2, {
      align: left ? "right" : "left", weight: 600, colour: theme.text, halo: true,
    });
  }

  /** Every pair of columns is one hand: sine to the right, cosine up, so that it starts at twelve o'clock. */
  drawWall(context, width, height) {
    const count = this.rates.length;
    const heading = this.say("wall", { position: this.number.format(Math.round(this.at)) });
    this.write(context, heading, 2, 14, { weight: 600, colour: this.theme.text });
    const room = height - 26 - 22;
    let [columns, cell] = [1, 0];
    for (let tried = 1; tried <= count; tried += 1) {
      const size = Math.min(width / tried, room / Math.ceil(count / tried), 110);
      if (size > cell) [columns, cell] = [tried, size];
    }
    const left = Math.max(0, (width - cell * columns) / 2);
    this.clocks = { cell, columns, left, top: 26, count };
    const captioned = cell >= 44;
    if (captioned) this.write(context, this.say("wall_order"), 2, height - 6, { size: 11 });
    const radius = captioned ? (cell - 14) * 0.46 : cell * 0.43;
    for (let pair = 0; pair < count; pair += 1) {
      const x = left + ((pair % columns) + 0.5) * cell;
      const top = 26 + Math.floor(pair / columns) * cell;
      const y = top + (captioned ? radius + 2 : cell / 2);
      this.drawClock(context, pair, x, y, radius);
      if (!captioned) continue;
      const turn = this.brief.format((2 * Math.PI) / this.rates[pair]);
      this.write(context, turn, x, y + radius + 11, { align: "center", size: 10 });
    }
  }

  drawClock(context, pair, x, y, radius) {
    const { theme } = this;
    const angle = this.at * this.rates[pair];
    const canvasAngle = angle - Math.PI / 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = css(mixed(theme.background, theme.ink, theme.dark ? 0.06 : 0.03));
    context.fill();
    context.strokeStyle = this.pointed?.pair === pair ? theme.primary : css(theme.ink, 0.25);
    context.lineWidth = this.pointed?.pair === pair ? 2.5 : 1;
    context.stroke();
    // The wedge is the way from the position before: the hand's speed.
    context.beginPath();
    context.moveTo(x, y);
    context.arc(x, y, radius - 1, canvasAngle - Math.min(this.rates[pair], 2 * Math.PI), canvasAngle);
    context.closePath();
    context.fillStyle = css(mixed(theme.background, this.wedge(), theme.dark ? 0.5 : 0.3));
    context.fill();
    const tip = [x + (radius - 1) * Math.sin(angle), y - (radius - 1) * Math.cos(angle)];
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(...tip);
    context.strokeStyle = theme.text;
    context.lineWidth = radius > 12 ? 2 : 1.5;
    context.lineCap = "round";
    context.stroke();
    context.lineCap = "butt";
  }

  wedge() {
    return this.theme.dark ? [111, 177, 240] : [33, 102, 172];
  }
}
