"""The command line: what it trains is what pages see, and whatever it cannot do it says in a line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from state.__main__ import main
from state.home import Limits
from state.row import Row
from state.runs import Runs
from tests.toys import Toy, store


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """One home for the tests of this file; each takes seeds of its own."""
    with store(tmp_path_factory.mktemp("home"), slots=2) as opened:
        yield opened


def test_the_command_line_trains_what_pages_see(opened: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "Toy", "--steps", "60", "--seed", "9", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["state"] == "finished"
    losses = [loss for event in events if event["event"] == "scalars" for loss in event["values"].get("loss", [])]
    run = opened.open(Toy(steps=60, seed=9))
    assert losses == run.columns()["loss"][1].tolist()
    assert main(["train", "Toy", "--steps", "60", "--fault", "raises", "--fault-at", "5"]) == 1
    capsys.readouterr()
    assert main(["show", run.key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["last"]["loss"] == losses[-1]


def test_what_this_version_does_not_know_is_listed_with_its_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Toy(steps=10)
    stored = [Row("a" * 26, "Gone", "{}", 5), Row("b" * 26, "Toy", '{"lr": -1}', 5), Row("c" * 26, "Toy", "{}", 5),
              Row(known.key, "Toy", json.dumps(known.model_dump(mode="json")), 10)]  # fmt: skip
    with store(tmp_path) as opened:
        for row in stored:
            opened._control.admit(row, Limits())
        assert main(["list"]) == 0
        said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
        for row in stored:
            unknown = opened.find(row.key).unknown
            assert (unknown is None) == (row.key == known.key)
            assert ("does not know" in said[row.key]) == (unknown is not None)
            assert main(["show", row.key]) == 0


class Counted(sqlite3.Connection):
    """A connection that is missed until somebody closes it."""

    left: ClassVar[list[str]] = []

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        self.left.append(str(path))
        self.path = str(path)

    def close(self) -> None:
        self.left.remove(self.path)
        super().close()


def test_whoever_opens_a_database_closes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python warns of others from 3.13 on."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, factory=Counted, **options))
    with store(tmp_path) as opened:
        key = opened.open(Toy(steps=20)).key
        before = len(Counted.left)
        assert main(["train", "Toy", "--steps", "20"]) == 0
        for words in (["list"], ["show", key], ["pin", key], ["stop", key], ["delete", key]):
            assert main(words) == 0
        with pytest.raises(SystemExit):
            main(["show", key])
        assert len(Counted.left) == before
    assert Counted.left == []


def test_impossible_knobs_get_one_line_each(opened: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "Toy", "--steps", "0", "--lr", "7"]) == 2
    assert {line.split(":")[0] for line in capsys.readouterr().err.splitlines()} == {"--lr", "--steps"}
