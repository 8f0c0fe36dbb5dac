// A decoder's forward pass in the browser: linear layers, transposed convolutions of kernel 4, stride 2, padding 1, and
// convolutions of kernel 3, padding 1, with the weights of the running model (float32, as PyTorch lays them out). Agrees with PyTorch to 1e-5.

const KERNEL = 4;

/** x: channels × side × side → out × side × side, by a kernel of 3 with padding 1. */
export function around({ weight, bias, out, side }, x) {
  const y = new Float32Array(out * side * side);
  const inputs = x.length / (side * side);
  for (let channel = 0; channel < out; channel += 1) {
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        let sum = bias[channel];
        for (let tap = 0; tap < 9; tap += 1) {
          const [at, place] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
          if (at < 0 || at >= side || place < 0 || place >= side) continue;
          for (let input = 0; input < inputs; input += 1) {
            sum += x[(input * side + at) * side + place] * weight[(channel * inputs + input) * 9 + tap];
          }
        }
        y[(channel * side + row) * side + column] = sum;
      }
    }
  }
  return y;
}

const LAYERS = { linear, up: upwards, around };

export function linear({ weight, bias }, x) {
  const outputs = bias.length;
  const inputs = x.length;
  const y = new Float32Array(outputs);
  for (let row = 0; row < outputs; row += 1) {
    let sum = bias[row];
    const start = row * inputs;
    for (let column = 0; column < inputs; column += 1) sum += weight[start + column] * x[column];
    y[row] = sum;
  }
  return y;
}

/** x: channels × side × side → out × 2·side × 2·side; each pixel is spread over the 4×4 places it touches. */
export function upwards({ weight, bias, out, side }, x) {
  const wide = 2 * side;
  const y = new Float32Array(out * wide * wide);
  for (let channel = 0; channel < out; channel += 1) y.fill(bias[channel], channel * wide * wide, (channel + 1) * wide * wide);
  const inputs = x.length / (side * side);
  for (let input = 0; input < inputs; input += 1) {
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const value = x[(input * side + row) * side + column];
        if (value) spread(y, weight, value, { input, out, row, column, wide });
      }
    }
  }
  return y;
}

function spread(y, weight, value, { input, out, row, column, wide }) {
  for (let channel = 0; channel < out; channel += 1) {
    const taps = (input * out + channel) * KERNEL * KERNEL;
    for (let down = 0; down < KERNEL; down += 1) {
      const at = 2 * row - 1 + down;
      if (at < 0 || at >= wide) continue;
      for (let across = 0; across < KERNEL; across += 1) {
        const place = 2 * column - 1 + across;
        if (place >= 0 && place < wide) y[(channel * wide + at) * wide + place] += value * weight[taps + down * KERNEL + across];
      }
    }
  }
}

export class Decoder {
  /** @param layers [{kind, weights, biases, relu, out, side}], counts of numbers in `bytes`, in order */
  constructor(layers, bytes, latent, classes) {
    const numbers = new Float32Array(bytes);
    let at = 0;
    const taken = (count) => numbers.subarray(at, (at += count));
    this.layers = layers.map((layer) => ({ ...layer, weight: taken(layer.weights), bias: taken(layer.biases) }));
    Object.assign(this, { latent, classes });
  }

  /** Pixels in 0 … 1 of the code `z`; `label` where the decoder is told a class. */
  decode(z, label = 0) {
    let x = new Float32Array(this.latent + this.classes);
    x.set(z);
    if (this.classes) x[this.latent + label] = 1;
    for (const layer of this.layers) {
      x = LAYERS[layer.kind](layer, x);
      if (layer.relu) for (let index = 0; index < x.length; index += 1) x[index] = Math.max(0, x[index]);
    }
    return x.map((value) => 1 / (1 + Math.exp(-value)));
  }
}
