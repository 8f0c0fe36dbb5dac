"""A visitor's text where Markdown is understood: shown letter by letter, whatever it looks like."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """`text` in one line, with every sign of Markdown, HTML, colours, icons and formulas counting as itself."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
