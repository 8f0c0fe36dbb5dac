"""The path studio: from picture to picture through the latent space, four ways, each as a film."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from models.layers.latent_models import Continuous
from models.layers.paths import KINDS, Kind, energy, evenly, path, speed
from models.metrics.judge import certainty, judge
from pages.parts import spoken
from pages.parts.course import course
from pages.parts.lab import Lab
from pages.parts.latent.panels import class_names
from pages.parts.latent.trained import Trained, scene, trained
from pages.parts.later import later
from pages.parts.pad import WORDS, pad
from pages.parts.table import Table
from pages.parts.words import _, language, translated

MOST_POINTS = 6
FRAMES = 24
STRIP = 12
FILM_PX = 224
FRAME_MS = 90
DOTS = (":blue[●]", ":orange[●]", ":green[●]", ":violet[●]")
"""As the curves on the map are coloured, in the order of `KINDS`."""
SEEN = 0.1
"""Classes that reach this probability somewhere are drawn."""
FARTHEST = 100.0
"""Places on the map beyond this are no places: a browser can say anything."""


@dataclass(frozen=True)
class Walk:
    """One path: its places before retiming, its film's places, and what it costs."""

    kind: Kind
    raw_TZ: Tensor
    film_TZ: Tensor
    energy: float
    length: float


def said_kind(kind: Kind) -> str:
    names = {
        "linear": _("straight"), "spherical": _("spherical"), "spline": _("spline"), "geodesic": _("geodesic"),
    }  # fmt: skip
    return names[kind]


def draw(lab: Lab, table: Table) -> None:
    """Choose the ends, see all four paths, play one, take it along."""
    found = trained(table)
    if found is None:
        return
    st.markdown(
        _(
            "Pick two or more points on the map, or two classes. Each path is retimed so that the picture changes "
            "equally much from frame to frame."
        )
    )
    key = f"{lab.family}.studio"
    points, from_map = given(found, key)
    walks = [walk(found, kind, points) for kind in KINDS] if len(points) > 1 else []
    canvas, films = st.columns([2, 3], gap="medium")
    with canvas:
        plane = torch.from_numpy(found.snapshot.arrays["plane"])
        lines = [
            {"places": ((each.raw_TZ[::4] - plane[0]) @ plane[1:].T).tolist(), "colour": index}
            for index, each in enumerate(walks)
        ]
        pad(
            scene(found), words={**translated(WORDS), "locale": language()}, key=f"{key}.pad",
            picks=MOST_POINTS if from_map else 0, curves=lines, sliders=False,
        )  # fmt: skip
    with films:
        for index, each in enumerate(walks):
            strip(found, each, index)
    if walks:
        details(found, walks, key)


def given(found: Trained, key: str) -> tuple[Tensor, bool]:
    """The points (K, Z) that the path goes through, and whether they come from the map."""
    names = scene_names(found)
    label = found.study.data.test_label_M
    ways = {"classes": _("Two classes"), "map": _("Points on the map")}
    way = st.segmented_control(
        _("From where to where"),
        list(ways),
        default="classes",
        format_func=ways.__getitem__,
        key=f"{key}.way.{language()}",
    )
    if way == "map":
        places = picked(st.session_state.get(f"{key}.pad"), found.key)
        plane = torch.from_numpy(found.snapshot.arrays["plane"])
        st.caption(_("Click on the map: up to six points, again on a point to take it away."))
        return plane[0] + torch.tensor(places).view(-1, 2) @ plane[1:], True
    mean_MZ = means(found)
    label_M = label[: len(mean_MZ)]
    mean_CZ = torch.stack([mean_MZ[label_M == each].mean(0) for each in range(len(names))])
    left, right = st.columns(2)
    numbers = range(len(names))
    with left:
        start = st.selectbox(_("From"), numbers, format_func=names.__getitem__, key=f"{key}.from", filter_mode=None)
    with right:
        far = int((mean_CZ - mean_CZ[start]).norm(dim=1).argmax())
        end = st.selectbox(
            _("To"), numbers, index=far, format_func=names.__getitem__, key=f"{key}.to.{start}", filter_mode=None
        )
    return mean_CZ[[start, end]], False


