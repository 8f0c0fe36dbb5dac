"""The GAN page: a generator chases its data while you watch, or fails, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.experiment import BadExperiment, Value
from models.gan import GanTraining
from pages.parts.brush import WORDS as BRUSH_WORDS
from pages.parts.brush import brush
from pages.parts.controls import key_of
from pages.parts.gan import dynamics, failing, museum
from pages.parts.gan.panels import OPTIMAL, legend, panels
from pages.parts.lab import Lab, Tab
from pages.parts.prose import prose
from pages.parts.table import Table
from pages.parts.words import _, language, translated
from state.runs import runs

PAGE = {
    "order": 1,
    "title": "GAN training",
    "line": "Two networks in a game: one forges data, one catches forgeries. Watch the forger learn, or fail.",
    "family": "GanTraining",
}
BESIDE = "gan.optimal"


def drawn(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
    """The panels; the optimal discriminator stands beside where the visitor wants it and one run is shown."""
    return panels(experiment, bool(st.session_state.get(BESIDE)))


def below(lab: Lab, table: Table) -> None:
    """Whether D* stands beside D."""
    run: Any = table.shown
    alone = table.twin is None and table.beside is None and runs().find(run.key) is not None
    if alone and run.on_plane and run.loss in OPTIMAL:
        label = _("Show the optimal discriminator D* beside it")
        if st.toggle(label, key=f"{BESIDE}.{language()}", value=bool(st.session_state.get(BESIDE))) != bool(
            st.session_state.get(BESIDE)
        ):
            st.session_state[BESIDE] = not st.session_state.get(BESIDE)
            st.rerun()


def tabs(experiment: GanTraining) -> tuple[Tab, ...]:
    """The failures, and the lens on the game's dynamics."""
    return (Tab(_("Failure museum"), museum.draw), Tab(_("Game dynamics"), dynamics.draw))


def drawing(family: str, experiment: GanTraining) -> dict[str, Value]:
    """The brush, where the data are the visitor's own."""
    if experiment.data != "drawing":
        return {}
    from models.data.drawing import decode, encode, from_hex, to_hex

    key = key_of(family, "drawing")
    st.caption(_("Draw where the data shall be; darker means more of them."))
    levels = to_hex(decode(experiment.drawing))
    result = brush(levels, words=translated(BRUSH_WORDS), key=f"{key}.brush", on_levels=lambda: None)
    drawn, heard = result.get("levels"), f"{key}.heard"
    # The brush keeps what it said last: only news count, so that a link since then is not painted over. They are old
    # once the experiment has them, not before: a next stroke may interrupt this script run.
    if drawn == levels:
        st.session_state[heard] = drawn
    if not isinstance(drawn, str) or drawn == st.session_state.get(heard, levels):
        return {"drawing": experiment.drawing}
    try:
        return {"drawing": encode(from_hex(drawn))}
    except ValueError as error:
        raise BadExperiment({"drawing": _("The drawing is empty: draw at least one cell.")}) from error


st.title(_("GAN training"), anchor=False)
Lab(
    family="gan", cls=GanTraining, line=str(PAGE["line"]), panels=drawn, legend=legend, tabs=tabs,
    special=drawing, own=("drawing",), above=failing.watch, below=below,
    front=(
        "data", "loss", "constraint", "clip", "gp_weight", "optimizer", "lr_d", "lr_g", "k_d", "width", "depth",
        "steps", "seed",
    ),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="gan.told")
if told.open:
    with told:
        prose("gan")
