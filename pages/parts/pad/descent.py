"""A search for a code as a film: played at once, held, or wound by hand, with its cost and its way on the map."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pages.parts.component import component
from pages.parts.live.module import module
from pages.parts.pad import HERE, LIVE

WORDS: Mapping[str, str] = {
    "locale": "en",
    "target": "Your picture",
    "drawn": "What the code draws",
    "rest": "What still differs",
    "map": "The code's way on the map",
    "curve": "Cost in nats over the steps of descent",
    "steps": "Step of the descent",
    "at": "step {step} of {last}: {cost} nats",
    "play": "Play",
    "halt": "Hold",
}

_descent = component(
    "descent",
    html='<div class="tp-root"></div>',
    css="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("pad.css", "descent.css")),
    js=module(LIVE, ("frames", "numbers", "theme", "canvas", "cloud")) + "\n" + module(HERE, ("descent",)),
)


def descent(film: Mapping[str, Any], *, words: Mapping[str, str], key: str) -> None:
    """Mount the film (see `pages.parts.latent.own.film_of`); a new one begins to play by itself."""
    packed = {name: base64.b64encode(film[name]).decode() for name in ("target", "pictures")}
    _descent(key=key, data={**film, **packed, "words": {**WORDS, **words}})
