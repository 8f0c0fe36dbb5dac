"""The latent-space page: a picture becomes a few numbers, and those numbers become a place one can walk through."""

import streamlit as st

from models.autoencoder import LatentSpace
from pages.parts.lab import Lab, Tab
from pages.parts.latent import algebra, bound, codebook, drag, factors, own, reading, rivals, studio
from pages.parts.latent.panels import legend, panels
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 7,
    "title": "Latent space",
    "line": "Pictures become a few numbers, and the numbers a map. Watch it form, walk through it, bend it.",
    "family": "LatentSpace",
}


def tabs(experiment: LatentSpace) -> tuple[Tab, ...]:
    """What can be done with a trained autoencoder; each tab is drawn only while it is open."""
    if experiment.model == "vq_vae":
        return (Tab(_("Paint in codes"), codebook.draw),)
    if experiment.is_autoregressive:
        known = [Tab(_("Known factors"), factors.draw)] if experiment.data == "sprites" else []
        return (Tab(_("Code or chance?"), reading.draw), Tab(_("The bound opened"), bound.draw), *known)
    found = [Tab(_("Drag and it morphs"), drag.draw), Tab(_("Path studio"), studio.draw)]
    if experiment.is_random:
        found.append(Tab(_("The bound opened"), bound.draw))
    found += [Tab(_("Attribute algebra"), algebra.draw), Tab(_("Your own picture"), own.draw)]
    if experiment.data == "sprites":
        found.append(Tab(_("Known factors"), factors.draw))
    if experiment.data == "digits":
        found.append(Tab(_("VAE against GAN"), rivals.draw))
    return tuple(found)


st.title(_("Latent space"), anchor=False)
Lab(
    family="latent", cls=LatentSpace, line=str(PAGE["line"]), panels=panels, legend=legend, tabs=tabs,
    front=(
        "data", "model", "latent_dim", "beta", "mmd_weight", "codes", "revival", "architecture", "decoder", "width",
        "steps", "seed",
    ),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="latent.told")
if told.open:
    with told:
        prose("latent")
