"""The runs of a confirmation by value: the configurations of some trials, trained by their own trainer with fresh
seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, assert_never

from mnist_bench.cells import duration, value as value_cell
from mnist_bench.errors import Stopped
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirm import race, runs as net_runs
from mnist_bench.experiments.grid import Observer
from mnist_bench.experiments.time_budget import makespan
from search import canonical_json
from search.differences import canaries
from search.driver import Task, TaskStore, Training
from search.event_log import StudyRecord, TrialRecord
from search.executors import Executor
from search.messages import number_of
from search.study import CheckpointStore, ConfirmFolder
from search.trainer_api import Report, finite

Values = Mapping[int, Sequence[float | None]]
"""Of each candidate (a trial's number), by seed; None if a run did not finish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One run: a task, and what it is called."""

    task: Task
    title: str


class ValueRuns:
    """Trains the configurations of some trials with fresh seeds, the same for all, and resumes earlier work."""

    def __init__(
        self, study: StudyRecord, trials: Sequence[TrialRecord], executor: Executor, numerics: Mapping[str, Any],
        folder: ConfirmFolder, observer: Observer, on_period: Callable[[], None],
    ) -> None:  # fmt: skip
        """Train nothing yet.

        Args:
            study: the study.
            trials: those whose configurations race.
            executor: workers that have started, with the study's trainer.
            numerics: those of the workers.
            folder: keeps the reports of all runs.
            observer: gets the news, and may stop the runs.
            on_period: called after each period.
        """
        self._trials = {trial.number: trial for trial in trials}
        self._executor = executor
        self._observer = observer
        self._on_period = on_period
        self._store = TaskStore(CheckpointStore(folder.checkpoints), keep_last=False)
        self._conditions = [dict(study.spec["context"]), *canaries(numerics)]
        self._stall = math.inf if own_trainer.is_objective(study) else None
        """How long a report of an objective takes is not known."""
        self._seeds = net_runs.seeds(study, net_runs.RACE)

    def values(self, numbers: Sequence[int], upto: int) -> Values:
        """Return the last values of configurations with the first `upto` seeds. Runs that were trained before are not
        trained again.

        Raises:
            Stopped: the observer stopped the training before its end.
            WorkerError: a configuration makes the trainer fail, or workers die again and again.
        """
        seconds = self.estimate(numbers, upto)
        about = f"about {duration(seconds)}" if seconds else "trained before"
        names = ", ".join(f"#{number}" for number in numbers)
        self._observer.on_news(f"{names} racing, to {number_of(upto, 'seed')}; {about}")
        runs = {(number, k): self._run(number, k) for k in range(upto) for number in numbers}
        titles = {run.task.identity: run.title for run in runs.values()}

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            self._on_period()
            return finite(report)

        def on_end(task: Task, reports: Sequence[Report]) -> None:
            spent = duration(sum(report.seconds for report in reports))
            self._observer.on_news(f"{titles[task.identity]}: {_told(reports)}, in {spent}")

        training = Training(
            [run.task for run in runs.values()], self._executor, self._store, on_period, on_end, stall=self._stall
        )
        if not training.run(self._observer.stopping):
            raise Stopped
        return {
            number: [last_value(training.reports[runs[number, k].task.identity]) for k in range(upto)]
            for number in numbers
        }

    def estimate(self, numbers: Sequence[int], upto: int) -> float:
        """Return about how many seconds these configurations take with the first `upto` seeds, without trained runs.

        Workers wait for each other at the end of each round.
        """
        slots = self._executor.workers * self._executor.lanes
        ends = [0, *(seeds for seeds in race.ROUNDS if seeds <= upto)]
        return sum(
            makespan([self._seconds_left(number, k) for number in numbers for k in range(start, end)], slots)
            for start, end in pairwise(ends)
        )

    def _seconds_left(self, number: int, k: int) -> float:
        """Return about how long a run still takes, at the pace of its trial in the search."""
        trial, task = self._trials[number], self._run(number, k).task
        reports, _ = self._store.load(task)
        left = 0 if task.is_ended_by(reports) else len(task.costs) - len(reports)
        return left * trial.seconds / len(trial.reports)

    def _run(self, number: int, k: int) -> _Run:
        trial, seed = self._trials[number], self._seeds[k]
        title = f"#{number}, seed {k + 1} of {len(self._seeds)}"
        identity = canonical_json.sha256([dict(trial.config), seed, list(trial.costs), *self._conditions])
        task = Task(name=title, identity=identity, config=trial.config, seed=seed, costs=trial.costs)
        return _Run(task=task, title=title)


def last_value(reports: Sequence[Report]) -> float | None:
    """Return the last value of a run; None if it did not finish."""
    end = reports[-1].end
    match end:
        case None | "finished":
            value = reports[-1].value
            return None if value is None else float(value)
        case "diverged" | "out_of_memory":
            return None
        case _:
            assert_never(end)


def _told(reports: Sequence[Report]) -> str:
    value = last_value(reports)
    return (reports[-1].end or "no value").replace("_", " ") if value is None else value_cell(value)
