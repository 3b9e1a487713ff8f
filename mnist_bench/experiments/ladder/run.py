"""Training the ladder's recipes: all training images, several seeds, the test images after the last epoch alone.

The test set is opened by `open_test_set`, once a command, when the first run has ended; what it shows decides nothing,
for epochs and seeds are fixed before. Last of all each recipe trains once more in a process of its own, to be timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from mnist_bench import space_files
from mnist_bench.config import TrainConfig
from mnist_bench.data import DataOptions, unopened_identity
from mnist_bench.experiments.grid import Grid, Reports, Task, open_grid
from mnist_bench.experiments.ladder import cold_start
from mnist_bench.experiments.ladder.result import TARGETS, Ladder, rung
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.numerics import Machine, this_machine
from mnist_bench.studies import sealed_json
from search import canonical_json
from search.errors import UsageError
from search.messages import did_you_mean, show
from search.trainer_api import Report

SHIPPED = "ladder"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_ladder"
"""The folder of the runs among the results; no study can have this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user asked for."""

    targets: tuple[str, ...] = ()
    """Names in TARGETS; none for all."""
    seeds: int = 10
    workers: int = 1
    device: str = "auto"
    precision: str = "auto"
    data_dir: Path | None = None
    results: Path = Path("results")
    ledger: Path = Path("results/test-openings.jsonl")


class Listener(Protocol):
    """Hears how far a ladder is."""

    def on_start(self, runs: int, seconds: float) -> None:
        """Hear how many runs there are, and about how long all of them take if none was trained before."""
        ...

    def on_run(self, recipe: str, seed: int, reports: Sequence[Report]) -> None:
        """Hear of a run that has ended."""
        ...

    def on_timing(self, recipe: str, seconds: float) -> None:
        """Hear that a recipe is trained once more to be timed, which takes about so long."""
        ...


@dataclass(frozen=True, slots=True)
class Timed:
    """What a process that trained one run took."""

    seconds: float


def run(asked: Options, listener: Listener, stopping: Callable[[], bool]) -> Ladder | None:
    """Train the recipes with every seed, time one run of each; None where `stopping` said so before the end.

    A run that was trained or timed before, by the same code on the same kind of machine, is not trained or timed again.

    Raises:
        UsageError: there is no such target.
        StudyLockedError: another process is at it.
        WorkerError: a timed process fails; and see there.
        DataError, DeviceError, StorageError: see there.
    """
    configs = {name: space_files.recipe(space_files.load(recipe_of(name))) for name in chosen(asked.targets)}
    test_set = unopened_identity(_data(asked))
    with open_grid(
        asked.results / FOLDER, f"The ladder in {asked.results}/", data=_data(asked), workers=asked.workers,
        device=asked.device, precision=asked.precision, lanes=1,  # which would share the seconds that are measured
    ) as grid:  # fmt: skip
        runs = _Runs(asked, configs, grid, test_set, listener)
        reports = runs.train(stopping)
    if reports is None:
        return None
    walls = runs.time(reports, stopping)  # only now, with the workers gone
    return None if walls is None else runs.ladder(reports, walls)


def chosen(targets: Sequence[str]) -> tuple[str, ...]:
    """Return the targets of these names from the lowest up, all of them for none.

    Raises:
        UsageError: there is no such target.
    """
    for name in targets:
        if name not in TARGETS:
            hint = did_you_mean(name, TARGETS) or "."
            raise UsageError(f"{show(name)}: no target of the ladder{hint} There are {', '.join(TARGETS)}.")
    return tuple(name for name in TARGETS if not targets or name in targets)


def recipe_of(target: str) -> str:
    """Return the shipped recipe of a target by name: "ladder/99.0"."""
    return f"{SHIPPED}/{target}"


def seed_of(number: int) -> int:
    """Return the seed of run `number` (from 0); none of those by which the recipes were found."""
    return canonical_json.derived_seed(SHIPPED, number)


def _data(asked: Options) -> DataOptions:
    return DataOptions(data_dir=str(asked.data_dir.resolve()) if asked.data_dir else None)


class _Runs:
    """The runs of every recipe with every seed."""

    def __init__(
        self, asked: Options, configs: Mapping[str, TrainConfig], grid: Grid, test_set: Sequence[str],
        listener: Listener,
    ) -> None:  # fmt: skip
        self._asked = asked
        self._configs = configs
        self._grid = grid
        purpose = f"bench ladder: {', '.join(configs)}; {asked.seeds} seeds"
        self._score = Scores(grid, _data(asked), purpose=purpose, ledgers=[asked.ledger])
        self._listener = listener
        self._seeds = [seed_of(number) for number in range(asked.seeds)]
        self._tasks = {
            (name, seed): grid.task(f"{recipe_of(name)}, seed {seed}", config, seed, also=test_set)
            for name, config in configs.items()
            for seed in self._seeds
        }

    def train(self, stopping: Callable[[], bool]) -> Reports | None:
        """Return the reports of all runs; None where training was stopped before the end."""
        names = {task.identity: key for key, task in self._tasks.items()}
        longest_first = sorted(self._tasks.values(), key=lambda task: -sum(task.costs))
        costs = sum(sum(task.costs) for task in longest_first)
        self._listener.on_start(len(longest_first), costs / 1e6 / self._asked.workers)

        def on_end(task: Task, curve: Sequence[Report]) -> None:
            name, seed = names[task.identity]
            self._listener.on_run(recipe_of(name), seed, curve)

        return self._grid.train(longest_first, stopping, on_period=self._with_test_figures, on_end=on_end)

    def time(self, reports: Reports, stopping: Callable[[], bool]) -> dict[str, float] | None:
        """Return the wall seconds of each recipe's first run; None where stopped before the end."""
        walls: dict[str, float] = {}
        for name in self._configs:
            task = self._tasks[name, self._seeds[0]]
            wall = self._wall_seconds(name, task, sum(report.seconds for report in reports[task.identity]), stopping)
            if wall is None:
                return None
            walls[name] = wall
        return walls

    def ladder(self, reports: Reports, walls: Mapping[str, float]) -> Ladder:
        """Return what was found."""
        found = []
        for name, config in self._configs.items():
            curves = {seed: reports[self._tasks[name, seed].identity] for seed in self._seeds}
            found.append(rung(name, recipe_of(name), config, curves, walls[name]))
        split = self._grid.data.split
        images = len(split.train) + len(split.validation)
        return Ladder(machine=self._machine, workers=self._asked.workers, train_images=images, rungs=tuple(found))

    @property
    def _machine(self) -> Machine:
        numerics = self._grid.numerics
        return this_machine(torch.device(str(numerics["device"])), numerics["precision"])

    def _with_test_figures(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        """Add what the net does on the test images to a run's last report, unless training diverged."""
        if report.end or period < len(task.costs):
            return report
        found = self._score.score(task, state)
        figures = {"test_errors": found.errors, "test_accuracy": found.accuracy}
        return replace(report, metrics={**report.metrics, **figures})

    def _wall_seconds(self, name: str, task: Task, estimate: float, stopping: Callable[[], bool]) -> float | None:
        path = self._grid.folder / f"timed-{task.identity[:16]}.json"
        known = sealed_json.load(path, Timed, "timing")
        if known is not None:
            return known.seconds
        self._listener.on_timing(recipe_of(name), estimate)
        numerics = self._grid.numerics
        arguments = cold_start.train_arguments(
            recipe_of(name), task.seed, device=numerics["device"], precision=numerics["precision"],
            data_dir=self._asked.data_dir,
        )  # fmt: skip
        seconds = cold_start.seconds(arguments, stopping)
        if seconds is not None:
            sealed_json.save(Timed(seconds), path)
        return seconds
