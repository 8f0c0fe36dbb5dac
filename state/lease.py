"""Who owns a run: a POSIX record lock held by its training process. No clock, no heartbeat, no timeout.

The kernel frees the lock the instant its holder dies, however it dies. `flock` would not do: a forked child (a
data loader) inherits it and keeps a dead worker's run locked; a record lock belongs to the process alone.

The price: closing any other descriptor of the same file in the holder drops the lock. So a process never opens
a lock file that it holds; ask `holder` only about other processes' locks.

On a shared folder (NFSv4, CephFS) the file server keeps the locks of all machines, and frees those of a machine that
is gone for a minute or two. A process there has an id of its own machine: see `is_elsewhere`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import struct
import sys
from pathlib import Path


class Held(RuntimeError):  # noqa: N818
    """Another process owns the lock."""


class Lease:
    """A lock on `path`, held until `close` or the end of the process. Raises `Held`."""

    def __init__(self, path: Path, shared: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(self.descriptor, shared)
        except OSError as error:
            os.close(self.descriptor)
            raise Held(str(path)) from error
        if not shared:
            _sign(self.descriptor)

    def close(self) -> None:
        """Give the lock up; harmless when repeated."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, shared: bool) -> None:
        # Windows knows no shared byte lock here: sharers take one byte each, of 1024; an owner takes byte 0.
        places = range(1, 1024) if shared else range(1)
        for place in places:
            os.lseek(descriptor, place, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if place == places[-1]:
                    raise

    def _sign(descriptor: int) -> None:
        """Windows lets nobody read what is locked."""

    def is_elsewhere(path: Path) -> bool:
        return False

    def holder(path: Path) -> int | None:
        """1 while some process holds the lock (Windows does not tell which), else None."""
        if not path.exists():
            return None
        descriptor = os.open(path, os.O_RDWR)
        try:
            for place in (0, 1, 2, 3):
                os.lseek(descriptor, place, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                os.lseek(descriptor, place, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        except OSError:
            return 1
        finally:
            os.close(descriptor)
        return None

else:
    import fcntl

    # struct flock: (type, whence, start, length, pid) on Linux, (start, length, pid, type, whence) on macOS and BSD.
    _LINUX = sys.platform.startswith("linux")
    _LAYOUT = "@hhqqi4x" if _LINUX else "@qqihh"

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.lockf(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _sign(descriptor: int) -> None:
        with contextlib.suppress(OSError):  # a full disk
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, platform.node().encode(), 0)

    def is_elsewhere(path: Path) -> bool:
        """Whether the newest holder was a process of another machine, by the machine's name that it left there."""
        try:
            return path.read_bytes() not in (b"", platform.node().encode())
        except OSError:
            return False

    def holder(path: Path) -> int | None:
        """The process that holds the lock, or None. Takes no lock itself, so it never stands in anyone's way."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            wish = (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0) if _LINUX else (0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
            answer = struct.unpack(_LAYOUT, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_LAYOUT, *wish)))
        finally:
            os.close(descriptor)
        kind, pid = (answer[0], answer[4]) if _LINUX else (answer[3], answer[2])
        return None if kind == fcntl.F_UNLCK else int(pid)
