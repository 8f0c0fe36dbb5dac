// Where the cards stand: pictures first, curves beside them while they fit, the transport under both.

import { SIDE, planned } from "./board.js";
import { make } from "./canvas.js";

const CURVE_PX = 196;
const LARGE_PX = 100;
const ANSWER_PX = 19;
const ANSWERS_PX = 54;
const SHARE = { grid: 0.45, large: 0.55 };

/** How many curves fill the place under a grid of heads that is lower than the large picture beside it. */
function under(panel, width) {
  const blocks = panel.groups.map(({ name, label, layers = 2, heads = 4 }) => ({ name, label, layers, heads }));
  const room = SHARE.grid * width - 30;
  const grid = planned(blocks, room, room).height + 2 * SIDE.title + 30;
  const answers = Math.max(0, ...(panel.examples ?? []).map(({ targets }) => targets?.length ?? 0));
  const lines = Math.min(3, Math.ceil((answers * ANSWER_PX) / (SHARE.large * width - 90)));
  const large = 0.94 * (SHARE.large * width - 30) + LARGE_PX + lines * ANSWERS_PX;
  return Math.max(0, Math.min(3, Math.floor((large - grid) / CURVE_PX)));
}

/**
 * @param pictures cards of pictures in order; several runs stand side by side
 * @param lines cards of curves
 */
export function arranged({ pictures, lines, transport, runs, width }) {
  const grid = pictures.find(({ panel }) => panel.kind === "heads");
  const pair = runs.length === 1 && grid && pictures.some(({ panel }) => panel.kind === "head");
  const across = runs.length > 1 ? runs.length : Math.min(2, Math.max(1, pictures.length));
  const attention = pictures.some(({ panel }) => panel.kind === "head");
  let beside = !pictures.length ? 0 : across === 1 ? 4 : across === 2 && !attention ? 2 : 0;
  if (pair) beside = under(grid.panel, width);
  if (pair && !Math.min(beside, lines.length)) grid.mayBeTall();
  const broad = pictures.filter(({ panel }) => panel.kind === "bands" && !panel.plain);
  if (broad.length) beside = 0;
  const elements = (cards) => cards.map(({ element }) => element);
  const pictured = pair ? pictures.filter(({ panel }) => ["heads", "head"].includes(panel.kind)) : pictures;
  const first = broad.length ? broad : pictured;
  const rest = pictures.filter((card) => !first.includes(card));
  const shown = make("div", { class: "tl-pictures" }, ...elements(first));
  shown.style.setProperty("--tl-across", broad.length || across);
  const near = make("div", { class: "tl-near" }, ...elements(lines.slice(0, beside)));
  const more = make("div", { class: "tl-more" }, ...elements([...rest, ...lines.slice(beside)]));
  const still = runs.every((run) => run.static);
  const whole = make("div", { class: `tl-grid tl-across-${across}` }, shown, near, still ? null : transport, more);
  near.hidden = !near.children.length;
  more.hidden = !more.children.length;
  whole.classList.toggle("tl-bare", near.hidden);
  whole.classList.toggle("tl-pair", Boolean(pair));
  whole.classList.toggle("tl-broad", Boolean(broad.length));
  return whole;
}
