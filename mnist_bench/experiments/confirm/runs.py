"""The runs of a confirmation: their seeds, durations, records and test errors; of networks, and of other trainers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, assert_never

from mnist_bench.cells import value as value_cell
from mnist_bench.config.json import from_json, to_json
from mnist_bench.config.settings import TrainOn
from mnist_bench.data.choice import SHA256, DataOptions
from mnist_bench.data.openings import purpose_of_confirming
from mnist_bench.data.test_set import TEST_FILES, hashes_of_test_set
from mnist_bench.errors import NotReproducedError, Stopped
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirm.race import ROUNDS, Errors
from mnist_bench.experiments.confirm.results import MIN_COMMITTEE, NOTHING, Evaluated, Final, evaluated
from mnist_bench.experiments.grid import Grid, Observer, RunReports, TrainingRun, product, validation_errors
from mnist_bench.experiments.tasks import Task, TaskStore, Training
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.experiments.time_budget import makespan
from mnist_bench.studies import compatibility, record, sealed_json
from mnist_bench.studies.record import data_of
from mnist_bench.training.weights import export
from search import canonical_json, hashed
from search.differences import checks
from search.errors import StorageError, UsageError
from search.event_log.records import StudyRecord, TrialRecord, reason_of
from search.executors.protocol import Executor
from search.files import atomic_write, make_folder
from search.messages import duration, number_of
from search.study.checkpoint_store import CheckpointStore
from search.study.folder import ConfirmFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report, finite

ROUNDED = 1e-15
"""Relative difference of values that count as equal."""
PACKAGED_TEST_FILES = tuple(SHA256[name] for name in TEST_FILES)
"""Their SHA-256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The properties of the runs of one part of a confirmation."""

    words: str
    """The work, in words."""
    train_on: TrainOn
    purpose: hashed.Purpose
    """The purpose for which their seeds are drawn."""
    rounds: tuple[int, ...]
    """Seeds that a configuration has been trained with after each round."""
    keeps_nets: bool
    """Whether the nets are needed once they are trained."""

    @property
    def seeds(self) -> int:
        """Seeds of a configuration that is trained in all rounds."""
        return self.rounds[-1]


RACE = Part(words="racing", train_on="search_split", purpose="confirm", rounds=ROUNDS, keeps_nets=False)
FINAL = Part(
    words="on all training images",
    train_on="all",
    purpose="confirm-all",
    rounds=ROUNDS[-1:],
    keeps_nets=True,
)


def seeds(study: StudyRecord, part: Part) -> list[int]:
    """Return the seeds of a part, the same for all configurations, none of them a trial's."""
    taken = {trial.seed for trial in study.trials}
    drawn = (hashed.derived_seed(study.spec["seed"], part.purpose, k) for k in count())
    return list(islice((seed for seed in drawn if seed not in taken), part.seeds))


class Runs(ABC):
    """Trains the configurations of some trials, each with the first seeds of a part; nothing is trained twice."""

    def __init__(
        self, study: StoredStudy, trials: Sequence[TrialRecord], executor: Executor, observer: Observer
    ) -> None:
        self._study = study
        self._trials = {trial.number: trial for trial in trials}
        self._workers = executor.workers
        self._observer = observer
        self._seeds = {part: seeds(study, part) for part in (RACE, FINAL)}

    @abstractmethod
    def scores(self, numbers: Sequence[int], upto: int) -> Errors:
        """Train these configurations with the first `upto` seeds, and return whole numbers, the smaller the better,
        None for a run that did not finish: what a race compares.

        Raises:
            Stopped: the observer stopped the training before its end.
            WorkerError: a configuration makes the trainer fail, or workers die again and again.
        """

    @abstractmethod
    def _seconds_left(self, part: Part, number: int, k: int) -> float:
        """Return about how long a configuration's run with seed number k still takes."""

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        """Return the seconds that these configurations take with the first `upto` seeds, without trained runs.

        Workers wait for each other at the end of each round.
        """
        ends = [0, *(seeds for seeds in part.rounds if seeds <= upto)]
        jobs = ([self._seconds_left(part, n, k) for n in numbers for k in range(*span)] for span in pairwise(ends))
        return sum(makespan(left, self._workers) for left in jobs)

    def _tell(self, part: Part, numbers: Sequence[int], upto: int) -> None:
        seconds = self.estimate(part, numbers, upto)
        about = f"about {duration(seconds)}" if seconds else "trained before"
        self._observer.on_news(f"{_names(numbers)} {part.words}, to {number_of(upto, 'seed')}; {about}")


