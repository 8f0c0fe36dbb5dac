"""A disk that takes a fifth of a second to make anything durable: training goes on, pages stay quick, nothing is lost.

Every `fsync` and `fdatasync` of supervisor and workers, SQLite's too, is slowed by a small library of ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from state.history import Cursor
from state.runs import Run
from tests.toys import Expected, Toy, store, wait

SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slowly(const char *name, int file) {
  usleep(200000);
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}
int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
"""
PACED = Toy(steps=3000, pace_us=1000)


def watched(run: Run) -> tuple[float, float]:
    """How long the run took to its last step while somebody watched, and half of all looks at it at most."""
    wait(run, "running", "finished", step=1)
    cursor, looks = Cursor(), list[float]()
    began = time.monotonic()
    while run.status().step < run.experiment.steps:
        before = time.monotonic()
        cursor = run.since(cursor).cursor
        run.status()
        looks.append(time.monotonic() - before)
        time.sleep(0.02)
    return time.monotonic() - began, sorted(looks or [60.0])[len(looks) // 2]


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs a C compiler")
def test_a_slow_disk_slows_no_training_and_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "slow.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-", "-ldl"], input=SLOW, text=True, check=True)
    expected = Expected.of(PACED.but(pace_us=0))

    def timed(place: str, preloaded: str) -> tuple[float, float]:
        monkeypatch.setenv("LD_PRELOAD", preloaded)
        with store(tmp_path / place) as opened:
            run = opened.open(PACED)
            found = watched(run)
            assert wait(run).state == "finished"
            expected.check(run)
        return found

    def told(attempt: int) -> str:
        """What is wrong with this pair of runs; nothing, if the disk slowed neither training nor looks."""
        (quick, _), (slow, look) = timed(f"quick{attempt}", ""), timed(f"slow{attempt}", str(library))
        print(f"3000 steps of 1 ms: {quick:.1f} s, with a slow disk {slow:.1f} s")
        return f"{quick=} {slow=} {look=}" * (slow >= 1.5 * quick + 2.0 or look >= 0.05)

    # What slows one of the two may be another program: a disk that does would slow it three times.
    wrong: list[str] = []
    while len(wrong) < 3 and (fault := told(len(wrong))):
        wrong.append(fault)
    assert len(wrong) < 3, wrong
