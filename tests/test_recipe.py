"""The README's recipe for a new family, followed to the letter in a copy of the house: two files and no edit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VISIT = """
from pathlib import Path
from streamlit.testing.v1 import AppTest
front = AppTest.from_file(str(Path("app.py").absolute()), default_timeout=60).run()
page = front.switch_page(str(Path("pages/neuron.py").absolute())).run()
assert not page.exception, page.exception
assert [slider.label for slider in page.select_slider][:1] == ["Gap"]
assert any("Train" in button.label for button in page.button)
"""


def section(title: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with the two files that the README prints."""
    copy = tmp_path_factory.mktemp("recipe") / "house"
    unneeded = shutil.ignore_patterns("__pycache__", "*.npz", "benchmarks")
    for room in ("models", "state", "pages", "tests", ".streamlit"):
        shutil.copytree(ROOT / room, copy / room, ignore=unneeded)
    for data in (ROOT / "models" / "data").glob("*.npz"):
        (copy / "models" / "data" / data.name).symlink_to(data)
    shutil.copy(ROOT / "app.py", copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    (copy / "README.md").write_text("| One neuron |")
    found = re.findall(r"`(\w+/\w+\.py)`:\n\n```python\n(.*?)```", section("Add a family in two files"), re.DOTALL)
    assert [path for path, _ in found] == ["models/neuron.py", "pages/neuron.py"]
    for path, code in found:
        assert not (copy / path).exists()
        (copy / path).write_text(code, encoding="utf-8")
    return copy


def said(house: Path, *command: str) -> str:
    environment = {**os.environ, "TORCHLIGHT_HOME": str(house.parent / "home")}
    done = subprocess.run(
        [sys.executable, *command], cwd=house, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_command_line_trains_it(house: Path) -> None:
    assert "finished" in said(house, "-m", "state", "train", "OneNeuron", "--gap", "3")
    assert "OneNeuron" in said(house, "-m", "state", "list")


def test_it_keeps_the_contract(house: Path) -> None:
    chosen = said(house, "-m", "pytest", "tests/test_contract.py", "-k", "OneNeuron", "-p", "no:cacheprovider")
    assert re.search(r"\b1\d passed", chosen) and "failed" not in chosen


def test_it_has_a_page(house: Path) -> None:
    said(house, "-c", VISIT)


def test_it_is_as_clean_as_the_house_wants(house: Path) -> None:
    said(house, "-m", "ruff", "check", "models/neuron.py", "pages/neuron.py")
    said(house, "-m", "ruff", "format", "--check", "models/neuron.py")
