"""Show the promise on this machine: one search, run in several ways, comes to one digest.

    python benchmarks/prove.py                                      about a minute; exit code 0 when all digests agree
    python benchmarks/prove.py conv --trials 20 --set subset=10000 --kills 5 --in-process

One worker; two workers; two workers whose driver is killed by SIGKILL at random moments and started again; and, where
asked for, without worker processes.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EARLIEST = 3.0
"""Seconds before which no driver is killed: until then it only starts."""


def main() -> int:
    """Run the searches and compare."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        digests = {"one worker": search(asked, results / "one", "--workers", "1")}
        started = time.monotonic()
        digests["two workers"] = search(asked, results / "two", "--workers", "2")
        seconds = time.monotonic() - started
        digests[f"killed {asked.kills} times"] = killed_and_resumed(asked, results / "killed", seconds)
        if asked.in_process:
            digests["no worker process"] = search(asked, results / "inside", "--executor", "in-process")
    for way, digest in digests.items():
        print(f"  {way:20}{digest}")
    same = len(set(digests.values())) == 1
    many = f"{len(digests)} runs, one digest."
    print(many if same else "The digests differ: please report this, with your machine.")
    return 0 if same else 1


def arguments() -> argparse.Namespace:
    """Return what to search."""
    parser = argparse.ArgumentParser(description="One search, several ways, one digest.")
    parser.add_argument("space", nargs="?", default="smoke")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--in-process", action="store_true")
    return parser.parse_args()


def killed_and_resumed(asked: argparse.Namespace, results: Path, seconds: float) -> str:
    """Return the digest of a search, `seconds` long when left alone, whose driver is killed at random moments."""
    moments = random.Random()  # noqa: S311
    longest = max(EARLIEST + 1, 2 * seconds / (asked.kills + 1))
    for _ in range(asked.kills):
        process = subprocess.Popen(
            command(asked, results, "--workers", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait = moments.uniform(EARLIEST, longest)
        time.sleep(wait)
        print(f"  killed after {wait:.1f} s, {'at work' if process.poll() is None else 'already finished'}", flush=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return search(asked, results, "--workers", "2")


def search(asked: argparse.Namespace, results: Path, *options: str) -> str:
    """Return the digest that a search prints when it ends."""
    print(f"mnist-bench search {asked.space} --trials {asked.trials} {' '.join(options)} ...", flush=True)
    done = subprocess.run(command(asked, results, *options), capture_output=True, text=True, check=False)
    found = re.search(r"^digest ((?:[0-9a-f]{4} ?){16})", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        sys.exit(f"The search failed:\n{done.stderr}")
    return found[1]


def command(asked: argparse.Namespace, results: Path, *options: str) -> list[str]:
    """Return the command line of one search."""
    program = Path(sys.executable).with_name("mnist-bench")
    overrides = [part for override in asked.set for part in ("--set", override)]
    trials = ["--trials", str(asked.trials), "--results", str(results)]
    return [str(program), "search", asked.space, *trials, *overrides, *options]


if __name__ == "__main__":
    sys.exit(main())
