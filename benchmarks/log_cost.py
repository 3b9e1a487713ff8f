"""What `search --log` costs: the same search without it, to TensorBoard and to MLflow, in rounds; a table on stdout.

The processor time is that of all processes. On a busy machine, the wall time says nothing.

python benchmarks/log_cost.py --rounds 5
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WAYS: Mapping[str, Sequence[str]] = {
    "none": (),
    "tensorboard": ("--log", "tensorboard"),
    "mlflow": ("--log", "mlflow"),
    "mlflow, a new database": ("--log", "mlflow"),
}
SEARCH = ("search", "smoke", "--workers", "1")
PROGRAM = (sys.executable, "-c", "from mnist_bench.cli.app import main; main()")


@dataclass(frozen=True, slots=True)
class Cost:
    """The seconds of a search, and those of the processor in all of its processes."""

    wall: float
    processor: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.db"
        searched(Path(folder) / "first", kept, WAYS["mlflow"], 2)  # makes the database
        rounds = []
        for number in range(options.rounds):
            order = [*WAYS][number % len(WAYS) :] + [*WAYS][: number % len(WAYS)]
            rounds.append({way: _once(Path(folder), kept, way, number, options.trials) for way in order})
            print(rounds[-1], file=sys.stderr)
    print("| logged to | added processor time, s | range | processor time, ratio | wall time, ratio |")
    print("|---|---:|---|---:|---:|")
    for way in [*WAYS][1:]:
        added = [one[way].processor - one["none"].processor for one in rounds]
        ratio = statistics.median(one[way].processor / one["none"].processor for one in rounds)
        wall = statistics.median(one[way].wall / one["none"].wall for one in rounds)
        spread = f"{min(added):.1f} to {max(added):.1f}"
        print(f"| {way} | {statistics.median(added):.1f} | {spread} | {ratio:.2f} | {wall:.2f} |")


def _once(folder: Path, kept: Path, way: str, number: int, trials: int) -> Cost:
    place = folder / f"{number}-{way[:6]}-{way[-3:]}"
    return searched(place, place / "new.db" if way.endswith("database") else kept, WAYS[way], trials)


def searched(place: Path, database: Path, log: Sequence[str], trials: int) -> Cost:
    """Search in a folder, and return what it cost."""
    place.mkdir()
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [*PROGRAM, *SEARCH, "--trials", str(trials), *log]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return Cost(wall=time.monotonic() - began, processor=used)


if __name__ == "__main__":
    main()
