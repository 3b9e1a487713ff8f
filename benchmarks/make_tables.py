"""Make the tabular benchmarks: choose their configurations, train every row, and write the package's files.

    python benchmarks/make_tables.py points                       results/published/tables/{conv,grid}.points.json
    nice -n 19 python benchmarks/make_tables.py train --minutes 95      rows that are missing, in their order
    python benchmarks/make_tables.py time                         31 trainings, timed on an idle machine
    python benchmarks/make_tables.py build                        mnist_bench/tables/shipped/NAME.npz, hashes to pin
    python benchmarks/make_tables.py status                       how many rows of each table there are

Rows are added to results/published/tables/NAME.jsonl, a line each, a batch at a time. Stopped or killed at any moment,
the same command continues; a row that is there is not trained again. The order is such that what is there is worth
something at every moment: a part of the pool, half of the grid, and so on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import row_ledger
from near_copies import near_copies
from time_limit import stopping_after

from mnist_bench import searches, space_files, tables
from mnist_bench.config import TaskName
from mnist_bench.data import DataOptions, benchmark_tasks, load_training_set
from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import Grid, Observer, TrainingRun, open_grid
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.numerics import TRAINER_REVISIONS
from mnist_bench.space_files import planner_on
from mnist_bench.tables import cells, rows, shipped, spread
from search import canonical_json
from search.files import append_line, atomic_write, make_folder
from search.space import Choice, FloatRange, IntRange, Levels, Space
from search.study import WorkFolder
from search.trainer_api import Planner

FOLDER = Path("results/published/tables")
WORK = Path("results/_making_tables")
"""Not the folder of `table verify`, which empties its own when it has ended."""
POOL, COPIES, WITH_SEEDS, OTHER_TASKS = 1600, 200, 200, 1000
"""Points of the pool; near copies of some of them; points at random and best points with three seeds; points on another
task."""
SHIFTS = {"augment.translate_pixels": (0.0, 2.0)}
GRID_PARTS: tuple[Mapping[str, tuple[float, ...]], ...] = (
    {**SHIFTS, "optim.batch_size": (128,), "optim.drops": (1,)},
    {**SHIFTS, "optim.batch_size": (128,)},
    SHIFTS,
    {},
)
"""Whole grids, each of which contains the one before: the values of its settings."""
GRID_SEEDS = (0, 1, 2)
TIMED_EVERY = 53
"""One in this number of points of the pool is timed for the model of seconds: 31 trainings."""
BATCH = 60
"""Trainings that are started together; at the end of each batch a worker waits for the other."""

TABLES: Mapping[str, tuple[str, TaskName]] = {
    "conv-5k": ("conv", "mnist-5k"),
    "conv-5k-wrong": ("conv", "mnist-5k-wrong"),
    "conv-5k-coarse": ("conv", "mnist-5k-coarse"),
    "grid-5k": ("grid", "mnist-5k"),
}
"""The points and the task of each table."""

Key = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Rows of one table."""

    table: str
    keys: tuple[Key, ...]


