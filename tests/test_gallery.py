"""The gallery: names and tags, filters and order, links, last values, and the statistics of groups of seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from models.experiment import Scalars
from state.__main__ import main
from state.history import History
from state.record import Record
from state.titles import LONGEST_TAG, LONGEST_TITLE, MOST_TAGS, tags_of, title_of
from tests.toys import Toy, store, wait


@given(some.text(), some.lists(some.text(), max_size=20))
def test_names_and_tags_are_short_printable_lines(text: str, texts: list[str]) -> None:
    title, tags = title_of(text), tags_of(texts)
    assert len(title) <= LONGEST_TITLE and len(tags) <= MOST_TAGS and all(0 < len(tag) <= LONGEST_TAG for tag in tags)
    assert "".join([title, *tags]).isprintable() and not any("," in tag for tag in tags)
    assert title_of(title) == title and tags_of(tags) == tags


def test_last_values_are_those_of_the_whole_record(tmp_path: Path) -> None:
    record, random = Record(tmp_path), np.random.default_rng(0)
    for first in range(1, 60, 3):
        values = {name: np.where(random.random(3) < 0.6, random.random(3), np.nan) for name in ("a", "b")}
        record.add(Scalars(first + 2, first, values if first % 2 else {"a": values["a"]}))
        record.commit()
    record.add(Scalars(70, 70, {"a": np.array([np.nan]), "c": np.array([np.inf]), "never": np.array([np.nan])}))
    record.finish()
    record.close()
    history = History(tmp_path)
    whole = {name: values[~np.isnan(values)] for name, (_, values) in history.columns().items()}
    assert history.last() == {name: known[-1] for name, known in whole.items() if len(known)}
    assert History(tmp_path / "nowhere").last() == {}


def test_the_command_line_names_and_tags(tmp_path: Path) -> None:
    with store(tmp_path) as opened:
        run = opened.open(Toy(steps=1))
        wait(run)
        at = ["--home", str(tmp_path)]
        main(["name", run.key, "the <b>first</b>\n one", *at])
        main(["tag", run.key, "good", "twice, good", *at])
        found = opened.find(run.key)
        assert found is not None
        assert (found.row.title, found.tags) == ("the <b>first</b> one", ("good", "twice"))
        main(["tag", run.key, *at])
        assert opened.list()[0].tags == ()
