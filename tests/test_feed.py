"""From numbers to frames and viewers: what is sent is what was recorded, pictures may be skipped, numbers may not."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import array_shapes, arrays

from models.experiment import Pixels, Points, Snapshot
from state import feed as feeds
from state.columns import Column
from state.feed import LATER, Viewer
from state.frames import Quantised, decode, encode, picture, quantise, scalars_frames, stamped
from state.growing import Grown

floats = arrays(np.float32, array_shapes(max_dims=3, max_side=6), elements=some.floats(-1e6, 1e6, width=32))


@given(some.dictionaries(some.text("abc_", min_size=1), floats, max_size=3))
def test_decoding_an_encoded_frame_gives_the_arrays_back(sent: dict[str, np.ndarray]) -> None:
    header, received = decode(encode({"kind": "scalars"}, sent))
    assert header["kind"] == "scalars" and list(received) == list(sent)
    for name, array in sent.items():
        np.testing.assert_array_equal(received[name], array)


@given(floats)
def test_pixels_are_off_by_half_a_level_at_most(array: np.ndarray) -> None:
    found = quantise(array)
    back = found.low + found.pixels.astype(float) / 255 * (found.high - found.low)
    np.testing.assert_allclose(back, array, atol=(found.high - found.low) / 510 * 1.001 + 1e-6)


def test_broken_values_become_pixels_not_exceptions() -> None:
    assert quantise(np.array([np.nan, np.inf, -np.inf, 0.5]), 0.0, 1.0).pixels.tolist() == [0, 255, 0, 128]
    assert isinstance(quantise(np.full(3, np.nan)), Quantised)


def test_only_arrays_with_a_wire_rule_travel() -> None:
    snapshot = Snapshot(7, {"points": np.ones((9, 2), np.float32), "map": np.eye(3), "secret": np.ones(4)})
    header, sent = decode(picture(snapshot, {"points": Points(4), "map": Pixels()}, live=True))
    assert header["step"] == 7 and sent["points"].shape == (4, 2) and sent["map"].dtype == np.uint8
    assert "secret" not in sent


def test_the_newest_picture_wins_and_no_number_is_lost() -> None:
    async def story() -> list[bytes | int]:
        viewer = Viewer()
        for step in range(5):
            viewer.tell(b"numbers %d" % step)
            viewer.show(b"picture %d" % step)
            viewer.ask(step)
        return [await viewer.next() for _ in range(7)]

    numbers = [b"numbers 0", b"numbers 1", b"numbers 2", b"numbers 3", b"numbers 4"]
    assert asyncio.run(story()) == [*numbers, b"picture 4", 4]


def test_who_does_not_read_is_sent_away_and_holds_no_memory() -> None:
    viewer = Viewer()
    viewer.greet(bytes(9 * 2**20))
    for _ in range(5):
        viewer.tell(bytes(2**20))
    assert viewer.code == LATER and viewer.over.is_set() and not viewer.frames


def test_more_fields_in_a_header_leave_the_arrays_alone() -> None:
    frame = encode({"kind": "snapshot", "step": 90}, {"points": np.arange(6.0).reshape(3, 2), "x": np.arange(3)})
    header, sent = decode(stamped(frame, asked=200))
    assert header["step"] == 90 and header["asked"] == 200
    np.testing.assert_array_equal(sent["points"], np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(sent["x"], np.arange(3))


@given(some.lists(some.dictionaries(some.sampled_from("abcd"), some.integers(1, 400)), max_size=8))
def test_columns_that_grow_bit_by_bit_are_the_columns_as_a_whole(history: list[dict[str, int]]) -> None:
    grown, whole, noise = Grown(), dict[str, Column](), np.random.default_rng(0)
    for delta in history:
        new: dict[str, Column] = {}
        for name, rows in delta.items():
            steps, values = whole.get(name, (np.zeros(0, np.int64), np.zeros(0)))
            new[name] = len(steps) + 1 + np.arange(rows), noise.normal(size=rows)
            whole[name] = np.concatenate((steps, new[name][0])), np.concatenate((values, new[name][1]))
        grown.add(new)
    found = grown.columns()
    assert found.keys() == whole.keys()
    for name, (steps, values) in whole.items():
        np.testing.assert_array_equal(found[name][0], steps)
        np.testing.assert_array_equal(found[name][1], values.astype(np.float32))


def test_columns_recorded_together_share_their_steps() -> None:
    grown = Grown()
    for first in (1, 51):
        steps = first + np.arange(50)
        grown.add(dict.fromkeys("abc", (steps, steps * 0.5)))
    assert len({id(steps.base) for steps, _ in grown.columns().values()}) == 1
    assert len(scalars_frames(grown.columns())) == 1


def test_a_history_is_whole_to_forty_thousand_rows_and_says_so_where_it_is_not() -> None:
    def sent(rows: int) -> tuple[bool, int]:
        columns = {"loss": (np.arange(1, rows + 1), np.sin(np.arange(rows)))}
        ((header, arrays),) = map(decode, scalars_frames(columns, reset=True, most=feeds.MOST_ROWS))
        return header["thinned"], len(arrays["loss"])

    assert sent(40_000) == (False, 40_000)
    thinned, rows = sent(100_000)
    assert thinned and 20_000 < rows <= 40_000
