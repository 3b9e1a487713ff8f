"""What Ray costs on one machine: a search by worker processes and by Ray, and a period's way there and back.

python benchmarks/executors.py                     about two minutes on 2 cores
python benchmarks/executors.py conv --trials 20 --set subset=10000 --turns 3
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_bench import searches
from search.driver.progress import Observer
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor, Job
from search.executors.ray.executor import RayExecutor
from search.trainer_api import PLAIN, Report, TrainerSpec

EXECUTORS = ("local", "ray")
PERIODS = 200
STATE = 2_000_000
"""Bytes, of a net of 170,000 parameters with its optimizer and averaged weights."""


class Echo:
    """A trainer that trains nothing: what is left of a period is its way there and back."""

    codec = PLAIN
    numerics: Mapping[str, Any] = {"canary": "echo"}

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        return state or b"", Report(value=0.0, metrics={}, weights="", seconds=0.0)


def main() -> int:
    """Search by turns, print a row each, and compare the digests."""
    asked = arguments()
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        for name in EXECUTORS:
            took = there_and_back(name, Path(folder))
            print(f"{name:6}a period there and back, {STATE / 1e6:g} MB each way: {took:.1f} ms")
        digests = {
            searched(asked, name, Path(folder) / f"{name}-{turn}") for turn in range(asked.turns) for name in EXECUTORS
        }
    print("one digest" if len(digests) == 1 else "The digests differ.")
    return 0 if len(digests) == 1 else 1


def arguments() -> argparse.Namespace:
    """Return what to search."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("space", nargs="?", default="smoke")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    return parser.parse_args()


def there_and_back(name: str, folder: Path) -> float:
    """Return the milliseconds that an executor takes for a period of no training, one after the other."""
    spec = TrainerSpec(factory="executors:Echo")
    executor: Executor = RayExecutor(spec, 1) if name == "ray" else LocalExecutor(spec, 1, folder / "log")
    job = Job(trial=0, period=2, config={}, codec=PLAIN, seed=0, state=os.urandom(STATE), stall_seconds=60)
    try:
        executor.start()
        started = time.perf_counter()
        for _ in range(PERIODS):
            executor.submit(job)
            while not executor.wait(1.0):
                pass
        return 1000 * (time.perf_counter() - started) / PERIODS
    finally:
        executor.stop()


def searched(asked: argparse.Namespace, name: Any, results: Path) -> str:
    """Search, print what became of the workers' time, and return the digest."""
    options = searches.SearchConfig(
        space=asked.space, trials=asked.trials, overrides=tuple(asked.set), workers=asked.workers, results=results,
        executor=name, device="cpu",
    )  # fmt: skip
    started = time.perf_counter()
    run = searches.run(options, Observer(), lambda: False)
    seconds = time.perf_counter() - started
    reports = [report for trial in run.study.trials for report in trial.reports]
    moments = [(report.started or 0.0, (report.started or 0.0) + report.seconds) for report in reports]
    span = max(end for _, end in moments) - min(start for start, _ in moments)
    used = sum(report.seconds for report in reports) / (asked.workers * span)
    print(
        f"{name:6}{seconds:6.1f} s in all, {span:6.1f} s from the first period to the last: {len(reports)} periods, "
        f"{100 * used:.1f} % of worker time trained, order cost {100 * run.order_cost:.1f} %  {run.study.digest[:16]}",
        flush=True,
    )
    return run.study.digest


if __name__ == "__main__":
    sys.exit(main())
