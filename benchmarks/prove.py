"""Show the promise on this machine, in about a minute: one search run three ways comes to one digest.

    python benchmarks/prove.py          exit code 0 when the three digests agree, else 1

One worker; two workers; two workers whose driver is killed by SIGKILL twice and started again.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPACE, TRIALS = "smoke", "20"
KILL_AFTER = (7.0, 9.0)
"""Seconds after which the driver of the third run is killed."""


def main() -> int:
    """Run the three searches and compare."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        digests = {
            "one worker": search(results / "one", workers=1),
            "two workers": search(results / "two", workers=2),
            "killed twice and resumed": killed_and_resumed(results / "killed"),
        }
    for way, digest in digests.items():
        print(f"  {way:26}{digest}")
    same = len(set(digests.values())) == 1
    print("Three runs, one digest." if same else "The digests differ: please report this, with your machine.")
    return 0 if same else 1


def killed_and_resumed(results: Path) -> str:
    """Return the digest of a search whose driver is killed now and then."""
    for seconds in KILL_AFTER:
        process = subprocess.Popen(command(results, workers=2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return search(results, workers=2)


def search(results: Path, *, workers: int) -> str:
    """Return the digest that a search prints when it ends."""
    print(f"mnist-bench search {SPACE} --trials {TRIALS} --workers {workers} ...", flush=True)
    done = subprocess.run(command(results, workers), capture_output=True, text=True, check=False)
    found = re.search(r"^digest ((?:[0-9a-f]{4} ?){16})", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        sys.exit(f"The search failed:\n{done.stderr}")
    return found[1]


def command(results: Path, workers: int) -> list[str]:
    """Return the command line of one search."""
    program = Path(sys.executable).with_name("mnist-bench")
    return [str(program), "search", SPACE, "--trials", TRIALS, "--workers", str(workers), "--results", str(results)]


if __name__ == "__main__":
    sys.exit(main())
