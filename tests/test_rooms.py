"""The house: who may import whom, and what no file may contain."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.parts.live import PARTS

ROOT = Path(__file__).parents[1]
ALLOWED = {"models": {"models"}, "state": {"models", "state"}, "pages": {"models", "state", "pages"}}
FILES = [path for room in ALLOWED for path in sorted((ROOT / room).rglob("*.py"))]
WITH_STREAMLIT = {ROOT / "state" / "serving.py"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_room_imports_backwards(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    tops = {module.split(".")[0] for module in imported(path)}
    assert tops & set(ALLOWED) <= ALLOWED[room]
    if room != "pages" and path not in WITH_STREAMLIT:
        assert "streamlit" not in tops


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path: Path) -> None:
    """But for what a process hears from the one that it forked, through a pipe without a name."""
    allowed = {"pickle"} if path == ROOT / "state" / "line.py" else set[str]()
    assert {"pickle", "dill", "joblib", "shelve", "marshal"} & set(imported(path)) == allowed
    assert not re.search(r"torch\.load|allow_pickle=True|(?<!literal_)eval\(", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_live_view_declares_no_name_twice() -> None:
    """Its files become one module (pages/parts/live/module.py): a browser would refuse the whole of it."""
    names = [
        found
        for part in PARTS
        for found in re.findall(
            r"^(?:export )?(?:const|let|class|function|async function) (\w+)",
            (ROOT / "pages" / "parts" / "live" / f"{part}.js").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]
    assert sorted(names) == sorted(set(names))
