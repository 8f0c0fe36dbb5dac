"""Who knows the operator's token: compared in constant time, and wrong tries make everybody's next ones wait."""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

FREE_TRIES = 3
LONGEST_WAIT_S = 300.0
MOST_KNOWN = 1000
FREE_TRIES_OF_ALL = 30
"""Wrong tries from whatever address within `LONGEST_WAIT_S` before everybody waits: addresses are cheap."""


class Gate:
    """Checks tokens; after some wrong ones from an address it answers nobody there for a while, doubling each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._all: list[float] = []

    @staticmethod
    def token(environment: Mapping[str, str] = os.environ) -> str:
        """The operator's token; empty where nobody set one, and then there is no operator's view."""
        return environment.get("TORCHLIGHT_ADMIN_TOKEN", "")

    def wait_s(self, address: str) -> float:
        """For how long no token from there will be looked at; 0 where one would be."""
        with self._lock:
            now = self._clock()
            tries, last = self._wrong.get(address, (0, 0.0))
            doubled = min(tries - FREE_TRIES, 64)  # beyond a thousand doublings lies no number
            pause = min(LONGEST_WAIT_S, 2.0**doubled) if tries >= FREE_TRIES else 0.0
            self._all = [when for when in self._all if now - when < LONGEST_WAIT_S]
            crowd = self._all[-1] + 1.0 - now if len(self._all) >= FREE_TRIES_OF_ALL else 0.0
            return max(0.0, last + pause - now if tries else 0.0, crowd)

    def opens(self, address: str, token: str) -> bool:
        """Whether this is the token; a wrong one is counted. Nothing is looked at while `wait_s` is not over."""
        wanted = self.token()
        if not wanted or self.wait_s(address) > 0:
            return False
        right = hmac.compare_digest(token.encode(), wanted.encode())
        with self._lock:
            if right:
                self._wrong.pop(address, None)
            else:
                now = self._clock()
                self._wrong[address] = (self._wrong.pop(address, (0, 0.0))[0] + 1, now)
                self._all.append(now)
                while len(self._wrong) > MOST_KNOWN:
                    self._wrong.popitem(last=False)
        return right


GATE = Gate()
"""The gate of this server, for every way in."""
