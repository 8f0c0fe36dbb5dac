"""Other encoders from the Hugging Face hub, by name: only where the operator allows it and `transformers` is there.

Off unless `TORCHLIGHT_HUB=1`. Only small text files and one safetensors file are fetched, never code and never a
pickle; then the folder is opened offline. What goes wrong is a sentence (`ModelError`), a template with its values.

Letters: L layers, H heads, T tokens, D width.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from models.data.wordpiece import Token
from models.sentence_encoder import DRAWN, Thought

NAME = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}")
MOST_BYTES = 500_000_000
WEIGHTS = "model.safetensors"
FETCHED = (
    WEIGHTS, "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt",
    "vocab.json", "merges.txt",
)  # fmt: skip
SECONDS = 20
T = TypeVar("T")

BAD_NAME = "A model's name looks like owner/name."
OFF = "The operator of this server has not allowed models from the hub."
MISSING = "The package transformers is not installed here."
UNREACHABLE = "The hub cannot be reached from here, or knows no public model {name}."
NO_SAFETENSORS = "{name} offers no model.safetensors; other formats are not read here."
TOO_LARGE = "{name} has {megabytes} MB of weights; at most {most} MB are fetched."
UNREADABLE = "{name} cannot be opened as a text encoder."
NO_ATTENTION = "{name} does not give its attention weights away."
REFUSALS = (BAD_NAME, OFF, MISSING, UNREACHABLE, NO_SAFETENSORS, TOO_LARGE, UNREADABLE, NO_ATTENTION)


class ModelError(Exception):
    """Why there is no such model, as a template and its values."""

    def __init__(self, template: str, **values: str | int) -> None:
        super().__init__(template.format_map(values))
        self.template, self.values = template, values


def allowed() -> bool:
    """Whether the operator wants it and the package is there; `transformers` is not imported for the answer."""
    return os.environ.get("TORCHLIGHT_HUB") == "1" and importlib.util.find_spec("transformers") is not None


@dataclass(frozen=True)
class HubModel:
    """A model of `transformers`, asked for what a `models.sentence_encoder.SentenceModel` gives."""

    name: str
    model: Any
    tokenizer: Any

    @property
    def mask(self) -> int | None:
        number = self.tokenizer.mask_token_id
        return None if number is None else int(number)

    def tokens(self, text: str) -> tuple[list[Token], int]:
        """At most 128 tokens: these models keep no q and k, so every weight has to be kept."""
        said = self.tokenizer(text, return_offsets_mapping=True)
        ids, spans = list(said["input_ids"]), list(said["offset_mapping"])
        left_out = max(0, len(ids) - DRAWN)
        if left_out:
            ids, spans = [*ids[: DRAWN - 1], ids[-1]], [*spans[: DRAWN - 1], spans[-1]]
        names = self.tokenizer.convert_ids_to_tokens(ids)
        found = [Token(id, name, start, end) for id, name, (start, end) in zip(ids, names, spans, strict=True)]
        return found, left_out

    def think(self, ids_T: Tensor) -> Thought:
        said = self.model(ids_T[None], output_attentions=True)
        return Thought(torch.cat([*said.attentions]).float(), said.last_hidden_state[0].float(), None)

    def sentence(self, ids_BT: Tensor) -> Tensor:
        with torch.inference_mode():
            return F.normalize(self.model(ids_BT).last_hidden_state.float().mean(1), dim=-1)


def fetch(name: str) -> HubModel:
    """The hub's model of that name; raises `ModelError`."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ModelError(BAD_NAME)
    if os.environ.get("TORCHLIGHT_HUB") != "1":
        raise ModelError(OFF)
    if importlib.util.find_spec("transformers") is None:
        raise ModelError(MISSING)
    return opened(download(name), name)


def download(name: str) -> Path:
    """The folder that the model's files were fetched into; raises `ModelError`."""
    hub: Any = importlib.import_module("huggingface_hub")
    whole = attempt(
        lambda: hub.HfApi(token=False).model_info(name, files_metadata=True, timeout=SECONDS), UNREACHABLE, name
    )
    sizes = {file.rfilename: int(file.size or 0) for file in whole.siblings or []}
    if WEIGHTS not in sizes:
        raise ModelError(NO_SAFETENSORS, name=name)
    if sizes[WEIGHTS] > MOST_BYTES:
        raise ModelError(TOO_LARGE, name=name, megabytes=sizes[WEIGHTS] // 1_000_000, most=MOST_BYTES // 1_000_000)
    wanted = {"revision": whole.sha, "allow_patterns": list(FETCHED), "token": False, "etag_timeout": SECONDS}
    return Path(attempt(lambda: hub.snapshot_download(name, **wanted), UNREACHABLE, name))


def opened(folder: Path, name: str) -> HubModel:
    """The model in `folder`, opened without network, code or pickle; raises `ModelError`."""
    transformers: Any = importlib.import_module("transformers")
    safe = {"trust_remote_code": False, "local_files_only": True}

    def load() -> HubModel:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        how = {**safe, "use_safetensors": True, "attn_implementation": "eager"}
        model = transformers.AutoModel.from_pretrained(folder, **how)
        return HubModel(name, model.train(False).requires_grad_(False), tokenizer)

    found = attempt(load, UNREADABLE, name)
    tokens, _left_out = attempt(lambda: found.tokens("One test, two tests"), UNREADABLE, name)
    thought = attempt(lambda: found.think(torch.tensor([token.id for token in tokens])), NO_ATTENTION, name)
    sides = thought.weight_LHTT.shape
    if len(sides) != 4 or sides[2:] != (len(tokens), len(tokens)):
        raise ModelError(NO_ATTENTION, name=name)
    return found


def attempt(act: Callable[[], T], template: str, name: str) -> T:
    """What `act` gives; raises `ModelError` whatever goes wrong.

    Broad on purpose: networks, the hub's client and a stranger's files fail in ways that nobody has listed, and each
    of them means the same to a visitor. The cause stays attached.
    """
    try:
        return act()
    except Exception as error:
        raise ModelError(template, name=name) from error
