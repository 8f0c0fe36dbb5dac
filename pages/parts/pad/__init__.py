"""The drag pad: a map of codes under the finger, decoded in the browser with the weights of the running model.

The decoder is small: sent once (1.3 MB for 20-400-784), it answers in a millisecond, where a request to the server
would take a network's round trip. The pad says only `picks` ({model, points, turn}), where points may be picked.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit.components.v2.bidi_component import ComponentResult

from pages.parts.component import component
from pages.parts.live.module import module

HERE = Path(__file__).parent
LIVE = HERE.parent / "live"

WORDS: Mapping[str, str] = {
    "locale": "en",
    "toggle_layer": "Show or hide: {layer}",
    "map": "Map of codes. Drag, or use the arrow keys, to move; the picture follows.",
    "picture": "The code under the finger, decoded",
    "picture_at": "The code at ({x}; {y}), decoded; ink covers {ink} of the picture.",
    "dimension": "Latent number",
    "strip": "What latent number {dimension} does here, from low to high",
    "class": "Class",
}

_pad = component(
    "pad",
    html='<div class="tp-root"></div>',
    css=(HERE / "pad.css").read_text(encoding="utf-8"),
    js=module(LIVE, ("frames", "numbers", "theme", "canvas", "cloud")) + "\n" + module(HERE, ("decoder", "pad")),
)


def pad(
    scene: Mapping[str, Any],
    *,
    words: Mapping[str, str],
    key: str,
    picks: int = 0,
    sliders: bool = True,
    curves: Sequence[Mapping[str, Any]] = (),
    on_picks: Callable[[], None] | None = None,
) -> ComponentResult:
    """Mount the pad over `scene` (see `pages.parts.latent.scene`); with `picks`, up to so many points can be picked.

    `curves` ({places, colour}) are drawn over the map.
    """
    data = {**scene, "weights": base64.b64encode(scene["weights"]).decode(), "words": {**WORDS, **words}}
    return _pad(
        key=key,
        data={**data, "picks": picks, "sliders": sliders, "curves": list(curves)},
        on_picks_change=on_picks or (lambda: None),
    )
