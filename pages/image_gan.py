"""GAN on pictures: digits, clothes and sketches out of noise, with sliders for class and truncation."""

import streamlit as st

from models.image_gan import ImageGan
from pages.parts.image_gan import slide, tabs
from pages.parts.image_gan.panels import legend, panels
from pages.parts.lab import Lab, Tab
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 1.3,
    "title": "GAN on pictures",
    "line": "Digits, clothes and sketches out of noise. Slide through classes, mix styles, and see whether it copies.",
    "family": "ImageGan",
}


def own(experiment: ImageGan) -> tuple[Tab, ...]:
    """What can be done with a trained generator; each tab is drawn only while it is open."""
    found = [Tab(_("Class and truncation") if experiment.conditional else _("Truncation"), slide.draw)]
    if experiment.architecture == "style":
        found.append(Tab(_("Style mixing"), tabs.mixing))
    found += [
        Tab(_("From picture to picture"), tabs.walk), Tab(_("Which classes come"), tabs.classes),
        Tab(_("Does it copy?"), tabs.copies),
    ]  # fmt: skip
    return tuple(found)


st.title(_("GAN on pictures"), anchor=False)
Lab(
    family="image_gan", cls=ImageGan, line=str(PAGE["line"]), panels=panels, legend=legend, tabs=own,
    front=("data", "architecture", "conditional", "loss", "r1_gamma", "lr_d", "lr_g", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="image_gan.told")
if told.open:
    with told:
        prose("image_gan")