def scene_names(found: Trained) -> list[str]:
    return class_names(found.knobs)


@torch.no_grad()
def means(found: Trained) -> Tensor:
    """Codes of the held-out pictures on the map, (M, Z)."""
    probe = found.study.probe
    return found.study.model.encode(probe.x_MX, probe.label_M).mean_BZ.cpu()


def picked(state: Any, model: str) -> list[list[float]]:
    """What the pad says of its points, as far as it makes sense and belongs to this model."""
    match state:
        case {"picks": {"model": str(named), "points": list(places)}} if named == model:
            found = []
            for place in places[:MOST_POINTS]:
                match place:
                    case [int() | float() as x, int() | float() as y] if abs(x) < FARTHEST and abs(y) < FARTHEST:
                        found.append([float(x), float(y)])
            return found
    return []


def walk(found: Trained, kind: Kind, point_KZ: Tensor) -> Walk:
    """One path through the points."""
    decode = decoder(found)
    with torch.no_grad():
        raw_TZ = path(kind, point_KZ, decode)
        return Walk(kind, raw_TZ, evenly(raw_TZ, decode, FRAMES), float(energy(raw_TZ, decode)),
                    float(speed(raw_TZ, decode).sum()))  # fmt: skip


def decoder(found: Trained) -> Any:
    """Codes → pictures; a conditional model draws its first class."""
    model, where = found.study.model, found.study.where
    assert isinstance(model, Continuous)

    def decode(z_TZ: Tensor) -> Tensor:
        label_T = torch.zeros(len(z_TZ), dtype=torch.int64, device=where) if model.classes else None
        return model.decode(z_TZ.to(where), label_T).sigmoid().cpu()

    return decode


