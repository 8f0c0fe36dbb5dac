"""Paint the code map: the VQ-VAE's decoder in the browser, a palette of codes, and a picture that follows the brush."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pages.parts.component import component
from pages.parts.live.module import module
from pages.parts.pad import HERE, LIVE

WORDS: Mapping[str, str] = {
    "canvas": "Paint on the code map",
    "original": "The picture it began with",
    "choose": "Held-out picture",
    "palette": "Codes, the most used first",
    "code": "Code {code}",
    "cell": "row {row}, column {column}: code {code}",
    "back": "Back to the picture's own codes",
}

_codes = component(
    "codes",
    html='<div class="tp-root"></div>',
    css=(HERE / "pad.css").read_text(encoding="utf-8"),
    js=module(LIVE, ("frames", "theme", "canvas")) + "\n" + module(HERE, ("decoder", "paint")),
)


def codes(scene: Mapping[str, Any], *, words: Mapping[str, str], key: str) -> None:
    """Mount the painter over `scene` (see `pages.parts.latent.codebook.scene`)."""
    packed = {name: base64.b64encode(scene[name]).decode() for name in ("weights", "codes")}
    _codes(key=key, data={**scene, **packed, "words": {**WORDS, **words}})
