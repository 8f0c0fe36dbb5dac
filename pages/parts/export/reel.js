// A film of the recorded moments between two steps: each moment is fetched, painted with the picture's own painters,
// and added to a GIF, or shown to the browser's video recorder.

import { framed, pixels } from "./figure.js";

const MOST_FRAMES = 120;
const MOST_BYTES = 16e6;
const WIDEST_PX = 800;
const PATIENCE_MS = 4000;
const FRAME_MS = 90;
const LAST_MS = 1500;
const VIDEOS = ["video/mp4;codecs=avc1.42E01E", "video/mp4", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** The kind of video that this browser can record; undefined where it can none. */
export function videoType() {
  return window.MediaRecorder && VIDEOS.find((type) => MediaRecorder.isTypeSupported(type));
}

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

/** At most so many of the moments from `first` to `last`, evenly chosen, both ends among them. */
export function chosenMoments(moments, first, last, most = MOST_FRAMES) {
  const between = moments.filter((step) => step >= first && step <= last);
  if (between.length <= most) return between;
  return Array.from({ length: most }, (_, at) => between[Math.round((at * (between.length - 1)) / (most - 1))]);
}

/** Every moment's figure in turn; the view is left at the step where it was. */
async function* filmed(view, steps, only, wanted) {
  const before = view.step;
  const room = { canvas: document.createElement("canvas"), ...framed(view, only) };
  const ratio = Math.min(1, WIDEST_PX / room.width);
  view.replay(false);
  try {
    for (const step of steps) {
      if (!wanted()) return;
      view.step = step;
      view.attend();
      const since = performance.now();
      while (!view.feeds.every((feed) => feed.picture(step)) && performance.now() - since < PATIENCE_MS) await rest(15);
      view.painting.paint();
      // Values in a legend change its height: the first moment and the one shown before tell how much room there is.
      if (step === steps[0]) room.height = Math.max(room.height, framed(view, only).height);
      yield { step, canvas: pixels(view, ratio, only, room) };
      await rest(0);
    }
  } finally {
    view.step = before;
    view.attend();
    view.redraw();
  }
}

/** @returns {blob, frames, cut}: `cut` is the step at which the file was as large as one may be, else null */
export async function gif(view, steps, { only, progress, wanted }) {
  const { GIFEncoder, quantize, applyPalette } = gifenc;
  const encoder = GIFEncoder();
  let [frames, cut] = [0, null];
  for await (const { step, canvas } of filmed(view, steps, only, wanted)) {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const palette = quantize(data, 256);
    const delay = frames === steps.length - 1 ? LAST_MS : FRAME_MS;
    encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay });
    frames += 1;
    progress(frames, steps.length);
    if (encoder.bytesView().length > MOST_BYTES && frames < steps.length) {
      cut = step;
      break;
    }
  }
  encoder.finish();
  return { blob: new Blob([encoder.bytes()], { type: "image/gif" }), frames, cut };
}

/** The same as a video, in real time: a recorder takes what is shown when it is shown. */
export async function video(view, steps, { only, progress, wanted }) {
  const type = videoType();
  const shown = document.createElement("canvas");
  const parts = [];
  let [frames, recorder, ended, track] = [0, null, null, null];
  for await (const { canvas } of filmed(view, steps, only, wanted)) {
    const began = performance.now();
    if (!recorder) {
      [shown.width, shown.height] = [canvas.width, canvas.height];
      const stream = shown.captureStream(0);
      [track] = stream.getVideoTracks();
      recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 4e6 });
      recorder.ondataavailable = ({ data }) => parts.push(data);
      ended = new Promise((done) => { recorder.onstop = done; });
      shown.getContext("2d").drawImage(canvas, 0, 0);
      recorder.start();
    }
    shown.getContext("2d").drawImage(canvas, 0, 0);
    track.requestFrame();
    frames += 1;
    progress(frames, steps.length);
    await rest(Math.max(0, FRAME_MS - (performance.now() - began)));
  }
  if (recorder) {
    await rest(LAST_MS / 3);
    track.requestFrame();
    recorder.stop();
    await ended;
  }
  return { blob: new Blob(parts, { type: type.split(";")[0] }), frames, cut: null };
}
