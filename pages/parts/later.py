"""Slow answers off the page's path: computed once in a thread of their own, shown when they are there."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import Any

import streamlit as st

PATIENCE_S = 0.03
LOOK_S = 0.7
MOST = 200
MISSED = ContextVar("missed", default=0)
"""How many answers were not there yet when they were asked for, in this thread."""


class Later:
    """At most `MOST` answers by their key, one being computed at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "later", initializer=_politely)
        self._answers: dict[object, Future[Any]] = {}
        self._lock = threading.Lock()

    def ask(self, key: object, compute: Callable[[], Any]) -> Future[Any]:
        """The answer to `key`, being computed from now on where nobody asked before."""
        with self._lock:
            if key not in self._answers:
                while len(self._answers) >= MOST:
                    self._answers.pop(next(iter(self._answers)))
                self._answers[key] = self._pool.submit(compute)
            return self._answers[key]

    def forget(self, key: object) -> None:
        """Let the answer be computed anew when it is asked for again."""
        with self._lock:
            self._answers.pop(key, None)


def _politely() -> None:
    """On Linux a thread has a niceness of its own: visitors and training come first."""
    if hasattr(os, "setpriority") and hasattr(threading, "get_native_id"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


@st.cache_resource(show_spinner=False)
def answers() -> Later:
    return Later()


def later(key: object, compute: Callable[[], Any], otherwise: Any) -> Any:
    """`compute()`, if it is known or quickly found; else `otherwise`, and the page is run again when it is there."""
    future = answers().ask(key, compute)
    known = bool(wait([future], timeout=PATIENCE_S).done)
    if known and future.exception() is None:
        return future.result()
    MISSED.set(MISSED.get() + 1)
    if known:
        answers().forget(key)
        logging.getLogger(__name__).error("An answer could not be computed.", exc_info=future.exception())
        return otherwise

    @st.fragment(run_every=LOOK_S)
    def look() -> None:
        if future.done():
            st.rerun()

    look()
    return otherwise
