"""Class and truncation under sliders: the generator runs in the browser, so pictures change while one drags.

The weights are sent once per model; a picture then costs a millisecond, where a request to the server would take a
network's round trip. Batch normalisation is folded into the layer before it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.layers.image_gan.generators import DcGenerator, MlpGenerator, StyleGenerator
from pages.parts.component import component
from pages.parts.image_gan.panels import class_names
from pages.parts.image_gan.trained import Trained, trained
from pages.parts.lab import Lab
from pages.parts.live.module import module
from pages.parts.table import Table
from pages.parts.words import _, language

HERE = Path(__file__).parent
PARTS = HERE.parents[1]
Layer = tuple[dict[str, Any], Tensor, Tensor]

_slide = component(
    "slide",
    html='<div class="ig-root"></div>',
    css=(HERE / "slide.css").read_text(encoding="utf-8"),
    js="\n".join((
        module(PARTS / "live", ("frames", "numbers", "theme", "canvas")), module(PARTS / "pad", ("decoder",)),
        module(HERE, ("synthesis", "slide")),
    )),
)  # fmt: skip


def draw(lab: Lab, table: Table) -> None:
    """The sliders over the average of G."""
    found = trained(table)
    if found is None:
        return
    scene = described(found)
    packed = base64.b64encode(scene["weights"]).decode()
    _slide(key=f"{lab.family}.slide", data={**scene, "weights": packed, "words": words(found)})


def words(found: Trained) -> Mapping[str, str]:
    """Every word of the component in the visitor's language."""
    style = isinstance(found.generator, StyleGenerator)
    why = (
        _("Styles pulled towards the mean style: 0 is the mean picture, 1 what training draws, below 0 its opposite.")
        if style
        else _("Noise made smaller or larger: 0 is one and the same picture, 1 what training draws.")
    )
    return {
        "locale": language(), "psi": _("Truncation ψ"), "psi_why": why, "class": _("Class"),
        "class_why": _("Between two classes G is told a share of both."), "pixel": _("Noise per pixel"),
        "again": _("Draw other noise"), "picture": _("A picture of G that follows the sliders"),
        "others": _("The same class and truncation with other noise"),
    }  # fmt: skip


@torch.no_grad()
def described(found: Trained) -> dict[str, Any]:
    """The generator layer by layer, and all its weights in that order, float32."""
    generator = found.generator
    scene: dict[str, Any] = {
        "model": found.key, "latent": generator.latent, "classes": generator.classes, "side": found.side,
        "names": class_names(found.knobs.data), "style": 0,
    }  # fmt: skip
    if isinstance(generator, StyleGenerator):
        lists = {
            "layers": painted(generator, found.side),
            "mapping": [linear(layer) for layer in generator.mapping.children()],
            "tuning": [linear(layer) for layer in generator.styles.children()],
        }  # fmt: skip
        rest = [generator.mean_W, generator.begin, *generator.strengths]
        scene |= {
            "style": generator.mean_W.numel(), "begin": generator.begin.numel(),
            "strengths": [strength.numel() for strength in generator.strengths],
        }  # fmt: skip
    else:
        layers = perceptron(generator) if isinstance(generator, MlpGenerator) else convolutions(generator, found.side)
        lists, rest = {"layers": layers}, []
    parts = [part for layers in lists.values() for _told, *both in layers for part in both] + rest
    weights = np.concatenate([part.detach().cpu().numpy().ravel() for part in parts]).astype("<f4").tobytes()
    return {**scene, **{name: [layer[0] for layer in layers] for name, layers in lists.items()}, "weights": weights}


def entry(kind: str, weight: Tensor, bias: Tensor, side: int = 0, relu: bool = False) -> Layer:
    told = {
        "kind": kind, "weights": weight.numel(), "biases": bias.numel(), "out": bias.numel(), "side": side,
        "relu": relu,
    }  # fmt: skip
    return told, weight, bias


def linear(layer: nn.Module, relu: bool = False) -> Layer:
    assert isinstance(layer, nn.Linear)
    return entry("linear", layer.weight, layer.bias, relu=relu)


def perceptron(generator: MlpGenerator) -> list[Layer]:
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)]
    return [linear(layer, relu=layer is not layers[-1]) for layer in layers]


def convolutions(generator: DcGenerator, side: int) -> list[Layer]:
    """A DCGAN without its batch normalisation: y = γ(x - μ)/σ + β is linear, so it goes into the layer before."""
    small = generator.shape[1]
    (scale_K, shift_K), (later_K, shift_later_K) = (folded(norm) for norm in generator.norms.children())
    first, second, third = generator.first, generator.second, generator.third
    assert isinstance(first, nn.Linear) and isinstance(second, nn.ConvTranspose2d)
    assert isinstance(third, nn.ConvTranspose2d) and second.bias is not None and third.bias is not None
    each = small * small
    weight = first.weight * scale_K.repeat_interleave(each)[:, None]
    bias = first.bias * scale_K.repeat_interleave(each) + shift_K.repeat_interleave(each)
    return [
        entry("linear", weight, bias, relu=True),
        entry("up", second.weight * later_K[:, None, None], second.bias * later_K + shift_later_K, small, True),
        entry("up", third.weight, third.bias, 2 * small),
    ]


def folded(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """What batch normalisation multiplies with and adds, per channel."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    scale_K = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale_K, norm.bias - norm.running_mean * scale_K


def painted(generator: StyleGenerator, side: int) -> list[Layer]:
    """The convolutions of the style generator, in order."""
    small = side // 4
    keep, doubling, redoubling, last = generator.keep, generator.doubling, generator.redoubling, generator.last
    sized = (("around", keep, small), ("up", doubling, small), ("up", redoubling, 2 * small), ("around", last, side))
    found = []
    for kind, layer, size in sized:
        assert layer.bias is not None
        found.append(entry(kind, layer.weight, layer.bias, size))
    return found
