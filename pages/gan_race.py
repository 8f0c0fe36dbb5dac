"""The GAN race: eight kinds of GAN, several seeds each, on the same data with the same noise, trained as one stack."""

import streamlit as st

from models.experiment import Value
from models.gan_race import GanRace
from pages.parts.lab import Lab
from pages.parts.prose import prose
from pages.parts.race import board, panels
from pages.parts.race.names import names
from pages.parts.words import _

PAGE = {
    "order": 1.2,
    "title": "GAN race",
    "line": "Every loss and every cure at once, on the same data with the same noise. Who is really better?",
    "family": "GanRace",
}


def own(family: str, experiment: GanRace) -> dict[str, Value]:
    """Who takes part."""
    return board.kinds(family, experiment)


st.title(_("GAN race"), anchor=False)
Lab(
    family="race", cls=GanRace, line=str(PAGE["line"]), panels=panels.panels, legend=panels.legend, special=own,
    own=("variants", "drawing"), above=board.sentence, below=board.table, said=board.told, named=names,
    front=("data", "seeds", "lr", "width", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="race.told")
if told.open:
    with told:
        prose("race")
