"""No text from outside is ever run: nothing in the app unpickles, evaluates or hands words to a shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / "app.py",
    *(path for room in ("models", "state", "pages") for path in sorted((ROOT / room).rglob("*.py"))),
]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "torch.load",
    "yaml.load",
    "pandas.read_pickle",
}
OWN = {"state/line.py": ["import pickle"]}
"""What is allowed, by file: words of a process that this one forked, through a pipe that nobody else knows."""
# `compile` and `exec` of other things than text: a regular expression, a module, a graph.
METHODS = {"torch.compile", "re.compile"}


def named(call: ast.Call) -> str:
    return ast.unparse(call.func)


def dangers(text: str) -> list[str]:
    """What in this source could run a stranger's text, by line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {one.name}" for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(f"{node.lineno}: from {node.module}")
        elif isinstance(node, ast.Call):
            said = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            truths = {name for name, value in said.items() if not (isinstance(value, ast.Constant) and not value.value)}
            if named(node) in CALLS - METHODS or truths & {"shell", "allow_pickle"}:
                found.append(f"{node.lineno}: {ast.unparse(node)[:80]}")
    return found


@pytest.mark.parametrize("text", ["import pickle", "torch.load(x)", "np.load(x, allow_pickle=True)", "eval(x)",
                                  "subprocess.run(x, shell=True)", "from marshal import loads"])  # fmt: skip
def test_a_danger_is_found(text: str) -> None:
    assert dangers(text)


def test_nothing_runs_a_stranger_s_text() -> None:
    assert len(FILES) > 100
    found = {str(path.relative_to(ROOT)): dangers(path.read_text(encoding="utf-8")) for path in FILES}
    said = {path: [line.partition(": ")[2] for line in lines] for path, lines in found.items() if lines}
    assert said == OWN, found
