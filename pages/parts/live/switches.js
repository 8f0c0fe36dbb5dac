// The switches under the large head: its form, what of it is shown, what is pinned, and what the task demands.

import { Chip, ExampleChooser, Picker, ScaleLegend, Segments, logChip } from "./options.js";

const MASS_CHOICES = [100, 90, 70, 50];

export class HeadSwitches {
  /** @param card the large head's card, whose foot is furnished */
  constructor(card) {
    const { view, panel } = card;
    const { speech, choice } = view;
    Object.assign(this, { card, view, panel });
    const alone = !view.data.panels.some(({ kind }) => kind === "heads");
    const forms = [{ value: false, label: speech.say("form_map") }, { value: true, label: speech.say("form_lines") }];
    this.form = new Segments(speech.say("form"), forms, (lines) => choice.set({ lines }));
    this.what = new Picker(speech.say("shown"), (show) => this.pick(show));
    this.mass = new Picker(speech.say("mass"), (mass) => choice.set({ mass: Number(mass) }));
    this.pin = new Chip(speech.say("pin_step"), speech.say("pin_step_why"), () => this.pinStep());
    this.keep = new Chip(speech.say("pin_head"), speech.say("pin_head_why"), () => this.pinHead());
    const toggled = () => choice.set({ demand: !choice.demand });
    this.demand = new Chip("", speech.say("demand_why"), toggled, "tl-swatch-demand");
    const asked = ({ demanded }) => Object.values(demanded ?? {}).some((cells) => cells.length);
    this.demand.element.hidden = !panel.examples?.some(asked);
    this.examples = new ExampleChooser(view, alone ? (panel.examples?.length ?? 1) : 1);
    this.log = alone ? logChip(view) : null;
    this.scale = new ScaleLegend(view);
    const { form, what, mass, pin, keep, demand, examples, log, scale } = this;
    const all = [form, what, mass, pin, keep, demand, examples, log, scale].filter(Boolean);
    card.foot.append(...all.map(({ element }) => element));
  }

  pick(show) {
    const { choice } = this.view;
    if (show === "step" && choice.pin === null) this.pinStep();
    else if (show === "head" && choice.other === null) this.pinHead();
    else choice.set({ show });
  }

  /** Remember this step: from now on the picture shows what has changed since. */
  pinStep() {
    const { choice } = this.view;
    if (choice.pin !== null) choice.set({ pin: null, show: choice.show === "step" ? "one" : choice.show });
    else choice.set({ pin: this.view.pictureOf(this.card.feed)?.step ?? 0, show: "step" });
  }

  /** Remember this head: from now on the picture shows how others differ from it. */
  pinHead() {
    const { choice } = this.view;
    if (choice.other !== null) choice.set({ other: null, show: choice.show === "head" ? "one" : choice.show });
    else choice.set({ other: choice.headIn(this.panel.groups), show: "head" });
  }

  /** @param map what is shown, or nothing; head the chosen one */
  paint(theme, map, head) {
    const { choice, speech } = this.view;
    const diverging = Boolean(map?.diverging);
    this.form.paint(choice.lines);
    this.paintPinned(head);
    const masses = MASS_CHOICES.map((share) => {
      return { value: share, label: share === 100 ? speech.say("mass_all") : speech.say("mass_top", { share }) };
    });
    this.mass.paint(masses, choice.mass);
    this.mass.element.disabled = diverging;
    const agreement = this.card.agreement();
    const score = agreement === null ? null : speech.fixed(agreement, 2);
    this.demand.paint(choice.demand, score === null ? speech.say("demand") : speech.say("demand_score", { score }));
    const { demanded } = this.panel.examples?.[choice.example] ?? {};
    this.demand.element.disabled = !demanded?.[head.group]?.length || diverging;
    this.examples.paint();
    this.log?.paint();
    this.scale.paint(theme, { diverging, log: choice.log && !diverging, reach: diverging ? map.reach : 1 });
  }

  /** What can be shown, with the names of what is pinned. */
  paintPinned(head) {
    const { view, card } = this;
    const { choice, speech, feeds } = view;
    const say = (name, fields) => speech.say(name, fields);
    const [step, other] = [choice.pin, choice.other];
    const at = step === null ? {} : { step: speech.count(step) };
    const named = other && { head: say("head_short", { layer: other.layer + 1, head: other.head + 1 }) };
    this.what.paint([
      { value: "one", label: say("show_one") },
      { value: "layer", label: say("show_layer", { layer: head.layer + 1 }) },
      { value: "all", label: say("show_all") },
      !card.feed?.still && { value: "step", label: step === null ? say("show_step") : say("show_step_of", at) },
      { value: "head", label: other ? say("show_head_of", named) : say("show_head") },
      feeds.length > 1 && { value: "run", label: say("show_run") },
    ].filter(Boolean), choice.show);
    this.pin.element.hidden = Boolean(card.feed?.still);
    this.pin.paint(step !== null, step === null ? say("pin_step") : say("pinned_step", at));
    this.keep.paint(other !== null, other ? say("pinned_head", named) : say("pin_head"));
  }
}
