"""Where runs live on disk, and the bounds that this installation sets.

    <home>/control.db                what shall run, and what became of it, unless a database server keeps that
    <home>/identity                  by what name a database server knows this home
    <home>/supervisor.lock, .log     one supervisor per home
    <home>/supervisor.code           the fingerprint of the code that shall train here
    <home>/server.lock               held, shared, by every server and command line that watches
    <home>/runs/<key>/               run.db, ckpt-<step>.safetensors, lease, progress, worker.log
    <home>/scripts/                  what browsers fetch of the pages' components
    <home>/pretrained/               nets that many runs start from, a bounded number of small files
    <home>/damaged/                  what failed its checksum, set aside
    <home>/trash/                    runs on their way out

The home is `TORCHLIGHT_HOME`, else the user's data directory. Each bound is an environment variable; all are
read once, when the settings object is made.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

from state.lease import Lease

ROOT = Path(__file__).resolve().parent.parent
"""The directory that holds `models` and `state`: child processes start there."""

_KEY = re.compile(r"[a-z2-7]{26}")


@dataclass(frozen=True)
class Limits:
    """The bounds of one installation; `TORCHLIGHT_SLOTS=4` sets `slots`, and so on for each field."""

    slots: int = max(2, min(8, (os.cpu_count() or 1) - 1))
    """Runs that train at once. Each takes one core at low priority, so that pages stay quick."""
    nice: int = 10
    """How far training stands back behind everything else on the machine."""
    max_steps: int = 1_000_000
    max_queued: int = 50
    max_each: int = 50
    """Runs of one visitor that train or wait at once."""
    steps_each: int = 1_000_000_000
    """Steps that one visitor may ask for within a day."""
    disk_bytes: int = 2_000_000_000
    """All runs together, and what was set aside; beyond it the oldest ended runs that nobody pinned are deleted."""
    disk_each: int = 2_000_000_000
    """Bytes that one visitor's runs may take: beyond it their own oldest go first, and pinned ones fill it up."""
    hang_s: float = 30.0
    """A training process without any progress for so long is killed and its run started again."""
    linger_s: float = 600.0
    """How long a paused run keeps its process, for instant resuming, while nobody else waits."""
    sweep_s: float = 10.0
    """How often the disk is looked at."""
    idle_s: float = 10.0
    """How long the supervisor stays when nothing runs and nobody watches."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """The limits that the environment sets; a value that is no number keeps the default.

        `TORCHLIGHT_PUBLIC=1` begins with those of `PUBLIC`, which suit a server that strangers use.
        """
        found: dict[str, int | float] = dict(PUBLIC) if environment.get("TORCHLIGHT_PUBLIC") == "1" else {}
        for field in fields(cls):
            try:
                kind = int if isinstance(field.default, int) else float
                found[field.name] = kind(environment[f"TORCHLIGHT_{field.name.upper()}"])
            except (KeyError, ValueError):
                continue
        return cls(**found)  # type: ignore[arg-type]


PUBLIC: Mapping[str, int] = {
    "max_steps": 50_000, "max_queued": 40, "max_each": 6, "steps_each": 2_000_000, "disk_each": 200_000_000,
}  # fmt: skip
"""Defaults where strangers train: a lesson of four lanes and a twin, and nobody fills queue, day or disk alone."""


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """The configured home; created on first use by whoever writes there."""
    if wanted := environment.get("TORCHLIGHT_HOME"):
        return Path(wanted).expanduser().absolute()
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "torchlight"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "torchlight"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "torchlight"


def shared(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether several machines reach the home at once, through a shared folder: `TORCHLIGHT_SHARED=1`."""
    return environment.get("TORCHLIGHT_SHARED") == "1"


def prepares(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether stories are trained before anybody asks for them: unless `TORCHLIGHT_PREPARE=0`."""
    return environment.get("TORCHLIGHT_PREPARE", "1") != "0"


def fingerprint(environment: Mapping[str, str] = os.environ) -> str:
    """Names the code that a process started now would train with: the sources on disk, and PyTorch.

    It changes with any file of `models`, `state` or a guest module. Takes a fifth of a millisecond; where machines
    share the home, files count by what is in them, for each machine dates its own copy.
    """
    guests = environment.get("TORCHLIGHT_EXPERIMENTS", "").split(",")
    said = [_torch(), *_sources(ROOT / "models"), *_sources(ROOT / "state"), *map(_guest, guests)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


@cache
def _torch() -> str:
    return version("torch")


def _sources(directory: Path) -> list[str]:
    found: list[str] = []
    places = [str(directory)]
    while places:
        with os.scandir(places.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    places.append(entry.path)
                elif entry.name.endswith(".py"):
                    found.append(_dated(os.path.relpath(entry.path, ROOT), entry.path, entry.stat()))
    return sorted(found)


def _guest(name: str) -> str:
    try:
        spec = importlib.util.find_spec(name) if name else None
        return _dated(name, spec.origin, os.stat(spec.origin)) if spec and spec.origin else name
    except (ImportError, ValueError, OSError):
        return name


def _dated(name: str, path: str, file: os.stat_result) -> str:
    if shared():
        return f"{name} {_content(path, file.st_size, file.st_mtime_ns)}"
    return f"{name} {file.st_size} {file.st_mtime_ns}"


@lru_cache(maxsize=2048)
def _content(path: str, _size: int, _changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def hold_server_lock(at: Path | None = None) -> Lease:
    """Tell the supervisor that somebody watches; held by servers and command lines as long as they live."""
    return Lease((at or home()) / "server.lock", shared=True)


def is_key(text: str) -> bool:
    """Whether `text` can be the key of a run; checked before any path is built from it."""
    return _KEY.fullmatch(text) is not None


def run_directory(at: Path, key: str) -> Path:
    """Where the run's files lie; raises `ValueError` for anything that is no key."""
    if not is_key(key):
        raise ValueError("not the key of a run")
    return at / "runs" / key


def size_bytes(directory: Path) -> int:
    """Bytes in the directory's own files; 0 where it is gone."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(directory) if entry.is_file())
    except FileNotFoundError:
        return 0
