"""Who leads, as far as may be said: means with intervals, and paired differences to a kind of one's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from models.experiment import BadExperiment, Snapshot, Value
from models.gan_race import MOST, GanRace
from models.layers.gan_kinds import VARIANTS
from models.metrics.comparison import FEWEST, Difference, Verdict, band, differences, verdict
from pages.parts import lanes, twins
from pages.parts.controls import key_of, sentence_case
from pages.parts.freezing import forest
from pages.parts.freezing.names import fixed
from pages.parts.race.names import LINES, explained, named, names
from pages.parts.words import _, language
from state.runs import runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

USUAL = "non_saturating"
Arrays = Mapping[str, np.ndarray]
KINDS = ("better", "worse", "equal", "undecided")
METRES = ("energy_AS", "quality_AS", "modes_AS", "reverse_kl_AS")


def kinds(family: str, experiment: GanRace) -> dict[str, Value]:
    """Who takes part, as chips. Raises `BadExperiment` for none, or more than the stack holds."""
    knob, said, what = experiment.knobs()["variants"], names(), explained()
    key = f"{key_of(family, 'variants')}.{language()}"
    if st.session_state.get(f"{key}.was") != experiment.variants:
        st.session_state[key] = list(experiment.names)
        st.session_state[f"{key}.was"] = experiment.variants
    told = "\n".join(f"- **{said[name]}**: {what[name]} ({VARIANTS[name].source})" for name in VARIANTS)
    chosen = st.pills(
        sentence_case(_(knob.label)), list(VARIANTS), selection_mode="multi", format_func=lambda name: said[name],
        key=key, help=f"{_(knob.help)}\n\n{told}", wrap=True,
    )  # fmt: skip
    if not chosen or len(chosen) > MOST:
        raise BadExperiment({"variants": _("Choose one to {most} kinds.", most=MOST)})
    text = ",".join(name for name in VARIANTS if name in chosen)
    st.session_state[f"{key}.was"] = text
    return {"variants": text}


def newest(table: Table) -> Snapshot | None:
    """The picture at the moment that is looked at."""
    run = runs().find(table.shown.key)
    return run.snapshot(table.shown.steps if table.at is None else table.at) if run else None


def renewed(table: Table, draw: Callable[[GanRace, Arrays], None]) -> None:
    """Draws anew while the run trains."""
    run, experiment = runs().find(table.shown.key), table.shown
    if run is None or not isinstance(experiment, GanRace):
        return

    @st.fragment(run_every=lanes.LOOK_S if run.status().state in lanes.ACTIVE and table.at is None else None)
    def look() -> None:
        picture = newest(table)
        if picture is not None and len(picture.arrays.get("energy_AS", ())) == len(experiment.names):
            draw(experiment, picture.arrays)

    look()


def compared(experiment: GanRace, arrays: Arrays, base: str) -> tuple[list[Difference], tuple[Verdict, ...]]:
    """Paired differences of the energy distance to a kind, and what may be said of them; less is better."""
    energy_AS = np.where(np.isfinite(arrays["energy_AS"]), arrays["energy_AS"], np.nan).astype(float)
    found = differences(-energy_AS, experiment.names.index(base), margin=0.002)
    return found, verdict(found)


def sentence(lab: Lab, table: Table) -> None:
    """Over the picture: who is better or worse than the plain kind, as far as the test allows."""

    def draw(experiment: GanRace, arrays: Arrays) -> None:
        base = baseline(lab, experiment)
        start = _("At step {step}, {seeds} seeds, against **{base}**:", step=int(arrays["evaluated"][0]),
                  seeds=experiment.seeds, base=named(base))  # fmt: skip
        if experiment.seeds < FEWEST:
            st.markdown(start + " " + _("two seeds allow no verdict. Three are the fewest that do."))
            return
        judged = compared(experiment, arrays, base)[1]
        others = [(name, one) for name, one in zip(experiment.names, judged, strict=True) if name != base]
        lists = {kind: [named(name) for name, one in others if one == kind] for kind in KINDS}
        told = {
            "better": _("better: {names}", names=f"**{', '.join(lists['better'])}**"),
            "worse": _("worse: {names}", names=", ".join(lists["worse"])),
            "equal": _("equal: {names}", names=", ".join(lists["equal"])),
            "undecided": _("no difference shown: {names}", names=", ".join(lists["undecided"])),
        }
        st.markdown(f"{start} {'; '.join(told[kind] for kind in told if lists[kind])}.")

    renewed(table, draw)


def baseline(lab: Lab, experiment: GanRace) -> str:
    """The kind the others are compared with."""
    chosen = st.session_state.get(f"{lab.family}.baseline.{language()}")
    if chosen in experiment.names:
        return str(chosen)
    return USUAL if USUAL in experiment.names else experiment.names[0]


def table(lab: Lab, table: Table) -> None:
    """Under the picture: the leaderboard."""
    experiment = table.shown
    if not isinstance(experiment, GanRace) or runs().find(experiment.key) is None:
        return
    place = experiment.names.index(baseline(lab, experiment))
    st.selectbox(
        _("Compared with"), experiment.names, place, format_func=named, key=f"{lab.family}.baseline.{language()}",
        filter_mode=None,
    )  # fmt: skip

    def draw(experiment: GanRace, arrays: Arrays) -> None:
        st.html(forest.style() + rows(experiment, arrays, baseline(lab, experiment)))
        st.caption(
            _("Measured on samples of every GAN; ± and brackets: 95 % intervals over seeds (Student t). The whisker is "
              "the paired difference in energy distance, to the right where a kind is nearer to the data; bold: "
              "different after Holm's correction. Nobody is first inside an interval that holds zero.")
        )  # fmt: skip

    renewed(table, draw)


def rows(experiment: GanRace, arrays: Arrays, base: str) -> str:
    """A row per kind, the nearest to the data first."""
    found, judged = compared(experiment, arrays, base)
    spread = {name: band(arrays[name].astype(float)) for name in METRES}
    reach = forest.reach(found)
    heads = (_("Kind"), _("Energy distance"), _("Difference to {base}", base=named(base)), _("as a picture"),
             _("High quality"), _("Modes"), _("Reverse KL, nats"))  # fmt: skip
    lines = []
    for place in np.argsort(np.nan_to_num(spread["energy_AS"].mean, nan=np.inf), kind="stable"):
        name, one = experiment.names[place], found[place]
        mean = {metre: float(part.mean[place]) for metre, part in spread.items()}
        half = {metre: float(part.high[place] - part.mean[place]) for metre, part in spread.items()}
        cells = [forest.drawn(*LINES[name]) + escape(named(name))]
        cells.append(within(mean["energy_AS"], half["energy_AS"], 4, lost=escape(_("diverged"))))
        apart = f"{fixed(-one.mean, 4)} <small>({fixed(-one.high, 4)} … {fixed(-one.low, 4)})</small>"
        strong = f"<b>{apart}</b>" if judged[place] in ("better", "worse") else apart
        cells.append("" if name == base else strong)
        cells.append(forest.whisker(one, reach, hue=None if name == base else LINES[name][0]))
        cells.append(within(100 * mean["quality_AS"], 100 * half["quality_AS"], 1, " %"))
        cells.append(within(mean["modes_AS"], half["modes_AS"], 1))
        cells.append(within(mean["reverse_kl_AS"], half["reverse_kl_AS"], 2))
        mark = ' class="tf-base"' if name == base else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def within(mean: float, half: float, places: int, unit: str = "", lost: str = "–") -> str:
    """A mean and half of its interval; a dash where nothing was measured."""
    if not np.isfinite(mean):
        return lost
    reach = f" <small>± {fixed(half, places)}</small>" if np.isfinite(half) else ""
    return f"{fixed(mean, places)}{unit}{reach}"


def told(name: str, value: Any) -> str:
    """A knob's value in the visitor's words."""
    return ", ".join(named(kind) for kind in str(value).split(",")) if name == "variants" else twins.said(value)
