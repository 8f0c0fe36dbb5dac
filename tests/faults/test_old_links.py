"""A link of an older version opens what of it still makes sense, and the page says what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.gan import GanTraining
from state import links
from tests.browsing import ROOT

GONE = {"critic_steps": "5", "lr_g": "0.0005"}
"""A knob that there is no more, beside one that there is."""


def test_knobs_that_are_gone_are_named_and_the_rest_is_kept() -> None:
    link = links.read(GanTraining, {**GONE, "utm_source": "x", "fbclid": "x", "lesson": "x", "a" * 99: "x", "<b>": "x"})
    assert link.unknown == ("critic_steps",) and link.corrected == ()
    assert link.experiment == GanTraining(lr_g=0.0005)


def test_what_this_version_writes_is_never_called_old() -> None:
    for story in GanTraining.stories():
        address = links.write(story.experiment, at=5, beside=story.beside, view="levels")
        assert links.read(GanTraining, address).unknown == ()


def test_a_link_says_the_version_that_it_was_made_with() -> None:
    now = GanTraining.version
    assert links.write(GanTraining()) == {} and links.write(GanTraining(lr_g=0.0005))["v"] == str(now) != "1"
    told = {said: links.read(GanTraining, {"lr_g": "0.0005", "v": said}) for said in ("1", str(now), str(now + 1), "x")}
    assert [link.earlier for link in told.values()] == [True, False, False, False]
    assert [link.corrected for link in told.values()] == [(), (), (), ("v",)]
    assert not links.read(GanTraining, {"lr_g": "0.0005"}).earlier  # made before links said so


@pytest.mark.parametrize(
    ("address", "sentence"),
    [({"lr_g": "0.0005", "v": "1"}, "an earlier version of this experiment; its numbers may differ"),
     (GONE, "another version of Torchlight: there is no `critic_steps`"),
     ({"loss": "dropped"}, "`loss` could not be used")],
    ids=["a version that is gone", "a knob that is gone", "an option that is gone"],
)  # fmt: skip
def test_the_page_says_so(home: Path, address: dict[str, str], sentence: str) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.run().switch_page(str(ROOT / "pages" / "gan.py"))
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception and [sentence in said.value for said in app.warning] == [True]