def stages() -> Iterator[Stage]:
    """Yield the rows to train, in order; rows that depend on earlier ones come when those are there."""
    yield _stage("conv-5k", range(33), seeds=(0, 1, 2))
    yield _stage("conv-5k", range(200), seeds=(0,))
    yield _stage("grid-5k", cells_of(GRID_PARTS[0]), seeds=GRID_SEEDS)
    yield _stage("conv-5k", range(300), seeds=(0,))
    yield _stage("grid-5k", cells_of(GRID_PARTS[1]), seeds=GRID_SEEDS)
    yield _stage("conv-5k-wrong", range(150), seeds=(0,))
    yield _stage("conv-5k", range(100), seeds=(1, 2))
    yield _stage("conv-5k", range(500), seeds=(0,))
    yield _stage("conv-5k", best("conv-5k", range(500))[:50], seeds=(1, 2))
    yield _stage("conv-5k-wrong", range(300), seeds=(0,))
    yield _stage("conv-5k", range(POOL, POOL + 60), seeds=(0,))
    yield _stage("conv-5k-coarse", range(200), seeds=(0,))
    yield _stage("grid-5k", cells_of(GRID_PARTS[2]), seeds=GRID_SEEDS)
    yield _stage("conv-5k", range(POOL), seeds=(0,))
    yield _stage("conv-5k", range(WITH_SEEDS), seeds=(1, 2))
    yield _stage("conv-5k", best("conv-5k", range(POOL))[:100], seeds=(1, 2))
    yield _stage("conv-5k-wrong", range(OTHER_TASKS), seeds=(0,))
    yield _stage("conv-5k", range(POOL, POOL + COPIES), seeds=(0,))
    yield _stage("grid-5k", cells_of(GRID_PARTS[3]), seeds=GRID_SEEDS)
    yield _stage("conv-5k-coarse", range(OTHER_TASKS), seeds=(0,))


def cells_of(part: Mapping[str, tuple[float, ...]]) -> list[int]:
    """Return the cells of a part of the grid."""
    return [
        cell
        for cell, params in enumerate(points("grid"))
        if all(params[path] in allowed for path, allowed in part.items())
    ]


def _stage(table: str, chosen: Sequence[int], *, seeds: Sequence[int]) -> Stage:
    return Stage(table=table, keys=tuple((point, seed) for seed in seeds for point in chosen))


def best(table: str, among: Sequence[int]) -> list[int]:
    """Return points, those with the fewest errors with seed 0 first."""
    errors = {row.point: row.periods[-1].errors for row in made(table).values() if row.seed == 0}
    return sorted(among, key=lambda point: (errors.get(point) is None, errors.get(point), point))


def points(name: str) -> list[dict[str, Any]]:
    """Return the parameters of all points of a space."""
    found: list[dict[str, Any]] = document(name)["points"]
    return found


@cache
def document(name: str) -> Mapping[str, Any]:
    """Return the content of the file of points: the space's specification, the points, and which are near copies."""
    found: Mapping[str, Any] = json.loads((FOLDER / f"{name}.points.json").read_text())
    return found


def made(table: str) -> dict[Key, rows.RecordedRow]:
    """Return the rows that are there."""
    return row_ledger.read(FOLDER / f"{table}.jsonl")


def planner(space: Space) -> Planner[Any]:
    """Return the planner of a space on a task."""
    images = benchmark_tasks.task("mnist-5k")  # all tasks are of one size
    coefficients = asdict(COEFFICIENTS["cpu-bf16"])
    return planner_on(space, coefficients, train_images=images.train, validation_images=images.validation)


