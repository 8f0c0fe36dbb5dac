// A generator's forward pass in the browser, with the weights of the running model: perceptron and DCGAN layer by layer,
// the style generator with its mapping network, truncation, AdaIN and per-pixel noise. Agrees with PyTorch to 1e-4.

import { around, linear, upwards } from "./decoder.js";

const STEPS = { linear, up: upwards, around };
const SLOPE = 0.2;
const TINY = { style: 1e-8, map: 1e-6 };

/** Uniform numbers in 0 … 1 from a seed (Mulberry32), and standard normal ones from those (Box and Muller). */
export function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return (count) => Float32Array.from({ length: count }, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

export class Synthesis {
  /** @param scene what `pages/parts/image_gan/slide` sends; `bytes` holds all its weights, in order */
  constructor(scene, bytes) {
    const numbers = new Float32Array(bytes);
    let at = 0;
    const taken = (count) => numbers.subarray(at, (at += count));
    const layer = (told) => ({ ...told, weight: taken(told.weights), bias: taken(told.biases) });
    Object.assign(this, { latent: scene.latent, classes: scene.classes, style: scene.style });
    this.layers = scene.layers.map(layer);
    if (!scene.style) return;
    this.mapping = scene.mapping.map(layer);
    this.tuning = scene.tuning.map(layer);
    this.mean = taken(scene.style);
    this.begin = taken(scene.begin);
    this.strengths = scene.strengths.map(taken);
  }

  /** Pixels in 0 … 1. @param mix one number per class, @param pixel draws per-pixel noise, or null for none */
  picture(z, mix, psi, pixel = null) {
    const logits = this.style ? this.paint(this.styleOf(z, mix, psi), pixel) : this.plain(z, mix, psi);
    return logits.map((value) => 1 / (1 + Math.exp(-value)));
  }

  plain(z, mix, psi) {
    let x = Float32Array.from([...z.map((value) => psi * value), ...mix]);
    for (const layer of this.layers) {
      x = STEPS[layer.kind](layer, x);
      if (layer.relu) x = x.map((value) => Math.max(0, value));
    }
    return x;
  }

  styleOf(z, mix, psi) {
    const size = 1 / Math.sqrt(z.reduce((sum, value) => sum + value * value, 0) / z.length + TINY.style);
    let w = Float32Array.from([...z.map((value) => size * value), ...mix]);
    for (const layer of this.mapping) w = leaky(linear(layer, w));
    return w.map((value, index) => this.mean[index] + psi * (value - this.mean[index]));
  }

  paint(w, pixel) {
    let map = this.begin;
    this.tuning.forEach((tuning, index) => {
      if (index) map = STEPS[this.layers[index - 1].kind](this.layers[index - 1], map);
      map = this.tuned(map, linear(tuning, w), this.strengths[index], pixel);
    });
    const last = this.layers.at(-1);
    return STEPS[last.kind](last, map);
  }

  /** Noise, a leaky slope, and AdaIN: every channel at the mean and deviation that the style asks for. */
  tuned(map, told, strength, pixel) {
    const channels = told.length / 2;
    const size = map.length / channels;
    const noise = pixel?.(size);
    const found = new Float32Array(map.length);
    for (let channel = 0; channel < channels; channel += 1) {
      const from = channel * size;
      let [sum, squares] = [0, 0];
      for (let place = 0; place < size; place += 1) {
        const value = map[from + place] + (noise ? strength[channel] * noise[place] : 0);
        found[from + place] = value > 0 ? value : SLOPE * value;
        sum += found[from + place];
      }
      const mean = sum / size;
      for (let place = 0; place < size; place += 1) squares += (found[from + place] - mean) ** 2;
      const scale = (1 + told[channel]) / Math.sqrt(squares / size + TINY.map);
      for (let place = from; place < from + size; place += 1) found[place] = (found[place] - mean) * scale + told[channels + channel];
    }
    return found;
  }
}

function leaky(x) {
  return x.map((value) => (value > 0 ? value : SLOPE * value));
}
