"""Show the promise on this machine: one search, run in several ways, has one digest.

    python benchmarks/prove.py                                      about a minute; exit code 0 if all digests agree
    python benchmarks/prove.py conv --trials 20 --set subset=10000 --kills 5 --in-process
    python benchmarks/prove.py former/0.1/smoke                     in the device's fastest precision

By default the search is portable: its digest is the same on every x86-64 processor, and README.md states it. The ways
are one worker; two workers; two workers whose driver is killed by SIGKILL at random moments and started again; and, if
asked for, no worker process. `soak.py` kills far more, and counts the results. For Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import killing
from killing import SearchProcesses

from mnist_bench import space_files
from mnist_bench.numerics import environment_of
from search.study.location import StudyLocation

STUDY = "proof"


def main() -> int:
    """Run the searches and compare."""
    asked = arguments()
    precision = str(space_files.load(asked.space, asked.set).settings.get("precision"))
    os.environ.update(environment_of(precision))  # with which a search can also do without worker processes
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
    command = command_for(asked, results, *options)
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
        return killing.printed_digest(command_for(asked, results, *options))
    except RuntimeError as error:
        sys.exit(str(error))


def command_for(asked: argparse.Namespace, results: Path, *options: str) -> list[str]:
    """Return the command of the search, with these further options."""
    return killing.search_command(asked.space, asked.trials, results, asked.set, *options)


if __name__ == "__main__":
    sys.exit(main())
