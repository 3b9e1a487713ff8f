"""Make the tables of scikit-learn: train every configuration of each task with several seeds, and write the files.

    nice -n 19 python benchmarks/value_tables/make_sklearn_tables.py train --minutes 55    rows that are missing
    python benchmarks/value_tables/make_sklearn_tables.py verify --rows 40    rows at random, trained again: same bits?
    python benchmarks/value_tables/make_sklearn_tables.py build               the package's files, hashes to pin
    python benchmarks/value_tables/make_sklearn_tables.py status              how many rows there are

Rows are added to results/_making_tables/scikit-learn/TASK.jsonl, a line each. Stopped or killed at any moment, the same
command continues. Each task gets two seeds before any gets a third; a table has the seeds that are whole.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # type: ignore[import-untyped]
import sklearn
import sklearn_tasks
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages

from mnist_bench.tables import cells
from mnist_bench.value_tables import made
from search import canonical_json
from search.files import append_line, atomic_write, make_folder, whole_lines
from search.objectives import Configuration
from search.space import Space

WORK = Path("results/_making_tables/scikit-learn")
SEEDS = (0, 1, 2)
AT_LEAST = 2
"""Seeds that each task gets before any gets a further one."""
BATCH = 10
"""Rows that are written together."""
Key = tuple[int, int]
"""Configuration and seed."""
Row = tuple[list[float], float]
"""The losses of the reports, infinite from the one that diverged; and the seconds of the training."""


def space(task: str) -> Space:
    """Return the space of a task."""
    _, ranges = sklearn_tasks.TASKS[task]
    return Space.of({"name": f"sklearn-{task}", "direction": "minimize", "config": ranges})


def trained(task: str, params: Mapping[str, Any], seed: int) -> Row:
    """Return the row of a configuration."""
    objective, _ = sklearn_tasks.TASKS[task]
    began = time.process_time()
    with threadpool_limits(1):  # threads add numbers in an order that varies
        losses = [value if math.isfinite(value) else math.inf for value in objective(Configuration(params, seed))]
    seconds = time.process_time() - began
    return losses + [math.inf] * (sklearn_tasks.REPORTS - len(losses)), seconds


def path_of(task: str) -> Path:
    """Return the file of a task's rows."""
    return WORK / f"{task}.jsonl"


def rows(task: str) -> dict[Key, Row]:
    """Return the rows that are there; numbers are written in hexadecimal, bit for bit."""
    found: dict[Key, Row] = {}
    for _, (point, seed, losses, seconds) in whole_lines(path_of(task)):
        found[point, seed] = [float.fromhex(loss) for loss in losses], seconds
    return found


def line(key: Key, row: Row) -> str:
    """Return a row as a line."""
    losses, seconds = row
    return canonical_json.dumps([*key, [loss.hex() for loss in losses], round(seconds, 4)])


def train(minutes: float) -> None:
    """Train the missing rows, until all are there or the time is up."""
    make_folder(WORK)
    ends = time.monotonic() + 60 * minutes
    first = [(task, seed) for task in sklearn_tasks.TASKS for seed in SEEDS[:AT_LEAST]]
    for task, seed in [*first, *product(sklearn_tasks.TASKS, SEEDS[AT_LEAST:])]:
        there, configurations = rows(task), cells(space(task))
        missing = [point for point in range(len(configurations)) if (point, seed) not in there]
        for start in range(0, len(missing), BATCH):
            if time.monotonic() > ends:
                return
            batch = missing[start : start + BATCH]
            made_rows = [line((point, seed), trained(task, configurations[point], seed)) for point in batch]
            append_line(path_of(task), "\n".join(made_rows))
        if missing:
            print(f"{datetime.now():%H:%M} {task}, seed {seed}: {len(missing)} rows", file=sys.stderr, flush=True)


def whole_seeds(task: str, there: Mapping[Key, Row]) -> tuple[int, ...]:
    """Return the seeds with which all configurations were trained."""
    points = range(len(cells(space(task))))
    return tuple(seed for seed in SEEDS if all((point, seed) in there for point in points))


def whole_tasks() -> list[str]:
    """Return the tasks that have enough whole seeds for a table."""
    return [task for task in sklearn_tasks.TASKS if len(whole_seeds(task, rows(task))) >= AT_LEAST]


def verify(count: int, seed: int) -> int:
    """Train rows again that are drawn at random, and return how many have other bits."""
    draws, different = np.random.default_rng(seed), 0
    tasks = whole_tasks()
    for task in tasks:
        there, configurations = rows(task), cells(space(task))
        keys = sorted(there)
        for number in draws.choice(len(keys), count, replace=False).tolist():
            point, trained_with = keys[number]
            again, _ = trained(task, configurations[point], trained_with)
            if again != there[keys[number]][0]:
                different += 1
                print(f"{task}, configuration {point}, seed {trained_with}: {again} for {there[keys[number]][0]}")
        print(f"{task}: {count} of {len(keys)} rows trained again")
    print(f"{different} of {count * len(tasks)} rows have other bits, on {pages.machine()}.")
    return different


def build() -> None:
    """Write the file of each table from the rows that are there, and print the hashes to pin."""
    make_folder(made.FOLDER)
    for task in whole_tasks():
        there = rows(task)
        seeds, points = whole_seeds(task, there), range(len(cells(space(task))))
        about = made.AboutValues(
            name=task, space=space(task).to_spec(), seeds=seeds,
            made=f"python benchmarks/value_tables/make_sklearn_tables.py, {date.today()}", machine=pages.machine(),
            versions={"numpy": np.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__},
        )  # fmt: skip
        losses = np.array([[there[point, seed][0] for seed in seeds] for point in points])
        seconds = np.array([[there[point, seed][1] for seed in seeds] for point in points])
        content = made.pack(about, losses, seconds)
        atomic_write(made.path_of(task), content)
        print(f'    "{task}": "{hashlib.sha256(content).hexdigest()}",  # {len(content):,} bytes, seeds {seeds}')


def status() -> None:
    """Print how many rows of each task there are."""
    for task in sklearn_tasks.TASKS:
        there = rows(task)
        seconds = sum(seconds for _, seconds in there.values())
        counts = [sum(key[1] == seed for key in there) for seed in SEEDS]
        print(f"{task:24} {counts} of {len(cells(space(task)))}, {seconds:.0f} s")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line names; the exit code is 1 if a row that was trained again has other bits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "verify", "build", "status"])
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--rows", type=int, default=40, help="of each task, to verify")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    asked = parser.parse_args(arguments)
    match asked.what:
        case "train":
            train(asked.minutes)
        case "verify":
            return int(verify(asked.rows, asked.seed) > 0)
        case "build":
            build()
        case _:
            status()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
