// What a head does, in words: from its own map, from its scores, for those who cannot see the picture.

import { weightsOf } from "./maps.js";
import { PADDING } from "./tokens.js";

const SPREAD = 0.3;

/**
 * What a map mostly does, in one word and number: the mean weight that queries put on the key at a fixed distance, at
 * the mirrored place, or on one and the same key; whichever is largest.
 * @param {boolean[]} counted which queries are no padding
 */
export function habitOf({ rows, columns, values }, counted) {
  const kinds = {
    offset: { from: 1 - rows, at: (row, column) => column - row },
    key: { from: 0, at: (row, column) => column },
    mirror: { from: 0, at: (row, column) => column + row },
  };
  let queries = 0;
  for (const kind of Object.values(kinds)) {
    kind.sums = new Float64Array(rows + columns);
    kind.counts = new Uint16Array(rows + columns);
  }
  for (let row = 0; row < rows; row += 1) {
    if (counted[row] === false) continue;
    queries += 1;
    for (const { from, at, sums, counts } of Object.values(kinds)) {
      for (let column = 0; column < columns; column += 1) {
        const place = at(row, column) - from;
        sums[place] += values[row * columns + column];
        counts[place] += 1;
      }
    }
  }
  let best = { kind: "none", at: 0, mean: 0 };
  for (const [kind, { from, sums, counts }] of Object.entries(kinds)) {
    sums.forEach((sum, place) => {
      // A diagonal that few queries have says little of the head.
      if (counts[place] < Math.max(2, 0.6 * queries)) return;
      const mean = sum / counts[place];
      if (mean > best.mean + 0.01) best = { kind, at: place + from, mean };
    });
  }
  return best;
}

/** What one head does, in a sentence: from its own map and its clearest role. */
export function sentenceOf(speech, picture, groups, chosen, example, tokens) {
  const { array } = groups.find(({ name }) => name === chosen.group);
  const map = weightsOf(picture.arrays[array], example, chosen.layer, chosen.head);
  if (!map) return "";
  const { kind, at, mean } = habitOf(map, (tokens?.queries ?? []).map((text) => text !== PADDING));
  const fields = { mean: speech.fixed(mean, 2), count: Math.abs(at), key: tokens?.keys?.[at] ?? at + 1, place: at + 1 };
  if (kind === "none" || mean < SPREAD) return speech.say("habit_none", fields);
  if (kind === "key") return speech.say("habit_key", fields);
  if (kind === "mirror") return speech.say("habit_mirror", fields);
  if (at === 0) return speech.say("habit_same", fields);
  if (at === -1) return speech.say("habit_before", fields);
  if (at === 1) return speech.say("habit_after", fields);
  return speech.say(at < 0 ? "habit_earlier" : "habit_later", fields);
}

/** A head's roles with their scores: [{name, score}]. */
export function rolesOf(panel, picture, { group, layer, head }) {
  const { array, names } = panel.roles?.[group] ?? {};
  const { data, shape } = picture?.arrays[array] ?? {};
  if (!data || layer >= shape[0] || head >= shape[1]) return [];
  const begin = (layer * shape[1] + head) * shape[2];
  return names.slice(0, shape[2]).map((name, role) => ({ name, score: data[begin + role] }));
}

/** The clearest role above `least`; null where there is none. */
export function roleOf(panel, picture, chosen, least = 0.5) {
  const clearer = (most, role) => (role.score > (most?.score ?? least) ? role : most);
  return rolesOf(panel, picture, chosen).reduce(clearer, null);
}

/** How much of the head's attention lies where the task demands it; null where the task demands nothing of it. */
export function agreementOf(panel, picture, { group, layer, head }) {
  const { group: demanded, array } = panel.agreement ?? {};
  const { data, shape } = picture?.arrays[array] ?? {};
  return demanded === group && data && layer < shape[0] && head < shape[1] ? data[layer * shape[1] + head] : null;
}

/** " at step 180", or nothing for a picture that belongs to no training. */
export function whereOf(speech, feed, picture) {
  return feed?.still ? "" : ` ${speech.say("alt_at_step", { step: speech.count(picture.step) })}`;
}
