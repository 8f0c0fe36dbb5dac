// One component, three scenes.

import { AlibiScene } from "./alibi.js";
import { RotaryScene } from "./rotary.js";
import { TableScene } from "./table.js";

const SCENES = { table: TableScene, rotary: RotaryScene, alibi: AlibiScene };
const mounted = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tp-root");
  if (!mounted.has(root)) mounted.set(root, new SCENES[component.data.scene](root));
  mounted.get(root).update(component);
}
