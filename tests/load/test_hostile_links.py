"""Whatever stands in a link, reading it gives a valid experiment, and writing that gives a link that reads the same.

`TORCHLIGHT_LINKS` sets how many links are read; those of every tenth experiment's own names, the rest anybody's.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from models.catalogue import experiments
from state.links import read, write
from tests.load.drivers import ODD

LINKS = int(os.environ.get("TORCHLIGHT_LINKS", "300"))
CLASSES = list(experiments().values())
NAMES = sorted({name for cls in CLASSES for name in cls.knobs()} | {"at", "twin", "beside", "view", "changes", "lang"})
VALUES = some.one_of(
    some.sampled_from(ODD), some.text(max_size=60), some.integers().map(str), some.floats().map(str),
    some.builds("{}:{}".format, some.sampled_from(NAMES), some.integers() | some.text(max_size=9)),
    some.builds("{}:{}:{}".format, some.integers(), some.sampled_from(NAMES), some.floats()),
)  # fmt: skip


@settings(max_examples=LINKS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    some.sampled_from(CLASSES),
    some.dictionaries(some.sampled_from(NAMES) | some.text(max_size=20), VALUES, max_size=8),
)
def test_any_link_gives_a_valid_experiment(cls: type, parameters: dict[str, str]) -> None:
    link = read(cls, parameters)
    assert type(link.experiment) is cls and set(link.corrected) <= {*parameters, *cls.knobs(), "view", "twin", "beside"}
    again = read(cls, write(link.experiment, at=link.at, twin=link.twin, view=link.view, beside=link.beside))
    assert again.experiment == link.experiment and not again.corrected
