"""The tabs of a trained image GAN: mixing styles, a walk between pictures, which classes come, what is copied."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from models.data.pictures import pictures
from models.layers.image_gan.discriminators import one_hot
from models.layers.image_gan.generators import COARSE, LAYERS, StyleGenerator, everywhere
from models.layers.paths import slerp
from models.metrics.image_quality import class_counts, sampled
from models.metrics.judge import certainty
from models.metrics.memorising import Nearness, nearness
from models.running import stream
from pages.parts import spoken
from pages.parts.course import bars, course
from pages.parts.image_gan.panels import class_names
from pages.parts.image_gan.trained import Trained, sheet, trained
from pages.parts.lab import Lab
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, shown

SOURCES = 6
FRAMES = 12
SEEN = 0.1
"""Classes that reach this probability somewhere are drawn."""
COPIES = 10


def drawn_noise(found: Trained, count: int, turn: int, classes: bool = True) -> tuple[Tensor, Tensor | None]:
    """`count` noises and, where G is told classes, as many random ones."""
    random = stream(turn, "shown noise")
    z_NZ = torch.randn(count, found.knobs.latent_dim, generator=random)
    label_N = torch.randint(max(found.duel.classes, 1), (count,), generator=random)
    return z_NZ.to(found.duel.where), _classes(found, label_N)


def _classes(found: Trained, label_N: Tensor) -> Tensor | None:
    class_NC = one_hot(label_N, found.duel.classes)
    return None if class_NC is None else class_NC.to(found.duel.where)


def again(key: str) -> int:
    """How often the visitor asked for other noise."""
    pressed = st.button(_("Draw other noise"), key=f"{key}.again", icon=":material/casino:")
    st.session_state[f"{key}.turn"] = turn = st.session_state.get(f"{key}.turn", 0) + pressed
    return int(turn)


@torch.no_grad()
def mixing(lab: Lab, table: Table) -> None:
    """Rows give the coarse styles, columns the fine ones."""
    found = trained(table)
    if found is None:
        return
    generator = found.generator
    assert isinstance(generator, StyleGenerator)
    key = f"{lab.family}.mixing"
    st.markdown(
        _("Each picture is painted with two styles: the first layers take the style of its row, the later ones that of "
          "its column.")
    )  # fmt: skip
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        cut = st.slider(_("Layers that take the row's style"), 0, LAYERS, value=COARSE, key=f"{key}.cut")
    with right:
        turn = again(key)
    z_NZ, class_NC = drawn_noise(found, 2 * SOURCES, turn)
    w_NLW = everywhere(generator.style(z_NZ, class_NC))
    rows, columns = w_NLW[:SOURCES], w_NLW[SOURCES:]
    later_L = torch.arange(LAYERS, device=w_NLW.device)[:, None] >= cut
    mixed = torch.where(later_L, columns[None], rows[:, None]).flatten(0, 1)
    made = generator.paint(torch.cat((columns, mixed))).sigmoid()
    alone = generator.paint(rows).sigmoid()
    blank = torch.zeros_like(alone[:1])
    head = torch.cat((blank, made[:SOURCES]))
    body = torch.cat((alone[:, None], made[SOURCES:].view(SOURCES, SOURCES, -1)), 1).flatten(0, 1)
    alt = spoken.pictures(_("A square of styles."), made[SOURCES:].cpu().numpy())
    st.image(sheet(torch.cat((head, body)), found.side, SOURCES + 1), width=640, alt=alt)
    st.caption(
        _("Top row: the columns' own pictures. Left column: the rows' own. {coarse} of the {layers} layers lie on the "
          "smallest map: they decide what is drawn where; the rest decides how.", coarse=COARSE, layers=LAYERS)
    )  # fmt: skip


@torch.no_grad()
def walk(lab: Lab, table: Table) -> None:
    """From noise to noise in even steps, with what our classifier takes each picture for."""
    found = trained(table)
    if found is None:
        return
    key = f"{lab.family}.walk"
    turn = again(key)
    z_NZ, class_NC = drawn_noise(found, 2, turn)
    share_T = torch.linspace(0, 1, FRAMES)
    way_TZ = slerp(z_NZ[0].cpu(), z_NZ[1].cpu(), share_T).to(found.duel.where)
    way_TC = None if class_NC is None else torch.lerp(class_NC[:1], class_NC[1:], share_T[:, None].to(class_NC))
    made_TX = found.generator(way_TZ, way_TC).cpu()
    sure_TC = certainty(found.knobs.data, made_TX)
    names = class_names(found.knobs.data)
    taken = [names[int(row)] for row in sure_TC.argmax(1)]
    alt = spoken.pictures(_("A way from noise to noise."), made_TX.numpy(), taken)
    st.image(sheet(made_TX, found.side, FRAMES, 1100), width="stretch", alt=alt)
    st.caption(_("From one noise to another in even steps (slerp); a class goes over into the other's just so."))
    seen = [row for row in range(len(names)) if float(sure_TC[:, row].max()) >= SEEN]
    place = _("share of the way")
    curves = {names[row]: sure_TC[:, row].tolist() for row in seen}
    course(_("probability"), place, share_T.tolist(), curves, up=_("probability"))


def classes(lab: Lab, table: Table) -> None:
    """Which classes a thousand pictures show, beside the real ones."""
    found = trained(table)
    if found is None:
        return
    data = found.knobs.data

    def counted() -> tuple[list[float], list[float]]:
        made, real = class_counts(data, sampled(found.duel)[0]), class_counts(data, pictures(data).test_MX)
        return (made / made.sum()).tolist(), (real / real.sum()).tolist()

    shares: tuple[list[float], list[float]] | None = later(("gan classes", found.key), counted, None)
    if shares is None:
        st.caption(_("Being measured …"))
        return
    names = class_names(data)
    groups = {
        said: dict(zip(names, counts, strict=True))
        for said, counts in zip((_("pictures of G"), _("held-out pictures")), shares, strict=True)
    }
    bars(_("share"), _("class"), groups)
    covered = sum(share >= 0.02 for share in shares[0])
    st.markdown(
        _("**{covered}** of {whole} classes get at least 2 % of the pictures, as our classifier sees them.",
          covered=covered, whole=len(shares[0]))
    )  # fmt: skip


def copies(lab: Lab, table: Table) -> None:
    """The real pictures nearest to forged ones: does G know them by heart?"""
    found = trained(table)
    if found is None:
        return
    known: Nearness | None = later(("gan copies", found.key), lambda: nearness(found.duel), None)
    if known is None:
        st.caption(_("Being measured …"))
        return
    real = pictures(found.knobs.data).train_NX[known.nearest_N[:COPIES]]
    both = torch.cat((known.made_NX[:COPIES], real))
    alt = spoken.pictures(_("Pictures of G above the ones nearest to them."), both.numpy())
    st.image(sheet(both, found.side, COPIES, 900), width="stretch", alt=alt)
    st.caption(_("Above: pictures of G. Below each: the picture nearest to it among all that training has seen."))
    one, other, third = st.columns(3)
    one.metric(_("Forged to nearest seen"), shown(round(known.made, 2)))
    other.metric(_("Held out to nearest seen"), shown(round(known.held_out, 2)))
    third.metric(_("Forgeries that are copies"), f"{shown(round(100 * known.copied, 1))} %")
    st.caption(
        _("Median distances between pixels. A generator that copied would lie far nearer to what it has seen than real "
          "pictures that nobody has seen. A copy: nearer than 99 of 100 of those.")
    )  # fmt: skip
