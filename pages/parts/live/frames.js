// One binary frame is a JSON header and the arrays it names; see state/frames.py. Arrays are views, never copies.

const VIEWS = { u1: Uint8Array, i4: Int32Array, f4: Float32Array };
const UTF8 = new TextDecoder();

/**
 * @param {ArrayBuffer} buffer one frame
 * @returns the header's fields, with `arrays` by name as {data, shape, low, high} and the frame's size in `bytes`
 */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(UTF8.decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const { name, dtype, shape, offset, low, high } of header.arrays) {
    const count = shape.reduce((product, side) => product * side, 1);
    arrays[name] = { data: new VIEWS[dtype](buffer, 4 + length + offset, count), shape, low, high };
  }
  return { ...header, arrays, bytes: buffer.byteLength };
}

/** The bytes of a base64 text, for frames that travel inside the component's data. */
export function unpacked(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

/** The same for what was deflated as well (zlib, RFC 1950), as a promise: browsers inflate in a stream. */
export function inflated(base64) {
  const stream = new Blob([unpacked(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
