// Markers of points, drawn once and stamped many times.

const PHASES = 4;

/** Marker pictures at quarter-pixel offsets: points move smoothly and are stamped without resampling. */
export class Marker {
  constructor(shape, colour, outline, radius, ratio) {
    this.side = Math.ceil((radius + 1.5) * 2 * ratio) + 1;
    this.stamps = [];
    for (let phase = 0; phase < PHASES * PHASES; phase += 1) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = this.side;
      const context = canvas.getContext("2d");
      const shift = (index) => this.side / 2 + (index + 0.5) / PHASES - 0.5;
      context.translate(shift(phase % PHASES), shift(Math.floor(phase / PHASES)));
      context.scale(ratio, ratio);
      this.trace(context, shape, radius);
      context.lineWidth = shape === "ring" ? 1.1 : 1.2;
      context.strokeStyle = shape === "ring" ? colour : outline;
      if (shape !== "disc") context.stroke();
      context.fillStyle = colour;
      if (shape !== "ring") context.fill();
      this.stamps.push(canvas);
    }
  }

  trace(context, shape, radius) {
    context.beginPath();
    if (shape === "diamond") {
      const reach = radius * 1.3;
      context.moveTo(0, -reach);
      context.lineTo(reach, 0);
      context.lineTo(0, reach);
      context.lineTo(-reach, 0);
      context.closePath();
    } else context.arc(0, 0, radius, 0, 2 * Math.PI);
  }

  /** Stamp the marker at (x, y) in device pixels. */
  stamp(context, x, y) {
    const [left, top] = [x - this.side / 2, y - this.side / 2];
    const [column, row] = [Math.floor(left), Math.floor(top)];
    const phase = Math.floor((left - column) * PHASES) + PHASES * Math.floor((top - row) * PHASES);
    context.drawImage(this.stamps[phase], column, row);
  }
}
