// Two dimensions: where the data lie, where the generator puts its points, what the discriminator believes between.

import { Card, make } from "./canvas.js";
import { Marker } from "./markers.js";
import { ticks } from "./numbers.js";
import { ofSamples, ofSteps, paintNet, paintPath } from "./strokes.js";
import { colourTable, css, diverging, rgb } from "./theme.js";

const MARGIN = { left: 32, right: 14, top: 8, bottom: 20 };
/** Layers that are off at first: a switch that waits is not struck through. */
const EXTRAS = ["optimal", "manifold", "arrows"];
const PROBABILITY = { low: 0, mid: 0.5, high: 1 };

export class PlanePanel extends Card {
  constructor(view, panel, slot, layers) {
    super(view, panel.title, "tl-plane");
    this.panel = panel;
    this.slot = slot;
    this.layers = layers;
    this.sheet = document.createElement("canvas");
    this.back = document.createElement("canvas");
    this.chips = this.makeChips();
    this.scale = make("div", { class: "tl-scale" });
    this.outside = make("span", { class: "tl-outside" });
    this.outside.hidden = true;
    const chips = make("div", { class: "tl-chips" }, ...this.chips.map(({ chip }) => chip));
    this.foot.append(chips, this.outside, this.scale);
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
  }

  get feed() {
    return this.view.feeds[this.slot];
  }

  makeChips() {
    const { panel, view } = this;
    const label = (layer) => panel.labels?.[layer] ?? view.speech.say(`layer_${layer}`);
    const shown = {
      data: panel.data?.length, samples: panel.points, ema: panel.ema, surface: panel.surface, optimal: panel.optimal,
      manifold: panel.manifold, arrows: panel.arrows, field: panel.field, path: panel.path,
    };
    return Object.keys(shown).filter((layer) => shown[layer]).map((layer) => {
      const swatch = make("i", { class: `tl-swatch tl-swatch-${layer}` });
      const kind = EXTRAS.includes(layer) ? "tl-chip tl-extra" : "tl-chip";
      const chip = make("button", { class: kind, type: "button", "aria-pressed": "true" }, swatch, label(layer));
      chip.title = view.speech.say("toggle_layer", { layer: label(layer) });
      chip.addEventListener("click", () => this.view.toggle(layer));
      return { layer, chip };
    });
  }

  /** The surface that is shown: D*, where it is switched on, before D; with its name. */
  ground(picture) {
    const { panel, layers } = this;
    const optimal = layers.optimal ? picture?.arrays[panel.optimal] : null;
    if (optimal) return { surface: optimal, symbol: "D*", fixed: true };
    const surface = picture?.arrays[panel.surface];
    return surface && { surface, symbol: panel.surface_symbol ?? "D", fixed: false, hidden: !layers.surface };
  }

  /** The values at which the colour scale is saturated: fixed for probabilities, symmetric about the middle else. */
  range({ surface, fixed: known }) {
    if (known) return PROBABILITY;
    const { surface_mid: mid = 0.5, surface_range: fixed } = this.panel;
    if (fixed) return { low: fixed[0], mid, high: fixed[1] };
    if (mid === 0.5 && surface.low >= 0 && surface.high <= 1) return { low: 0, mid, high: 1 };
    const reach = Math.max(Math.abs(surface.low - mid), Math.abs(surface.high - mid)) || 1;
    const power = 10 ** Math.floor(Math.log10(reach));
    const nice = power * [1, 2, 5, 10].find((candidate) => candidate * power >= reach);
    return { low: mid - nice, mid, high: mid + nice };
  }

