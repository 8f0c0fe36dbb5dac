"""Words that Streamlit itself puts on a page, which it knows in English alone; a script exchanges them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pages.parts.words import LANGUAGES, language, translate

WORDS = (
    "{count} more", "App pages", "Choose an option", "Choose options", "Download as CSV", "Download as PNG",
    "Download as SVG", "Fullscreen", "Close fullscreen", "Search", "Show/hide columns", "Show data",
    "Copy Vega-Lite spec", "Skip to main content", "Open", "Close", "Increment", "Decrement", "Help for {name}",
    "Shortcut {key}", "Upload", "Browse files", "Drag and drop file here", "Drag and drop files here", "Clear value",
    "Clear all", "No results", "Remove {name}", "Running...", "Connecting", "Expand sidebar", "Collapse sidebar",
    "Page not found", "The page that you have requested does not seem to exist. Running the app's main page.",
    "Download as PNG: {name}", "Fullscreen: {name}", "Show data: {name}", "Copy Vega-Lite spec: {name}",
)  # fmt: skip
"""As Streamlit 1.67 writes them; one that a later version words otherwise just stays English."""
SCRIPT = (Path(__file__).parent / "stock.js").read_text(encoding="utf-8").strip()


def script() -> str:
    """JavaScript that puts Streamlit's words into the language of this visit, now and whenever new ones appear."""
    return _script(language())


@cache
def _script(code: str) -> str:
    pairs = [[translate(word, each) for each in LANGUAGES] for word in WORDS]
    return f"{SCRIPT}({json.dumps({'pairs': pairs, 'to': list(LANGUAGES).index(code)})});"