def strip(found: Trained, each: Walk, index: int) -> None:
    """The film laid out, with what the path costs."""
    with torch.no_grad():
        picture_TX = decoder(found)(evenly(each.raw_TZ, decoder(found), STRIP))
    side = found.study.data.side
    flat = picture_TX.view(STRIP, side, side).permute(1, 0, 2).reshape(side, STRIP * side)
    dot = DOTS[index]
    st.caption(
        _("{dot} {kind}: energy {energy}, length {length} in pixels", dot=dot, kind=f"**{said_kind(each.kind)}**",
          energy=each.energy, length=each.length)
    )  # fmt: skip
    alt = spoken.pictures(_("The path in even steps."), picture_TX.numpy())
    st.image(ink(flat.numpy(), 44 // side + 1), width="stretch", alt=alt)


def ink(grey: np.ndarray, factor: int) -> Image.Image:
    """Ink on paper in the light theme, light on dark in the other."""
    bytes_ = (grey * 255).round().astype(np.uint8)
    if st.context.theme.type != "dark":
        bytes_ = 255 - bytes_
    picture = Image.fromarray(bytes_)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def details(found: Trained, walks: Sequence[Walk], key: str) -> None:
    """The chosen path as a film, its plots, and its files."""
    kinds = [each.kind for each in walks]
    chosen = st.segmented_control(
        _("Film and plots of"), kinds, default="geodesic", format_func=said_kind, key=f"{key}.kind.{language()}"
    )
    each = next((each for each in walks if each.kind == chosen), walks[-1])
    with torch.no_grad():
        picture_TX = decoder(found)(each.film_TZ)
    film = gif(picture_TX.numpy(), found.study.data.side)
    left, *plots = st.columns([2, 3, 3, 3], gap="medium")
    with left:
        alt = spoken.pictures(_("A film along the path and back."), picture_TX.numpy())
        # Who wants no motion sees the film's first picture instead; which of the two, the browser knows.
        with st.container(key="moving.film"):
            st.image(film, width="stretch", alt=alt)
        with st.container(key="still.film"):
            side = found.study.data.side
            st.image(ink(picture_TX[0].view(side, side).numpy(), FILM_PX // side), width="stretch", alt=alt)
        st.download_button(_("Film (GIF)"), film, f"latent-{each.kind}.gif", "image/gif", icon=":material/movie:")
        st.download_button(
            _("Numbers (NPZ)"), npz(each, picture_TX), f"latent-{each.kind}.npz", icon=":material/download:"
        )
    titles = (_("Speed before retiming"), _("Log-density of prior and codes"), _("What a classifier says"))
    for place, title, table in zip(plots, titles, tables(found, each), strict=True):
        with place:
            st.caption(title)
            if table is None:
                st.caption(_("The classifier is being trained …"))
            else:
                draw_columns(title, table)


Columns = dict[str, list[float]]


def draw_columns(title: str, table: Columns) -> None:
    """Lines over the first column, drawn and said."""
    across, *rest = table
    course(title, across, table[across], {name: table[name] for name in rest}, height=220)


def tables(found: Trained, each: Walk) -> tuple[Columns, Columns, Columns | None]:
    """Speed, log-densities and class probabilities along the path; the first column is its share from 0 to 1."""
    decode, name = decoder(found), found.knobs.data
    with torch.no_grad():
        change_T = speed(each.raw_TZ, decode) * (len(each.raw_TZ) - 1)
        picture_TX = decode(each.raw_TZ)
    along, whole = _("share of the path"), np.linspace(0, 1, len(each.raw_TZ)).tolist()
    speeds = {along: whole[1:], _("pixels per path"): change_T.tolist()}
    densities = {along: whole, **density(found, each.raw_TZ)}
    known = later(("judge", name), lambda: judge(name), None)
    if known is None:
        return speeds, densities, None
    share_TC, names = certainty(name, picture_TX), scene_names(found)
    seen = [label for label in range(len(names)) if float(share_TC[:, label].max()) > SEEN]
    return speeds, densities, {along: whole, **{names[label]: share_TC[:, label].tolist() for label in seen}}


def density(found: Trained, z_TZ: Tensor) -> Columns:
    """log p(z) of the prior, log q(z) of all posteriors together (a Gaussian each; 0.3 wide where there is none)."""
    probe = found.study.probe
    with torch.no_grad():
        code = found.study.model.encode(probe.x_MX, probe.label_M)
    mean_MZ = code.mean_BZ.cpu()
    log_variance = code.log_variance_BZ
    log_variance_MZ = torch.full_like(mean_MZ, 2 * float(np.log(0.3))) if log_variance is None else log_variance.cpu()
    half_log_tau = 0.5 * float(np.log(2 * np.pi))
    off_TMZ = (z_TZ[:, None] - mean_MZ).square() / log_variance_MZ.exp()
    each_TM = -(0.5 * (off_TMZ + log_variance_MZ) + half_log_tau).sum(-1)
    told = {_("codes"): (each_TM.logsumexp(1) - float(np.log(len(mean_MZ)))).tolist()}
    if found.knobs.has_prior:
        told[_("prior")] = (-(0.5 * z_TZ.square() + half_log_tau).sum(1)).tolist()
    return told


def gif(picture_TX: np.ndarray, side: int) -> bytes:
    """There and back again, for ever."""
    factor = max(1, FILM_PX // side)
    frames = [ink(picture.reshape(side, side), factor) for picture in (*picture_TX, *picture_TX[-2:0:-1])]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
    return file.getvalue()


def npz(each: Walk, picture_TX: Tensor) -> bytes:
    """Codes and pictures of the film."""
    file = io.BytesIO()
    np.savez_compressed(file, codes=each.film_TZ.numpy(), pictures=picture_TX.numpy(), path=each.raw_TZ.numpy())
    return file.getvalue()
