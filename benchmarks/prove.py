"""Show the promise on this machine: one search, run in several ways, has one digest.

    python benchmarks/prove.py                                      about a minute; exit code 0 when all digests agree
    python benchmarks/prove.py conv --trials 20 --set subset=10000 --kills 5 --in-process

One worker; two workers; two workers whose driver is killed by SIGKILL at random moments and started again; and, where
asked for, without worker processes. `soak.py` kills far more, and counts what comes of it. For Linux.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import killing
from killing import SearchProcesses

from search.study.location import StudyLocation

STUDY = "proof"


def main() -> int:
    """Run the searches and compare."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        digests = {"one worker": search(asked, results / "one", "--workers", "1")}
        digests["two workers"] = search(asked, results / "two", "--workers", "2")
        digests[f"killed {asked.kills} times"] = killed_and_resumed(asked, results / "killed")
        if asked.in_process:
            digests["no worker process"] = search(asked, results / "inside", "--executor", "in-process")
    for way, digest in digests.items():
        print(f"  {way:20}{digest}")
    same = len(set(digests.values())) == 1
    many = f"{len(digests)} runs, one digest."
    print(many if same else "The digests differ: please report this, with your machine.")
    return 0 if same else 1


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description="One search, several ways, one digest.")
    parser.add_argument("space", nargs="?", default="smoke")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--in-process", action="store_true")
    return parser.parse_args()


def killed_and_resumed(asked: argparse.Namespace, results: Path) -> str:
    """Return the digest of a search whose driver is killed at random moments."""
    options = ("--workers", "2", "--study-name", STUDY)
    command = killing.search_command(asked.space, asked.trials, results, asked.set, *options)
    processes = SearchProcesses(
        command, StudyLocation.of(STUDY, results), results.with_suffix(".log"), kinds={"driver": True}
    )
    try:
        kills = killing.kill_at_random(processes, asked.kills, random.Random())  # noqa: S311
    finally:
        processes.stop()
    print(f"  killed {kills.number} times, {kills.at_work} of them at work", flush=True)
    return search(asked, results, *options)


def search(asked: argparse.Namespace, results: Path, *options: str) -> str:
    """Return the digest that a search prints when it ends."""
    print(f"mnist-bench search {asked.space} --trials {asked.trials} {' '.join(options)} ...", flush=True)
    try:
        return killing.printed_digest(killing.search_command(asked.space, asked.trials, results, asked.set, *options))
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
