"""How a trainer tells its worker what happens: by a pipe for words, and by memory that both share for large arrays.

The worker looks into the pipe now and then, and is not woken by each word: the kernel takes it that who writes to a
pipe has no more to do, and runs the reader on the writer's core. What goes through the pipe was written by a process
that this one forked, and by nobody else: so it may be unpickled.
"""

from __future__ import annotations

import contextlib
import mmap
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from models.experiment import Event, Note, Scalars, Snapshot

ROOM_BYTES = 1 << 20
"""What the pipe shall hold until the worker reads it."""
LOOK_S, FIRST_LOOK_S = 0.02, 0.002
"""How often the worker looks, and how often before the first word."""
GATHER_S = 0.01
"""Where steps follow each other sooner, what is said of them is sent together, so far apart."""
LARGE_BYTES = 4096
"""Arrays of so many bytes travel beside the pipe."""
SHELF_BYTES = 1 << 26
"""Memory for them; it is there when it is used."""


class Gone(Exception):  # noqa: N818  (what happened to the trainer)
    """The other end was closed without a last word."""


@dataclass(frozen=True)
class End:
    """The last word: training has ended, by itself or by an error."""

    reason: Note | None = None


Told = Event | None
"""What training tells; None: it holds at the checkpoint before, until it hears that it shall go on."""


class Line:
    """Both ends, until each process has taken its own."""

    def __init__(self) -> None:
        self._told, self._tell = Pipe(duplex=False)
        self._bell, self._ring = Pipe(duplex=False)
        self._shelf = Shelf()
        self._room = _widened(self._tell)

    def speaker(self) -> Speaker:
        """The trainer's end."""
        self._told.close()
        self._bell.close()
        return Speaker(self._tell, self._ring, self._shelf, self._room)

    def words(self) -> Iterator[Told | End]:
        """The worker's end: what is said. Raises `Gone`."""
        self._tell.close()
        self._ring.close()
        return self._heard()

    def _heard(self) -> Iterator[Told | End]:
        look_s = FIRST_LOOK_S
        try:
            while True:
                with contextlib.suppress(EOFError):  # what was said before lies in the pipe, and then its end
                    if self._bell.poll(look_s):
                        self._bell.recv_bytes()
                while self._told.poll():
                    words, laid = pickle.loads(self._told.recv_bytes())
                    look_s = LOOK_S
                    yield from pickle.loads(words, buffers=self._shelf.take(*laid) if laid else ())
        except (EOFError, OSError):  # the second where it ended in the middle of a word
            raise Gone from None


class Speaker:
    """The trainer's end."""

    def __init__(self, told: Connection, ring: Connection, shelf: Shelf, room: int) -> None:
        """`room`: bytes that the pipe holds."""
        self._told, self._ring, self._shelf, self._room = told, ring, shelf, room
        self._words: list[Told | End] = []
        self._step, self._slow = -1, True
        self._stepped = self._sent = 0.0

    def say(self, word: Told | End) -> None:
        """Say it: at once, or, of steps that follow each other quickly, with what is said next.

        Rows and pictures alone are kept back so: should the next step be a long one, they are heard after it.
        """
        self._words.append(word)
        now, last = time.monotonic(), word is None or isinstance(word, End)
        if isinstance(word, Event) and word.step != self._step:
            self._step, self._slow, self._stepped = word.step, now - self._stepped > GATHER_S, now
        if isinstance(word, Scalars | Snapshot) and not (self._slow or now - self._sent > GATHER_S):
            return
        words, self._words = self._words, []  # first: one that cannot be packed is not in the way of the last
        said = self._packed(words)
        if last or len(said) > self._room // 4:
            self._ring.send_bytes(b"look")
        self._told.send_bytes(said)
        self._sent = now

    def _packed(self, said: list[Told | End]) -> bytes:
        """The words; large arrays lie on the shelf, as long as there is room."""
        large = list[memoryview]()

        def stays(buffer: pickle.PickleBuffer) -> bool:
            array = buffer.raw()
            if array.nbytes >= LARGE_BYTES:
                large.append(array)
            return array.nbytes < LARGE_BYTES

        words = pickle.dumps(said, 5, buffer_callback=stays)
        laid = self._shelf.lay(large) if large else None
        if large and laid is None:
            words = pickle.dumps(said, 5)
        return pickle.dumps((words, laid), 5)


class Shelf:
    """Memory that both share, in which the trainer lays arrays and from which the worker takes them, in their order."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, SHELF_BYTES))
        self._taken = memoryview(mmap.mmap(-1, mmap.PAGESIZE))[:8].cast("q")
        """The worker's count: how far it has come. The trainer starts it anew with its own, where all is taken."""
        self._laid = 0
        """The trainer's count; an end of the memory that is too small for an array counts as laid."""

    def lay(self, arrays: list[memoryview]) -> tuple[list[slice], int] | None:
        """Where they lie now, and the count when they are taken; None where there is no room for all."""
        if self._taken[0] == self._laid:
            self._taken[0] = self._laid = 0
        places, end = list[slice](), self._laid
        for array in arrays:
            if end % SHELF_BYTES + array.nbytes > SHELF_BYTES:
                end += -end % SHELF_BYTES
            places.append(slice(end % SHELF_BYTES, end % SHELF_BYTES + array.nbytes))
            end += array.nbytes
            if end - self._taken[0] > SHELF_BYTES:
                return None
        for array, place in zip(arrays, places, strict=True):
            self._memory[place] = array
        self._laid = end
        return places, end

    def take(self, places: list[slice], end: int) -> list[bytearray]:
        """Copies of the arrays; their room is free then."""
        arrays = [bytearray(self._memory[place]) for place in places]
        self._taken[0] = end
        return arrays


def _widened(pipe: Connection) -> int:
    """What the pipe holds, once it is as wide as it may be."""
    import fcntl

    with contextlib.suppress(OSError):  # the system grants a user only so much
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, ROOM_BYTES)
    return fcntl.fcntl(pipe.fileno(), fcntl.F_GETPIPE_SZ)
