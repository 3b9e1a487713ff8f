"""The runs of a confirmation: what they train on, their seeds, how long they take, their records, their test errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Literal

from mnist_bench.config import TrainOn, from_json, to_json
from mnist_bench.data import DataOptions
from mnist_bench.experiments.confirm.race import ROUNDS
from mnist_bench.experiments.grid import Grid, Task
from mnist_bench.experiments.time_budget import makespan
from mnist_bench.studies import record, sealed_json
from search import canonical_json
from search.event_log import StudyRecord, TrialRecord
from search.files import make_folder
from search.study import ExperimentFolder
from search.trainer_api import Report

SEEDS = ROUNDS[-1]
Part = Literal["race", "final"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """What sets the runs of a part apart."""

    train_on: TrainOn
    purpose: str
    """What their seeds are drawn for."""
    prefix: str
    """Of the seed in their records' names."""


PARTS: dict[Part, _Kind] = {
    "race": _Kind(train_on="search_split", purpose="confirm", prefix=""),
    "final": _Kind(train_on="all", purpose="confirm-all", prefix="all-"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What is about to be trained."""

    part: Part
    numbers: tuple[int, ...]
    """Of the trials whose configurations are trained."""
    seeds: int
    """So many each will have afterwards."""
    estimate: float
    """Seconds that it takes if nothing of it was trained before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run that has ended."""

    part: Part
    number: int
    seed: int
    """From 0."""
    reports: Sequence[Report]


class Observer:
    """Hears how a confirmation goes; does nothing by itself."""

    def on_round(self, begins: Round) -> None:
        """Hear of a round before it is trained."""

    def on_run(self, run: Run) -> None:
        """Hear of a run that has ended; of those of earlier confirmations it hears nothing."""


def seeds(study: StudyRecord, part: Part) -> list[int]:
    """Return the seeds of a part, the same for all configurations, none of them a trial's."""
    taken = {trial.seed for trial in study.trials}
    drawn = (canonical_json.derived_seed(study.spec["seed"], PARTS[part].purpose, k) for k in count())
    return list(islice((seed for seed in drawn if seed not in taken), SEEDS))


Curves = Mapping[tuple[int, int], Sequence[Report]]
"""The reports of runs, by number and seed (from 0)."""


class Runs:
    """Trains the configurations of some trials in a grid, by number and seed (from 0)."""

    def __init__(
        self, study: StudyRecord, trials: Sequence[TrialRecord], grid: Grid, observer: Observer,
        on_period: Callable[[], None],
    ) -> None:  # fmt: skip
        self._study = study
        self._trials = {trial.number: trial for trial in trials}
        self._grid = grid
        self._observer = observer
        self._on_period = on_period
        self._seeds: dict[Part, list[int]] = {part: seeds(study, part) for part in PARTS}
        self._rates = {number: _rate([trial.reports], trial.costs) for number, trial in self._trials.items()}
        """Measured seconds for an estimated microsecond, of each trial: in the search, then in its last runs here."""

    def estimate(self, part: Part, numbers: Sequence[int], runs: int) -> float:
        """Return the seconds that so many runs of each of these configurations take."""
        seconds = [self._rates[number] * sum(self._task(part, number, 0).costs) for number in numbers]
        return makespan(seconds * runs, self._grid.executor.workers * self._grid.executor.lanes)

    def train(self, part: Part, numbers: Sequence[int], upto: int, stopping: Callable[[], bool]) -> Curves | None:
        """Return the reports of these configurations with the first `upto` seeds; None where `stopping` said so.

        What was trained before is not trained again.
        """
        tasks = {(number, k): self._task(part, number, k) for k in range(upto) for number in numbers}
        names = {task.identity: key for key, task in tasks.items()}
        estimate = self.estimate(part, numbers, upto - upto // 2 if part == "race" else upto)
        self._observer.on_round(Round(part=part, numbers=tuple(numbers), seeds=upto, estimate=estimate))

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            self._on_period()
            return report

        def on_end(task: Task, curve: Sequence[Report]) -> None:
            number, k = names[task.identity]
            self._observer.on_run(Run(part=part, number=number, seed=k, reports=curve))

        longest_first = sorted(tasks.values(), key=lambda task: -sum(task.costs))
        reports = self._grid.train(
            longest_first, stopping, on_period=on_period, on_end=on_end, keep_last=part == "final"
        )
        if reports is None:
            return None
        found = {key: reports[task.identity] for key, task in tasks.items()}
        self._keep(part, tasks, found)
        return found

    def test_errors(
        self, nets: Curves, options: DataOptions, purpose: str, ledgers: Sequence[Path]
    ) -> tuple[dict[int, list[int | None]], int]:
        """Open the test set once and return what `nets` of the final part get wrong, and the number of its images.

        None stands for a net whose training came to no end.

        Raises:
            DataError, StorageError: see `open_test_set`.
        """
        from mnist_bench.experiments.test_set_scores import Scores

        scores = Scores(self._grid, options, purpose=purpose, ledgers=ledgers)

        def errors(number: int, k: int) -> int | None:
            task = self._task("final", number, k)
            state = None if nets[number, k][-1].end else self._grid.last_state(task)
            return None if state is None else scores.score(task, state).errors

        numbers = dict.fromkeys(number for number, _ in nets)
        return {number: [errors(number, k) for k in range(SEEDS)] for number in numbers}, len(scores.images.labels)

    def _task(self, part: Part, number: int, k: int) -> Task:
        config = replace(from_json(self._trials[number].config), train_on=PARTS[part].train_on)
        return self._grid.task(f"#{number}, seed {k + 1} of the {part}", config, self._seeds[part][k])

    def _keep(self, part: Part, tasks: Mapping[tuple[int, int], Task], found: Curves) -> None:
        """Keep a record of each run, and how long the runs of each configuration took."""
        folder = ExperimentFolder(self._grid.folder).records
        make_folder(folder)
        for (number, k), task in tasks.items():
            made = record.to_json(self._record(number, task, found[number, k]))
            sealed_json.write(made, folder / f"{number}-{PARTS[part].prefix}{k}.json")
        for number in {number for number, _ in tasks}:
            curves = [curve for (of, _), curve in found.items() if of == number]
            self._rates[number] = _rate(curves, tasks[number, 0].costs)

    def _record(self, number: int, task: Task, curve: Sequence[Report]) -> record.Record:
        end = curve[-1].end
        ran = replace(
            self._trials[number], config=to_json(task.config), seed=task.seed, reports=tuple(curve),
            state="PRUNED" if end else "COMPLETE", reason=end or "complete",
        )  # fmt: skip
        return record.record_of(self._study, ran)


def _rate(curves: Sequence[Sequence[Report]], costs: Sequence[int]) -> float:
    """Return the measured seconds for each estimated microsecond of the same periods."""
    measured = sum(report.seconds for curve in curves for report in curve)
    return measured / sum(sum(costs[: len(curve)]) for curve in curves)
