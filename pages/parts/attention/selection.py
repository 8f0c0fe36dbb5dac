"""What the visitor has chosen in the picture: a head, a cell of its map, an example; read from the view of the link."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = re.compile(r"head\.(encoder|self|cross)\.(\d{1,2})\.(\d{1,2})")
CELL = re.compile(r"cell\.(\d{1,3})\.(\d{1,3})")
EXAMPLE = re.compile(r"example\.(\d)")


@dataclass(frozen=True)
class Selection:
    """The chosen head, by kind of map, layer and place; the chosen cell (query, key), if any; and the example."""

    kind: str
    layer: int = 0
    head: int = 0
    cell: tuple[int, int] | None = None
    example: int = 0

    @classmethod
    def read(cls, view: str, kind: str) -> Selection:
        """What `view` says; where it says nothing, the first head of the maps of that `kind`. No run is asked."""
        chosen, layer, head, cell, example = kind, 0, 0, None, 0
        for part in view.split(","):
            if found := HEAD.fullmatch(part):
                chosen, layer, head = found[1], int(found[2]), int(found[3])
            elif found := CELL.fullmatch(part):
                cell = int(found[1]), int(found[2])
            elif found := EXAMPLE.fullmatch(part):
                example = int(found[1])
        return cls(chosen, layer, head, cell, example)