def choose(folder: Path) -> None:
    """Write the points of both spaces."""
    make_folder(folder)
    conv = space_files.load("former/0.1/conv")
    pool = spread(conv, planner(conv), POOL)
    copies = near_copies(conv, planner(conv), pool, list(range(0, POOL, POOL // COPIES)))
    near = [[copy.origin, copy.distance] for copy in copies]
    _write(folder / "conv.points.json", conv, [*pool, *(copy.params for copy in copies)], near=near)
    grid = space_files.load("grid")
    _write(folder / "grid.points.json", grid, cells(grid), near=[])


def _write(path: Path, space: Space, chosen: Sequence[Any], near: Sequence[Any]) -> None:
    lines = ",\n".join(canonical_json.dumps(dict(params)) for params in chosen)
    head = f'"space":{canonical_json.dumps(space.to_spec())},\n"near":{canonical_json.dumps(near)}'
    atomic_write(path, f'{{{head},\n"points":[\n{lines}\n]}}\n'.encode())


def train(minutes: float, workers: int) -> None:
    """Train the missing rows, until all are there or the time is up."""
    with stopping_after(minutes) as stopping, suppress(Stopped):
        observer = _Stopping(stopping)
        for stage in stages():
            there = made(stage.table)
            if missing := [key for key in dict.fromkeys(stage.keys) if key not in there]:
                _train(stage, missing, workers, observer)


class _Stopping(Observer):
    """Stops an experiment when a function says so."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping

    def stopping(self) -> bool:
        return self._stopping()


def _train(stage: Stage, missing: Sequence[Key], workers: int, observer: Observer) -> None:
    named, task = TABLES[stage.table]
    space = Space.from_spec(document(named)["space"])
    plan, chosen, work = planner(space), points(named), WORK / stage.table
    with open_grid(work, stage.table, observer, data=DataOptions(task=task), workers=workers) as grid:
        canary = _described(grid)
        for start in range(0, len(missing), BATCH):
            runs = [
                TrainingRun(
                    name=str(point), config=plan(chosen[point]).config, seed=seed, title=f"{stage.table} {point}/{seed}"
                )
                for point, seed in missing[start : start + BATCH]
            ]
            curves = grid.train(runs)
            for (name, seed), reports in curves.items():
                line = row_ledger.to_line(rows.row_of(int(name), seed, canary, reports))
                append_line(FOLDER / f"{stage.table}.jsonl", line)
            seconds = sum(report.seconds for reports in curves.values() for report in reports)
            print(
                f"{datetime.now():%H:%M} {stage.table}: {len(runs)} rows, {seconds:.0f} s", file=sys.stderr, flush=True
            )
            WorkFolder(work).clear_checkpoints()  # the ledger has it all


def _described(grid: Grid) -> str:
    """Return the canary of this machine, and keep its meaning."""
    path = FOLDER / "numerics.jsonl"
    line = canonical_json.dumps(dict(grid.numerics))
    if not path.exists() or line not in path.read_text().splitlines():
        append_line(path, line)
    return str(grid.numerics["canary"])


def build() -> None:
    """Write the file of each table from the rows that are there, and print the hashes to pin."""
    make_folder(shipped.FOLDER)
    for name in TABLES:
        if there := whole(name, made(name)):
            content = tables.pack(*table(name, made(name), there))
            atomic_write(shipped.path_of(name), content)
            print(f'    "{name}": "{hashlib.sha256(content).hexdigest()}",  # {len(content):,} bytes')


def whole(name: str, found: Mapping[Key, rows.RecordedRow]) -> list[int]:
    """Return the points that make up a table: of the grid, those of the largest part that was trained as a whole."""
    seeds = GRID_SEEDS if TABLES[name][0] == "grid" else (0,)
    there = [point for point in range(len(points(TABLES[name][0]))) if all((point, seed) in found for seed in seeds)]
    if TABLES[name][0] != "grid":
        return there
    return next((part for part in reversed(list(map(cells_of, GRID_PARTS))) if set(part) <= set(there)), [])


def table(
    name: str, found: Mapping[Key, rows.RecordedRow], there: Sequence[int]
) -> tuple[tables.AboutTable, tables.Arrays]:
    """Return a table of the rows of some points."""
    chosen, task = TABLES[name]
    stored = document(chosen)
    asked = [stored["points"][point] for point in there]
    space = _narrowed(Space.from_spec(stored["space"]), asked) if chosen == "grid" else Space.from_spec(stored["space"])
    place = {point: number for number, point in enumerate(there)}
    kept = [replace(row, point=place[row.point]) for key, row in sorted(found.items()) if row.point in place]
    canaries = sorted({row.canary for row in kept})
    machines = {line["canary"]: line for line in map(json.loads, (FOLDER / "numerics.jsonl").read_text().splitlines())}
    plans, data = [planner(space)(params) for params in asked], load_training_set(DataOptions(task=task))
    near = [
        (place[POOL + copy], place[origin], distance)
        for copy, (origin, distance) in enumerate(stored["near"])
        if POOL + copy in place
    ]
    about = tables.AboutTable(
        name=name, task=task, space=space.to_spec(), epochs=list(searches.period_ends(space)),
        images={"train": len(data.split.train), "validation": len(data.split.validation), "unseen": len(data.unseen)},
        data_hash=data.data_hash, split_hash=data.split.digest, trainer_revision=TRAINER_REVISIONS["cpu-bf16"],
        coefficients=asdict(COEFFICIENTS["cpu-bf16"]), canaries=canaries,
        numerics=[machines[canary] for canary in canaries], versions=searches.versions({}),
        made="python benchmarks/make_tables.py", near=near, pace=pace(),
    )  # fmt: skip
    arrays = tables.Arrays(
        params=np.array(list(tables.encoded(space, asked))),
        costs=np.array([plan.costs for plan in plans], np.int64),
        parameters=np.array([plan.facts["parameters"] for plan in plans], np.int64),
        macs=np.array([plan.facts["macs"] for plan in plans], np.int64),
        **tables.of_rows(kept, canaries, len(about.epochs)),
    )
    return about, arrays


def _narrowed(space: Space, chosen: Sequence[Mapping[str, Any]]) -> Space:
    """Return the space whose configurations are exactly those that were chosen.

    Raises:
        ValueError: they are not all the configurations of any space.
    """
    fields = []
    for item in space.fields:
        values = {params[item.path] for params in chosen if item.path in params}
        match item.distribution:
            case IntRange(step=step, log=log):
                item = replace(item, value=IntRange(min(values), max(values), step, log))
            case Levels(levels, log):
                item = replace(item, value=Levels(tuple(level for level in levels if level in values), log))
            case Choice(options):
                item = replace(item, value=Choice(tuple(option for option in options if option in values)))
            case None | FloatRange():
                pass
            case _:
                assert_never(item.distribution)
        fields.append(item)
    narrowed = replace(space, fields=tuple(fields))
    if len(cells(narrowed)) != len(chosen):
        raise ValueError(f"{len(chosen)} cells of {space.name} are not a whole grid")
    return narrowed


def pace() -> dict[str, float]:
    """Return the measurements of `time`: the median of seconds over logical cost, and the spread of its logarithm."""
    path = FOLDER / "pace.json"
    if not path.exists():
        return {"scale": 1.0, "deviation": 0.0}
    ratios = [row["seconds"] / row["cost"] for row in json.loads(path.read_text())["rows"]]
    return {"scale": float(np.median(ratios)), "deviation": float(np.log(ratios).std(ddof=1))}


def measure() -> None:
    """Time 31 trainings of the pool, one after the other, on a machine that does nothing else."""
    space = Space.from_spec(document("conv")["space"])
    measured = []
    with open_grid(WORK / "time", "time", Observer(), data=DataOptions(task="mnist-5k"), workers=1) as grid:
        for point in range(0, POOL, TIMED_EVERY):
            plan = planner(space)(points("conv")[point])
            run = TrainingRun(name=str(point), config=plan.config, seed=0, title=f"point {point}")
            seconds = sum(report.seconds for report in grid.train([run])[str(point), 0])
            measured.append({"point": point, "cost": sum(plan.costs) / 1e6, "seconds": seconds})
        timed = {"machine": dict(grid.numerics), "rows": measured}
    atomic_write(FOLDER / "pace.json", (json.dumps(timed, indent=1) + "\n").encode())
    print(pace())


def status() -> None:
    """Print how many rows of each stage are there."""
    for stage in stages():
        keys = set(stage.keys)
        print(f"{stage.table:16} {len(keys & made(stage.table).keys()):5} of {len(keys)}")


def main() -> None:
    """Make the tables that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["points", "train", "time", "build", "status"])
    parser.add_argument("--minutes", type=float, default=95)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    match asked.what:
        case "points":
            choose(FOLDER)
        case "train":
            train(asked.minutes, asked.workers)
        case "time":
            measure()
        case "build":
            build()
        case _:
            status()


if __name__ == "__main__":
    main()
