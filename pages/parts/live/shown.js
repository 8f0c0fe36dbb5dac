// What the large picture shows of a run: one head, an average, or a difference, as a map of weights.

import { averageOf, differenceOf, topMass, weightsOf } from "./maps.js";

/** The picture of a pinned step, kept as long as it is pinned; null while it is still on its way. */
export function pinnedPicture(feed, step) {
  if (step === null) feed.pinned = null;
  else if (feed.pinned?.step !== step) {
    const picture = feed.picture(step) ?? (feed.newest?.step === step ? feed.newest : null);
    feed.pinned = picture ? { step, picture } : null;
  }
  return feed.pinned?.picture ?? null;
}

function whole(array) {
  return Array.from({ length: array.shape[1] }, (_, layer) => layer);
}

/** The map to show in the column of run `slot`; null while there is none, with `missing` naming what is. */
export function shownMap(view, panel, slot) {
  const { choice, feeds } = view;
  const feed = feeds[slot];
  const picture = view.pictureOf(feed);
  const chosen = choice.headIn(panel.groups);
  const arrayOf = (from, group) => from?.arrays[panel.groups.find(({ name }) => name === group)?.array];
  const mapOf = (from, head = chosen) => {
    const array = arrayOf(from, head.group);
    if (array?.shape.length !== 5) return null;
    return weightsOf(array, Math.min(choice.example, array.shape[0] - 1), head.layer, head.head);
  };
  if (!picture) return { missing: "picture" };
  const map = mapOf(picture);
  if (!map) return { missing: "head" };
  const array = arrayOf(picture, chosen.group);
  const example = Math.min(choice.example, array.shape[0] - 1);
  const thinned = (kept) => ({ map: choice.mass < 100 ? topMass(kept, choice.mass / 100) : kept, exact: map });
  const against = (other) => {
    const map = differenceOf(mapOf(picture), other);
    return map ? { map } : { missing: other ? "same_size" : "other" };
  };
  switch (choice.show) {
    case "layer":
      return thinned(averageOf(array, example, [chosen.layer]));
    case "all":
      return thinned(averageOf(array, example, whole(array)));
    case "step":
      return choice.pin === null ? thinned(map) : against(mapOf(pinnedPicture(feed, choice.pin)));
    case "head":
      return choice.other === null ? thinned(map) : against(mapOf(picture, choice.other));
    case "run":
      return feeds.length < 2 ? thinned(map) : against(mapOf(view.pictureOf(feeds[slot === 0 ? 1 : 0])));
    default:
      return thinned(map);
  }
}
