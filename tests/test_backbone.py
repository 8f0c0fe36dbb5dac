"""The backbone with real weights: read without running the file, folded exactly, equal to another program's answers."""

from __future__ import annotations

import collections
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.data import lite0
from models.data.torch_file import tensors
from models.layers.efficientnet import STAGES, Convolution
from models.layers.efficientnet import lite0 as built

DEMANDED = os.environ.get("TORCHLIGHT_WITH_BACKBONE") == "1"
"""`.ci/run` says so after installing them: then nothing may be skipped."""
needs_weights = pytest.mark.skipif(not DEMANDED and lite0.where() is None, reason="the optional weights are not here")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def saved(what: object, path: Path) -> Path:
    torch.save(what, path, _use_new_zipfile_serialization=False)
    return path


def test_an_old_file_gives_its_tensors_in_any_order_of_axes(tmp_path: Path) -> None:
    whole = collections.OrderedDict(
        weight=torch.randn(4, 3, 2, generator=generator()),
        turned=torch.randn(5, 4, 3, generator=generator(1)).permute(2, 0, 1),
        count=torch.tensor(7),
        flat=torch.randn(300, generator=generator(2)),
    )
    found = tensors(saved(whole, tmp_path / "old.pth"))
    assert list(found) == list(whole) and all(torch.equal(found[name], whole[name]) for name in whole)


class Mischief:
    """Unpickled, it would make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_file_that_wants_to_act_is_refused_and_nothing_happens(tmp_path: Path) -> None:
    path = saved({"weight": Mischief(tmp_path / "made")}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match="more than named tensors"):
        tensors(path)
    assert not (tmp_path / "made").exists()


def test_files_of_other_kinds_are_refused_with_a_sentence(tmp_path: Path) -> None:
    wrong = {
        "a list": [torch.zeros(2)],
        "half a tensor": {"part": torch.zeros(10)[2:5]},
        "another type": {"half": torch.zeros(2, dtype=torch.float16)},
    }
    for name, what in wrong.items():
        with pytest.raises(ValueError, match="more than named tensors"):
            tensors(saved(what, tmp_path / name))
    (tmp_path / "text").write_bytes(b"no pickle at all")
    with pytest.raises(ValueError, match=r"opcode|damaged"):
        tensors(tmp_path / "text")
    whole = saved({"weight": torch.zeros(100)}, tmp_path / "cut").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-200])
    with pytest.raises(ValueError, match="ends before its numbers"):
        tensors(tmp_path / "cut")


def invented() -> dict[str, Tensor]:
    """Weights of the right names and shapes, from chance."""
    random, weights, inputs, number = generator(3), {}, 32, 0

    def layer(convolution: str, norm: str, *shape: int) -> None:
        fan = shape[1] * shape[2] * shape[3]
        weights[f"{convolution}.weight"] = torch.randn(shape, generator=random) / fan**0.5
        for part in ("weight", "running_var"):
            weights[f"{norm}.{part}"] = torch.rand(shape[0], generator=random) + 0.5
        for part in ("bias", "running_mean"):
            weights[f"{norm}.{part}"] = 0.3 * torch.randn(shape[0], generator=random)

    layer("_conv_stem", "_bn0", 32, 3, 3, 3)
    for repeats, kernel, _stride, widening, outputs in STAGES:
        for _repeat in range(repeats):
            name, wide = f"_blocks.{number}.", inputs * widening
            if widening > 1:
                layer(f"{name}_expand_conv", f"{name}_bn0", wide, inputs, 1, 1)
            layer(f"{name}_depthwise_conv", f"{name}_bn1", wide, 1, kernel, kernel)
            layer(f"{name}_project_conv", f"{name}_bn2", outputs, wide, 1, 1)
            inputs, number = outputs, number + 1
    layer("_conv_head", "_bn1", 1280, inputs, 1, 1)
    weights["_fc.weight"] = torch.randn(1000, 1280, generator=random) / 36
    weights["_fc.bias"] = torch.randn(1000, generator=random)
    return weights


def test_a_folded_convolution_is_the_convolution_and_its_normalisation() -> None:
    weights = invented()
    network = built(weights)
    plain = nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False)
    norm = nn.BatchNorm2d(32, eps=1e-3)
    for part in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, part).data.copy_(weights[f"_blocks.0._bn1.{part}"])
    plain.weight.data.copy_(weights["_blocks.0._depthwise_conv.weight"])
    x = torch.randn(2, 32, 9, 7, generator=generator())
    expected = norm.train(False)(plain(x)).clamp(0, 6)
    assert torch.allclose(network.blocks[0][0](x), expected, atol=1e-5)


@pytest.mark.parametrize(("side", "stride", "begins"), [(8, 2, 0), (7, 2, 1), (8, 1, 1)])
def test_padding_is_even_only_where_it_can_be(side: int, stride: int, begins: int) -> None:
    """As TensorFlow's: a stride of two over an even side adds a pixel at the end alone."""
    first = Convolution(torch.zeros(1, 1, 3, 3).index_fill(3, torch.tensor([0]), 1.0), torch.zeros(1), stride, False)
    out = first(torch.ones(1, 1, side, side))
    assert out.shape[-1] == -(-side // stride)
    assert float(out[0, 0, 1, 0]) == (0 if begins else 3)


def test_missing_weights_are_named() -> None:
    weights = invented()
    del weights["_blocks.7._bn2.bias"]
    with pytest.raises(ValueError, match=r"_blocks\.7\._bn2\.bias"):
        built(weights)


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lite0, "where", lambda: None)
    with pytest.raises(lite0.WeightsError, match="not installed"):
        lite0.load()
    with pytest.raises(lite0.WeightsError, match="not those"):
        lite0.load(saved(invented(), tmp_path / "other.pth"))


def test_pictures_of_any_size_and_colour_are_fitted() -> None:
    for shape in ((2, 1, 16, 16), (1, 3, 40, 300)):
        fitted = lite0.fitted(torch.rand(shape, generator=generator()))
        assert fitted.shape == (shape[0], 3, 128, 128) and 0 <= float(fitted.min()) <= float(fitted.max()) <= 1


@needs_weights
def test_the_real_network_answers_as_another_program_does() -> None:
    """Tabulated with efficientnet-lite-pytorch 0.1.0 (lukemelas's port, normalisation not folded) on torch 2.13."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 1, 128), indexing="ij")
    disc = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1).float()
    picture = torch.stack([0.5 + 0.5 * torch.sin(9 * x + 5 * y), disc, y])[None]
    network = lite0.load()
    logits = network.logits(picture)[0]
    values, classes = logits.topk(5)
    assert classes.tolist() == [722, 736, 417, 818, 522]  # a ping-pong ball, says ImageNet
    assert values.tolist() == pytest.approx([20.1287, 14.0831, 11.0659, 10.0817, 9.9484], abs=2e-3)
    assert logits[:4].tolist() == pytest.approx([-1.7257, -1.0297, -1.8461, -1.3806], abs=2e-3)
    assert lite0.seen(network, picture).shape == (1, 1280)
