"""Quick ones go one by one, a slow one holds nobody up for long, and whatever happens the line moves on."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from state.turns import Turns


def test_quick_ones_never_meet() -> None:
    turns, inside, met = Turns(most_s=10.0), list[int](), list[int]()

    def visit(number: int) -> None:
        with turns.one():
            inside.append(number)
            time.sleep(0.001)
            met.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(visit, range(100)))
    assert met == [1] * 100


def test_a_slow_one_holds_each_up_for_its_time_alone_and_later_ones_take_turns_again() -> None:
    turns, go_on, began = Turns(most_s=0.05), threading.Event(), threading.Event()

    def slow() -> None:
        with turns.one():
            began.set()
            go_on.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait(30)
    with turns.one():  # waits 0.05 s, not for ever
        assert thread.is_alive()
        go_on.set()
        thread.join(30)
        # The slow one's end has not ended this turn.
        assert turns._taken.locked()
    assert not turns._taken.locked()


@pytest.mark.parametrize("many", [1, 20])
def test_whoever_raises_leaves_the_turn_to_the_next(many: int) -> None:
    turns = Turns(most_s=30.0)

    def fail(_number: int) -> None:
        with contextlib.suppress(ValueError), turns.one():
            raise ValueError

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(fail, range(50)))
    assert not turns._taken.locked()
