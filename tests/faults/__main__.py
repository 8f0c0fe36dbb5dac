"""The long version of the kills: `python -m tests.faults kills --count 1000` prints its figure."""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

from tests.faults.kills import kill


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("what", choices=("kills",))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    os.environ["TORCHLIGHT_DISK_BYTES"] = str(50 * 10**9)  # some hundred runs fill the usual 2 GB: the oldest would go
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        began = time.monotonic()
        tally = kill(Path(home), given.count, random.Random(given.seed))
        print(f"{tally}; {time.monotonic() - began:.0f} s (load {os.getloadavg()[0]:.1f})")
    raise SystemExit(bool(tally.lost or tally.differing))


if __name__ == "__main__":
    main()