  paint(theme) {
    const picture = this.view.pictureOf(this.feed);
    for (const { layer, chip } of this.chips) chip.setAttribute("aria-pressed", String(this.layers[layer]));
    this.waiting(!picture, picture ? "" : this.waitingFor(this.feed));
    const { width, height, ratio } = this;
    const side = Math.min(width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
    if (side <= 0) return;
    const [x0, x1, y0, y1] = this.panel.extent;
    this.frame = { left: MARGIN.left, top: MARGIN.top, side, x0, x1, y0, y1 };
    this.dress(theme);
    const context = this.wiped();
    const ground = this.ground(picture);
    if (ground && !ground.hidden) this.paintSurface(context, ground, theme);
    context.drawImage(this.back, 0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top, side, side);
    context.clip();
    this.paintStrokes(context, theme, picture);
    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const [layer, array] of [["samples", this.panel.points], ["ema", this.panel.ema]]) {
      const points = picture?.arrays[array];
      if (points && this.layers[layer]) this.stampAll(context, this.markers[layer], points.data, ratio);
    }
    context.restore();
    this.showScale(ground, theme);
    this.countOutside(this.layers.samples ? picture?.arrays[this.panel.points] : null);
    if (this.pointer) this.hover(this.pointer);
  }

  /** What is drawn with lines: the generator's net, the pull on samples, the directions of both players, the path. */
  paintStrokes(context, theme, picture) {
    const { panel, layers, frame } = this;
    const array = (layer) => (layers[layer] ? picture?.arrays[panel[layer]] : null);
    const [net, arrows, field, path] = ["manifold", "arrows", "field", "path"].map(array);
    if (net) paintNet(context, theme, frame, net);
    if (field) ofSteps(context, theme, frame, field);
    if (path) paintPath(context, theme, frame, path);
    if (arrows) ofSamples(context, theme, frame, arrows);
  }

  /** Everything that stays while the run learns: frame, ticks and data, drawn once per size and theme. */
  dress(theme) {
    const { width, height, ratio, frame } = this;
    const dressed = [width, height, ratio, theme.id, this.layers.data].join("|");
    if (dressed === this.dressed) return;
    this.dressed = dressed;
    const outline = css(theme.background, 0.9);
    this.markers = {
      data: new Marker("disc", css(rgb(theme.data), theme.dark ? 0.55 : 0.45), outline, 1.7, ratio),
      samples: new Marker("diamond", theme.samples, outline, 2.2, ratio),
      ema: new Marker("ring", css(rgb(theme.ema), 0.8), outline, 2.1, ratio),
    };
    this.back.width = Math.round(width * ratio);
    this.back.height = Math.round(height * ratio);
    const context = this.back.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawAxes(context, theme);
    if (!this.layers.data) return;
    context.beginPath();
    context.rect(frame.left, frame.top, frame.side, frame.side);
    context.clip();
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.stampAll(context, this.markers.data, (this.panel.data ?? []).flat(), ratio);
  }