class NetRuns(Runs):
    """Runs of networks in a grid."""

    def __init__(
        self,
        study: StoredStudy,
        trials: Sequence[TrialRecord],
        grid: Grid,
        on_period: Callable[[], None] = lambda: None,
    ) -> None:
        """Read the study's known test errors. `on_period` is called after each period.

        Raises:
            StorageError: as `evaluated`.
        """
        super().__init__(study, trials, grid.executor, grid.observer)
        self._grid = grid
        self._folder = ConfirmFolder(grid.folder)
        self._on_period = on_period
        self._evaluated = evaluated(study.files.path)
        self._rates = {number: _rate([trial.reports], trial.costs) for number, trial in self._trials.items()}
        """Measured seconds for an estimated microsecond, of each trial: in the search, then in its last runs here."""
        self._left: dict[tuple[Part, int, int], int] = {}
        """By part, trial and seed, the estimated microseconds of what is not trained, since something last was. To look
        that up takes milliseconds, and estimates of a hundred candidates ask for it fifty thousand times."""

    def scores(self, numbers: Sequence[int], upto: int) -> Errors:
        """Return errors on the validation images; see `Runs.scores`."""
        curves = self.train(RACE, numbers, upto)
        its_seeds = self._seeds[RACE][:upto]
        return {number: [validation_errors(curves[f"#{number}", seed]) for seed in its_seeds] for number in numbers}

    def train(self, part: Part, numbers: Sequence[int], upto: int) -> RunReports:
        """Return the reports of these configurations, named `#17`, with the first `upto` seeds; errors as in
        `Grid.train`."""
        self._tell(part, numbers, upto)

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            self._on_period()
            return report

        runs = self._runs(part, numbers, upto)
        self._left.clear()
        curves = self._grid.train(runs, on_period=on_period, keep_last=part.keeps_nets)
        self._keep(part, numbers, upto, curves)
        return curves

    def train_again(self, nets: Sequence[tuple[int, int]]) -> None:
        """Train nets on all images again, each given by trial and seed, and keep them. A run whose last state is here
        is not trained.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            NotReproducedError: one has different weights from its record; it is not kept.
            StorageError: one cannot be written.
        """
        runs = {(number, seed): self._runs(FINAL, [number], FINAL.seeds)[seed] for number, seed in nets}
        gone = f"{number_of(len(runs), 'network')} trained on all images gone"
        self._observer.on_news(f"{gone}: retrained, without evaluating the test set")
        self._left.clear()
        curves = self._grid.train(list(runs.values()), keep_last=True)
        for (number, seed), run in runs.items():
            known = record.read(self._folder.record_of(number, seed, on_all=True))
            if curves[run.name, run.seed][-1].weights != known.curve[-1].weights:
                raise NotReproducedError(f"{run.title}, trained on all images, has different weights from its record.")
            self._keep_net(self._folder.net_of(number, seed), run)

    def finals(self, numbers: Sequence[int], options: DataOptions) -> Evaluated:
        """Train configurations on all images with all seeds, and return their errors on the test images: of each net,
        and of a configuration's nets together.

        The test set is opened once, and only for configurations whose errors no earlier confirmation found.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            DataError, StorageError: as `open_test_set`.
        """
        # Asked for here, because a log that leads elsewhere is refused before the training.
        ledgers = [self._study.files.results.openings, self._study.files.openings]
        files = own_test_files(options)
        on = self._known(numbers, files)
        known = {final.number: final for final in on.finals}
        curves = self.train(FINAL, numbers, FINAL.seeds)
        if unknown := [number for number in numbers if number not in known]:
            purpose = f"{purpose_of_confirming(self._study.name)}{_names(unknown)}; {FINAL.seeds} seeds each"
            scores = Scores(self._grid, options, purpose=purpose, ledgers=ledgers)
            known |= {number: self._final(number, curves, scores, files) for number in unknown}
            on = Evaluated(finals=(), images=len(scores.images.labels), test_files=files)
        else:
            self._observer.on_news("their test errors are already known; the test set is not evaluated again")
        return replace(on, finals=tuple(known[number] for number in numbers))

    def _known(self, numbers: Sequence[int], files: tuple[str, ...] | None) -> Evaluated:
        """Return the known results of configurations on these test files, which need not be evaluated again."""
        trained = set(filter(self._was_trained, numbers))
        known = next((one for one in self._evaluated if one.test_files == files), NOTHING)
        return replace(known, finals=tuple(final for final in known.finals if final.number in trained))

    def _was_trained(self, number: int) -> bool:
        """Return whether records are here of a configuration's runs on all images, with the same seeds and data."""
        data = data_of(self._study.spec["context"])
        for k, run in enumerate(self._runs(FINAL, [number], FINAL.seeds)):
            try:
                known = record.read(self._folder.record_of(number, k, on_all=True))
            except (UsageError, StorageError):
                return False
            if (from_json(known.recipe), known.seed, known.data) != (run.config, run.seed, data):
                return False
        return True

    def _final(self, number: int, curves: RunReports, scores: Scores, files: tuple[str, ...] | None) -> Final:
        runs = self._runs(FINAL, [number], FINAL.seeds)
        states = [None if curves[run.name, run.seed][-1].end else self._grid.last_state(run) for run in runs]
        members = list(zip(map(self._grid.task_of, runs), states, strict=True))
        ended = [(task, last) for task, last in members if last is not None]
        return Final(
            number=number,
            errors=tuple(None if last is None else scores.score(task, last).errors for task, last in members),
            committee=scores.committee_errors(ended) if len(ended) >= MIN_COMMITTEE else None,
            test_files=files,
        )

    def _runs(self, part: Part, numbers: Sequence[int], upto: int) -> list[TrainingRun]:
        configs = {f"#{n}": replace(from_json(self._trials[n].config), train_on=part.train_on) for n in numbers}
        return product(configs, self._seeds[part][:upto])

    def _seconds_left(self, part: Part, number: int, k: int) -> float:
        key = (part, number, k)
        if key not in self._left:
            self._left[key] = sum(self._grid.costs_left(self._runs(part, [number], k + 1)[k]))
        return self._rates[number] * self._left[key]

    def _keep(self, part: Part, numbers: Sequence[int], upto: int, curves: RunReports) -> None:
        """Keep a record of each run, the nets that are needed, and how long the runs of each configuration took."""
        make_folder(self._folder.records)
        for number in numbers:
            runs = self._runs(part, [number], upto)
            its = [curves[run.name, run.seed] for run in runs]
            for k, (run, curve) in enumerate(zip(runs, its, strict=True)):
                reason = reason_of(curve[-1].end)
                ran = replace(
                    self._trials[number],
                    config=to_json(run.config),
                    seed=run.seed,
                    reports=tuple(curve),
                    state="COMPLETE" if reason == "complete" else "PRUNED",
                    reason=reason,
                )
                made = record.to_json(record.record_of(self._study, ran))
                sealed_json.write(made, self._folder.record_of(number, k, on_all=part.train_on == "all"))
                if part.keeps_nets and not curve[-1].end:
                    self._keep_net(self._folder.net_of(number, k), run)
            self._rates[number] = _rate(its, self._grid.task_of(runs[0]).costs)

    def _keep_net(self, path: Path, run: TrainingRun) -> None:
        state = self._grid.last_state(run)
        try:
            if state is not None:
                atomic_write(path, export(state, run.config))
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def _names(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


def _rate(curves: Sequence[Sequence[Report]], costs: Sequence[int]) -> float:
    """Return the measured seconds for each estimated microsecond of the same periods."""
    measured = sum(report.seconds for curve in curves for report in curve)
    return measured / sum(sum(costs[: len(curve)]) for curve in curves)


def _of_files_first(found: Sequence[Evaluated], files: tuple[str, ...] | None) -> list[Evaluated]:
    return sorted(found, key=lambda one: one.test_files != files)


def own_test_files(options: DataOptions) -> tuple[str, ...] | None:
    """Return the SHA-256 of your own test files, which may change while the training images stay; None for the
    packaged ones and copies of them. The hash says nothing about the images, so this does not count as opening the
    test set.

    Raises:
        DataError: see `hashes_of_test_set`.
    """
    found = None if options.data_dir is None else tuple(hashes_of_test_set(options))
    return None if found == PACKAGED_TEST_FILES else found


def preferred(found: Sequence[Evaluated], number: int, study: StudyRecord, data_dir: Path | None) -> Evaluated:
    """Return the results on the test set on which the configuration of trial `number` was evaluated; of several test
    sets, that of the files that the user names. It has no finals if there is no such test set.

    Raises:
        DataError, UsageError: see `compatibility.training_set`.
    """
    its = [one for one in found if number in one.numbers]
    if len(its) > 1:
        its = _of_files_first(its, _named_files(study, data_dir))
    return its[0] if its else NOTHING


def all_stand(finals: Sequence[Final], study: StudyRecord, data_dir: Path | None) -> bool:
    """Return whether all finals were measured on the test files in `data_dir`, true if it is None; errors as in
    `preferred`."""
    return data_dir is None or {final.test_files for final in finals} <= {_named_files(study, data_dir)}


def _named_files(study: StudyRecord, data_dir: Path | None) -> tuple[str, ...] | None:
    """Return the `own_test_files` of the study's data set that the user names."""
    if data_dir is None:
        return None
    data = compatibility.training_set(data_of(study.spec["context"]), data_dir, f"Study {study.name}")
    return own_test_files(data.options)


class ValueRuns(Runs):
    """Runs of another trainer, on workers that have started with it."""

    def __init__(
        self,
        study: StoredStudy,
        trials: Sequence[TrialRecord],
        executor: Executor,
        numerics: Mapping[str, Any],
        folder: ConfirmFolder,
        observer: Observer,
        on_period: Callable[[], None],
    ) -> None:
        """Train nothing yet; `folder` keeps the reports of all runs, and `on_period` is called after each period."""
        super().__init__(study, trials, executor, observer)
        self._executor, self._on_period = executor, on_period
        self._store = TaskStore(CheckpointStore(folder.checkpoints), keep_last=False)
        self._conditions = [dict(study.spec["context"]), *checks(numerics).values()]
        self._minimized = study.direction == "minimize"
        self.values: dict[int, tuple[float | None, ...]] = {}
        """The last value of each run so far, by trial and seed; None if it did not finish."""

    @property
    def step(self) -> float:
        """The smallest difference of two values that was seen, in the search and here."""
        searched = [report.value for trial in self._study.trials for report in trial.reports]
        return smallest_step([*searched, *(value for values in self.values.values() for value in values)])

    def scores(self, numbers: Sequence[int], upto: int) -> Errors:
        """Return values as `losses` does; see `Runs.scores`."""
        self._tell(RACE, numbers, upto)
        tasks = {(number, k): self._task(number, k) for k in range(upto) for number in numbers}

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            self._on_period()
            return finite(report)

        def on_end(task: Task, reports: Sequence[Report]) -> None:
            value, spent = last_value(reports), duration(sum(report.seconds for report in reports))
            told = value_cell(value) if value is not None else (reports[-1].end or "no value").replace("_", " ")
            self._observer.on_news(f"{task.name}: {told}, in {spent}")

        # How long a report of an objective takes is not known.
        stall = math.inf if own_trainer.is_objective(self._study) else None
        training = Training(list(tasks.values()), self._executor, self._store, on_period, on_end, stall=stall)
        if not training.run(self._observer.stopping):
            raise Stopped
        lasts = {key: last_value(training.reports[task.identity]) for key, task in tasks.items()}
        found = {number: tuple(lasts[number, k] for k in range(upto)) for number in numbers}
        self.values |= found
        return losses(found, self.step, minimized=self._minimized)

    def _seconds_left(self, part: Part, number: int, k: int) -> float:
        trial, task = self._trials[number], self._task(number, k)
        reports, _ = self._store.load(task)
        left = 0 if task.is_ended_by(reports) else len(task.costs) - len(reports)
        return left * trial.seconds / len(trial.reports)

    def _task(self, number: int, k: int) -> Task:
        trial, seed = self._trials[number], self._seeds[RACE][k]
        title = f"#{number}, seed {k + 1} of {RACE.seeds}"
        identity = canonical_json.sha256([dict(trial.config), seed, list(trial.costs), *self._conditions])
        return Task(name=title, identity=identity, config=trial.config, seed=seed, costs=trial.costs)


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


def losses(values: Mapping[int, Sequence[float | None]], step: float, *, minimized: bool) -> Errors:
    """Return values as whole numbers of steps, the smaller the better; None if a run did not finish.

    To round to steps loses nothing: no two different values are closer to each other than a step. A race counts on
    whole numbers, whose rounding is the least variance that it assumes. So a few equal values of an objective that has
    coarse steps, such as an accuracy on 300 images, prove as little as equal numbers of errors do.
    """
    sign = 1 if minimized else -1
    return {
        number: [None if value is None else round(sign * value / step) for value in found]
        for number, found in values.items()
    }


def smallest_step(values: Sequence[float | None]) -> float:
    """Return the smallest difference of two of the values, in which they can be counted; 1.0 if all are equal.

    >>> smallest_step([0.5, None, 0.75, 0.5, 1.75])
    0.25
    """
    ordered = sorted({float(value) for value in values if value is not None})
    # Values that differ by the rounding of floats alone are equal: one may be computed in another order than the other.
    gaps = (high - low for low, high in pairwise(ordered) if not math.isclose(low, high, rel_tol=ROUNDED))
    return min(gaps, default=1.0)
