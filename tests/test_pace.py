"""The speed that a visitor reads is that of steps, never of a wait before, between or after them."""

from __future__ import annotations

import pytest

from state.progress import Pace


def test_no_wait_before_the_first_step_or_in_a_pause_is_taken_for_slow_steps() -> None:
    pace = Pace(step=100)
    for begin, step in ((0.0, 100), (500.0, 340)):
        assert pace.at(begin, step) == pace.at(begin + 60, step) == 0  # prepared or held for a minute
        assert pace.at(begin + 60.1, step + 40) == 0  # when that step began nobody saw
        for tick in range(2, 7):
            assert pace.at(begin + 60 + tick / 10, step + 40 * tick) == pytest.approx(400)
        pace.rest(step + 240)


def test_steps_of_two_seconds_are_half_a_step_a_second_whenever_asked() -> None:
    pace = Pace(step=0)
    paces = [pace.at(tick / 10, tick // 20) for tick in range(200)]
    assert paces[:40] == [0] * 40
    assert paces[40:] == pytest.approx([0.5] * 160)


def test_what_hangs_slows_down() -> None:
    pace = Pace(step=0)
    for tick in range(20):
        pace.at(tick / 10, 10 * tick)
    assert pace.at(11.9, 190) == pytest.approx(100 / 9, rel=0.2)