  drawAxes(context, theme) {
    const { left, top, side, x0, x1, y0, y1 } = this.frame;
    const { speech } = this.view;
    context.strokeStyle = theme.axis;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, side - 1, side - 1);
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.muted;
    const [across, up] = [ticks(x0, x1, 4), ticks(y0, y1, 4)];
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const x of across.values) {
      const at = left + ((x - x0) / (x1 - x0)) * side;
      context.fillText(speech.tick(x, across.step), at, top + side + 5);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const y of up.values) {
      const at = Math.min(top + side - 5, Math.max(top + 5, top + ((y1 - y) / (y1 - y0)) * side));
      context.fillText(speech.tick(y, up.step), left - 6, at);
    }
    const [across_name, up_name] = this.panel.axes ?? [];
    if (!across_name) return;
    context.textAlign = "right";
    context.fillText(across_name, left + side - 6, top + side - 10);
    context.textAlign = "left";
    context.fillText(up_name, left + 6, top + 10);
  }

  stampAll(context, marker, data, ratio) {
    const { left, top, side, x0, x1, y0, y1 } = this.frame;
    const [across, up] = [(side / (x1 - x0)) * ratio, (side / (y1 - y0)) * ratio];
    for (let index = 0; index + 1 < data.length; index += 2) {
      const x = left * ratio + (data[index] - x0) * across;
      const y = top * ratio + (y1 - data[index + 1]) * up;
      if (x > -20 && y > -20 && x < 1e5 && y < 1e5) marker.stamp(context, x, y);
    }
  }

  paintSurface(context, ground, theme) {
    const { surface } = ground;
    const [rows, columns] = surface.shape;
    const range = this.range(ground);
    const span = surface.high - surface.low;
    const table = colourTable((byte) => diverging(theme, surface.low + (byte / 255) * span, range));
    if (this.sheet.width !== columns || this.sheet.height !== rows) {
      [this.sheet.width, this.sheet.height] = [columns, rows];
      this.image = new ImageData(columns, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    for (let row = 0; row < rows; row += 1) {
      const from = (rows - 1 - row) * columns;
      for (let column = 0; column < columns; column += 1) {
        this.pixels[row * columns + column] = table[surface.data[from + column]];
      }
    }
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
    const { left, top, side } = this.frame;
    // The grid's outer nodes lie on the frame, so half a pixel of the sheet stays outside on every side.
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "low";
    context.drawImage(this.sheet, 0.5, 0.5, columns - 1, rows - 1, left, top, side, side);
    this.paintContour(context, surface, range.mid, theme);
  }

  /** The line on which the surface takes its middle value: marching squares with linear interpolation. */
  paintContour(context, { data, shape, low, high }, mid, theme) {
    const [rows, columns] = shape;
    const level = ((mid - low) / (high - low || 1)) * 255;
    const { left, top, side } = this.frame;
    const [dx, dy] = [side / (columns - 1), side / (rows - 1)];
    context.beginPath();
    for (let row = 0; row + 1 < rows; row += 1) {
      for (let column = 0; column + 1 < columns; column += 1) {
        const at = row * columns + column;
        const [a, b, c, d] = [data[at], data[at + 1], data[at + columns + 1], data[at + columns]];
        const sign = (a > level) + 2 * (b > level) + 4 * (c > level) + 8 * (d > level);
        if (sign === 0 || sign === 15) continue;
        // Where the surface is flat within its quantisation, a line would be an accident.
        if (Math.max(a, b, c, d) - Math.min(a, b, c, d) < 2) continue;
        const cuts = [];
        if ((a > level) !== (b > level)) cuts.push([column + (level - a) / (b - a), row]);
        if ((b > level) !== (c > level)) cuts.push([column + 1, row + (level - b) / (c - b)]);
        if ((d > level) !== (c > level)) cuts.push([column + (level - d) / (c - d), row + 1]);
        if ((a > level) !== (d > level)) cuts.push([column, row + (level - a) / (d - a)]);
        for (let cut = 0; cut + 1 < cuts.length; cut += 2) {
          context.moveTo(left + cuts[cut][0] * dx, top + side - cuts[cut][1] * dy);
          context.lineTo(left + cuts[cut + 1][0] * dx, top + side - cuts[cut + 1][1] * dy);
        }
      }
    }
    context.strokeStyle = theme.contour;
    context.lineWidth = 1;
    context.stroke();
  }

  /** Samples that the frame cuts off are said in numbers; the place stays, so that the legend does not jump. */
  countOutside(points) {
    const { x0, x1, y0, y1 } = this.frame;
    const data = points?.data ?? [];
    let count = 0;
    for (let index = 0; index + 1 < data.length; index += 2) {
      const [x, y] = [data[index], data[index + 1]];
      if (!(x >= x0 && x <= x1 && y >= y0 && y <= y1)) count += 1;
    }
    const { speech } = this.view;
    const fields = { count: speech.count(count), total: speech.count(data.length / 2) };
    const said = count ? speech.say("outside", fields) : "";
    if (said) this.outside.hidden = false;
    this.outside.style.visibility = said ? "visible" : "hidden";
    if (said && this.outside.textContent !== said) this.outside.textContent = said;
  }

  /** The legend of the surface's colours, with the values at both ends and the line on which it takes the middle. */
  showScale(ground, theme) {
    this.scale.style.visibility = ground && !ground.hidden ? "visible" : "hidden";
    if (!ground) return;
    const range = this.range(ground);
    const said = [theme.id, range.low, range.mid, range.high, ground.symbol].join("|");
    if (said === this.scaled) return;
    this.scaled = said;
    const stops = Array.from({ length: 17 }, (_, index) => {
      const value = range.low + ((range.high - range.low) * index) / 16;
      return css(diverging(theme, value, range));
    });
    const bar = make("i", { class: "tl-bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const { speech } = this.view;
    const middle = make("i", { class: "tl-mid" });
    middle.style.left = `${((range.mid - range.low) / (range.high - range.low)) * 100}%`;
    const line = make("i", { class: "tl-contour" });
    line.style.background = middle.style.background = theme.contour;
    const name = `${ground.symbol} = ${range.mid === 0.5 ? "½" : speech.brief(range.mid)}`;
    const label = (value) => make("span", { text: speech.brief(value) });
    const ramp = make("span", { class: "tl-ramp" }, bar, middle);
    this.scale.replaceChildren(line, make("span", { class: "tl-named", text: name }), label(range.low), ramp);
    this.scale.append(label(range.high));
  }

  /** The surface's value at (x, y), interpolated between the nodes of its grid. */
  believed({ data, shape, low, high }, x, y) {
    const [rows, columns] = shape;
    const { x0, x1, y0, y1 } = this.frame;
    const across = Math.min(columns - 1, Math.max(0, ((x - x0) / (x1 - x0)) * (columns - 1)));
    const up = Math.min(rows - 1, Math.max(0, ((y - y0) / (y1 - y0)) * (rows - 1)));
    const [column, row] = [Math.min(columns - 2, Math.floor(across)), Math.min(rows - 2, Math.floor(up))];
    const [u, v] = [across - column, up - row];
    const at = row * columns + column;
    const lower = data[at] * (1 - u) + data[at + 1] * u;
    const upper = data[at + columns] * (1 - u) + data[at + columns + 1] * u;
    return low + ((lower * (1 - v) + upper * v) / 255) * (high - low);
  }

  hover(event) {
    this.pointer = event && { offsetX: event.offsetX, offsetY: event.offsetY };
    const picture = this.view.pictureOf(this.feed);
    if (!event || !this.frame) {
      this.readout.textContent = "";
      return;
    }
    const { left, top, side, x0, x1, y0, y1 } = this.frame;
    const [across, down] = [(event.offsetX - left) / side, (event.offsetY - top) / side];
    if (across < 0 || across > 1 || down < 0 || down > 1) {
      this.readout.textContent = "";
      return;
    }
    const [x, y] = [x0 + across * (x1 - x0), y1 - down * (y1 - y0)];
    const { speech } = this.view;
    const { surface: name, optimal } = this.panel;
    const read = (array, symbol) => {
      const surface = picture?.arrays[array];
      return surface ? `  ${symbol} ${speech.value(this.believed(surface, x, y))}` : "";
    };
    const point = `(${speech.fixed(x, 2)}, ${speech.fixed(y, 2)})`;
    this.readout.textContent = point + read(name, this.panel.surface_symbol ?? "D") + read(optimal, "D*");
  }

  /** What the picture shows, in words. */
  tell() {
    const picture = this.view.pictureOf(this.feed);
    const { speech } = this.view;
    if (!picture) return speech.say("waiting_first");
    const points = picture.arrays[this.panel.points];
    const surface = picture.arrays[this.panel.surface];
    const count = points ? points.shape[0] : 0;
    const every = Array.from({ length: count }, (_, index) => index);
    const mean = (of) => every.reduce((sum, index) => sum + of(index), 0) / count;
    const [x, y] = [0, 1].map((axis) => mean((index) => points.data[2 * index + axis]));
    const far = mean((index) => Math.hypot(points.data[2 * index] - x, points.data[2 * index + 1] - y));
    const said = speech.say("alt_plane", {
      title: this.title.textContent, points: speech.count(count), step: speech.count(picture.step),
      x: speech.value(x), y: speech.value(y), spread: speech.value(far),
    });
    if (!surface || !count || !this.frame) return said;
    const belief = mean((index) => this.believed(surface, points.data[2 * index], points.data[2 * index + 1]));
    return `${said} ${speech.say("alt_plane_surface", { mean: speech.value(belief) })}`;
  }
}
