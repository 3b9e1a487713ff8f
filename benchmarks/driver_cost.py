"""Processor time of the driver for each trial, with a trainer that takes no time, at several sizes of a study.

    python benchmarks/driver_cost.py [TRIALS ...]        default: 50 1000 5000

Everything but the training counts: ask (random sampler), report, ASHA's decision, tell, the event log and Optuna's
tables in SQLite; and, apart, reading the finished study. The goal is under 30 ms a trial.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "search" / "importable"))

import search_fake as fake
from search import study
from search.strategy import Asha, Random


def main() -> None:
    """Print one line a size."""
    print(f"{platform.machine()}, Python {platform.python_version()}, optuna {version('optuna')}")
    with tempfile.TemporaryDirectory() as folder:
        fake.run(Path(folder), goal=5)  # imports and first uses are no cost of a trial
    print("trials   driver ms/trial   periods/trial   read the study, s")
    for trials in [int(argument) for argument in sys.argv[1:]] or [50, 1000, 5000]:
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            result = fake.run(Path(folder), goal=trials, sampler=Random(), pruner=Asha(), slots=8, widest=64)
            driver = (time.process_time() - started) / trials * 1000
            periods = sum(len(trial.reports) for trial in result.study.trials) / trials
            started = time.process_time()
            study.open_study(Path(folder), None)
            print(f"{trials:6}   {driver:15.1f}   {periods:13.2f}   {time.process_time() - started:17.2f}", flush=True)


if __name__ == "__main__":
    main()
