"""A training step compiled in the background, by a process of its own at the lowest priority.

    python -m models.layers.compiling PLACE     compiles what is wished for in PLACE, the newest wish first, and ends

Small networks spend their time between operations, not in them. Compiled, a step is one call: operations that stand
beside each other become one loop in C++, the rest follows without Python between. What is compiled is a `Tape`, so no
model is written twice, and steps that do the same share one package: its key is a hash of the list of operations with
their shapes and constants, of PyTorch's version, the processor's instructions, this file and `program.py`.

It is asked for by `TORCHLIGHT_COMPILE=1`, because rounding is not that of plain operations, and needs a C++ compiler.
`TORCHLIGHT_COMPILED` names the place where packages are kept.

Source: Ansel et al. 2024, "PyTorch 2", ASPLOS, section 4 (Inductor, and packages compiled ahead of time).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

from models.layers import program
from models.layers.tape import Tape
from models.running import COMPILE

PLACE = "TORCHLIGHT_COMPILED"
LONGEST_S = 900
"""A compiler that takes longer has failed."""
REFUSED_S = 3600
"""So long a failure counts: a compiler may be installed meanwhile."""
MOST_BYTES, MOST_SAID = 200_000_000, 1000

_started: list[subprocess.Popen[bytes]] = []
"""Compilers at work: whoever starts one has to take notice of its end."""


def place() -> Path | None:
    """Where compiled steps are kept; None where steps are not to be compiled."""
    if os.environ.get(COMPILE, "") != "1" or not os.environ.get(PLACE, ""):
        return None
    return Path(os.environ[PLACE])


def key_of(text: str) -> str:
    """What a compiled step is filed under: all that its machine code depends on."""
    recipe = Path(__file__).read_bytes() + Path(program.__file__).read_bytes()
    said = [torch.__version__, instructions(), str(torch.get_num_threads())]
    return hashlib.sha256(b"\0".join([text.encode(), recipe, *(one.encode() for one in said)])).hexdigest()[:32]


@cache
def instructions() -> str:
    """All that this processor can do: code is made for this very one, and another may die of it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    told = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{torch.backends.cpu.get_cpu_capability()} {told}"


def wishes(where: Path) -> list[str]:
    """Keys of the steps that wait to be compiled there, or are being compiled, the newest first."""
    found = []
    for file in where.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            found.append((file.stat().st_mtime, file.stem))
    return [key for _time, key in sorted(found, reverse=True)]


class Package:
    """One step at its place on disk: wished for, being compiled, there, or refused."""

    def __init__(self, where: Path, key: str) -> None:
        self.where, self.key, self.asked = where, key, False
        self.wish, self.file, self.refusal, self.verdict = (
            where / f"{key}{end}" for end in (".json", ".pt2", ".refused", ".slow")
        )

    @property
    def there(self) -> bool:
        return self.file.exists()

    @property
    def refused(self) -> bool:
        """Whether it failed lately."""
        with contextlib.suppress(FileNotFoundError):
            return time.time() - self.refusal.stat().st_mtime < REFUSED_S
        return False

    @property
    def slow(self) -> bool:
        """Whether it was compiled once and brought nothing: that does not change, and nobody compiles it again."""
        return self.verdict.exists()

    def ask(self, text: str) -> None:
        """Have a process of its own compile the step, unless that is done or under way."""
        self.asked = True
        if self.there or self.refused or self.slow:
            return
        self.where.mkdir(parents=True, exist_ok=True)
        self.wish.write_text(f'{{"threads": {torch.get_num_threads()}, "step": {text}}}')
        with _alone(self.where) as alone:
            pass
        if not alone:  # a compiler is at work: it finds the wish before it ends
            return
        with (self.where / "log").open("a") as log:
            _started[:] = [one for one in _started if one.poll() is None]
            compiler = subprocess.Popen(
                [sys.executable, "-m", "models.layers.compiling", str(self.where)],
                cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            _started.append(compiler)

    def load(self) -> Any:
        """The step as a callable object: `boxed_run(inputs)`. Raises `RuntimeError` for a damaged file."""
        self.file.touch()  # the time of last use, by which packages are thrown out
        return torch._C._aoti.AOTIModelPackageLoader(str(self.file), "model", False, 1, -1)  # type: ignore[attr-defined]

    def refuse(self, why: str) -> None:
        self.file.unlink(missing_ok=True)
        self.refusal.write_text(why[:2000])

    def dismiss(self, why: str) -> None:
        """Keep the verdict instead of the package."""
        self.verdict.write_text(why)
        self.file.unlink(missing_ok=True)


def package_of(tape: Tape) -> Package | None:
    """Where the compiled form of a recorded step is or will be; None where steps are not compiled."""
    where = place()
    return None if where is None else Package(where, key_of(tape.text))


@contextlib.contextmanager
def _alone(where: Path) -> Iterator[bool]:
    """Whether no other process compiles here; none begins to as long as this lasts."""
    import fcntl

    with (where / "lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _throw_out(where: Path) -> None:
    """Keep the packages that were used last, up to a size, and the newest words on those that are not used."""
    files = sorted(where.glob("*.pt2"), key=lambda file: -file.stat().st_mtime)
    used = 0
    for file in files:
        used += file.stat().st_size
        if used > MOST_BYTES:
            file.unlink(missing_ok=True)
    said = sorted((*where.glob("*.slow"), *where.glob("*.refused")), key=lambda file: -file.stat().st_mtime)
    for file in said[MOST_SAID:]:
        file.unlink(missing_ok=True)


def main(where: Path) -> None:
    """Compile everything that is wished for; a failure is written down as well."""
    if hasattr(os, "nice"):
        os.nice(19)
    while wishes(where):  # looked at once more after others could have taken the lock for a compiler at work
        with _alone(where) as alone:
            if not alone:
                return
            while waiting := wishes(where):
                _compile(Package(where, waiting[0]))
            _throw_out(where)


def _compile(package: Package) -> None:
    from torch._inductor.utils import fresh_cache

    if hasattr(signal, "alarm"):
        signal.alarm(LONGEST_S)
    made = package.where / f"{package.key}.{os.getpid()}.part.pt2"
    try:
        wish = json.loads(package.wish.read_text())
        torch.set_num_threads(wish["threads"])
        # One thread has but one order to do things in, and then the compiler may write to places given by numbers.
        torch.use_deterministic_algorithms(wish["threads"] > 1, warn_only=True)
        with fresh_cache():  # nothing compiled by others is trusted, nothing is left behind
            program.compile_step(wish["step"], made)
        made.replace(package.file)
    except Exception as error:  # the compiler's errors have no common kind
        logging.getLogger(__name__).warning("A training step is not compiled.", exc_info=True)
        package.refuse(f"{type(error).__name__}: {error}")
    finally:
        made.unlink(missing_ok=True)
        package.wish.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
