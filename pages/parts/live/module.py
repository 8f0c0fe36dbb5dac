"""Small JavaScript modules joined into one, since a component's code is a single inline module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_IMPORT = re.compile(r"^import [^;]*?;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def module(folder: Path, parts: Sequence[str]) -> str:
    """The files `parts` (in order of dependence) as one module.

    No name may be declared at the top of two files: the browser would refuse the whole module.
    """
    texts = [(folder / f"{part}.js").read_text(encoding="utf-8") for part in parts]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)
