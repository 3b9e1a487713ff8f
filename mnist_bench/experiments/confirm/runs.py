"""The runs of a confirmation: their seeds, records and test errors; of networks, and of other trainers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, assert_never

from mnist_bench.cells import value as value_cell
from mnist_bench.config.settings import TrainOn
from mnist_bench.config.values import from_json, to_json
from mnist_bench.data.choice import SHA256, DataOptions
from mnist_bench.data.test_set import TEST_FILES, hashes_of_test_set, purpose_of_confirming
from mnist_bench.errors import NotReproducedError, Stopped
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirm.results import SEEDS, Evaluated, Final, evaluated
from mnist_bench.experiments.grid import Grid, Observer, RunReports, TrainingRun, product, validation_errors
from mnist_bench.experiments.tasks import Task, TaskStore, Training, as_it_is
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.studies import kept_files, record
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

    train_on: TrainOn
    purpose: hashed.Purpose  # the purpose for which their seeds are drawn


FRESH = Part(train_on="search_split", purpose="confirm")
"""The candidates, compared on the validation images."""
ON_ALL = Part(train_on="all", purpose="confirm-all")
"""The selected ones, whose nets are kept."""


def seeds(study: StudyRecord, part: Part) -> list[int]:
    """Return the seeds of a part, the same for all configurations, none of them a trial's."""
    taken = {trial.seed for trial in study.trials}
    drawn = (hashed.derived_seed(study.spec["seed"], part.purpose, k) for k in count())
    return list(islice((seed for seed in drawn if seed not in taken), SEEDS))


class NetRuns:
    """Trains the networks of some trials in a grid, each with the seeds of a part; nothing is trained twice."""

    def __init__(self, study: StoredStudy, trials: Sequence[TrialRecord], grid: Grid) -> None:
        self._study, self._grid = study, grid
        self._trials = {trial.number: trial for trial in trials}
        self._folder = ConfirmFolder(grid.folder)

    def errors(self) -> dict[int, tuple[int | None, ...]]:
        """Train all with fresh seeds, and return their errors on the validation images; errors as in `Grid.train`."""
        curves = self._train(FRESH, [*self._trials])
        its_seeds = seeds(self._study, FRESH)
        return {
            number: tuple(validation_errors(curves[f"#{number}", seed]) for seed in its_seeds)
            for number in self._trials
        }

    def train_again(self, nets: Sequence[tuple[int, int]]) -> None:
        """Train nets on all images again, each given by trial and seed, and keep them. A run whose last state is here
        is not trained.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            NotReproducedError: one has different weights from its record; it is not kept.
            StorageError: one cannot be written.
        """
        runs = {(number, seed): self._runs(ON_ALL, [number])[seed] for number, seed in nets}
        gone = f"{number_of(len(runs), 'network')} trained on all images gone"
        self._grid.observer.on_news(f"{gone}: retrained, without evaluating the test set")
        curves = self._grid.train(list(runs.values()), keep_last=True)
        for (number, seed), run in runs.items():
            known = record.read(self._folder.record_of(number, seed, on_all=True))
            if curves[run.name, run.seed][-1].weights != known.curve[-1].weights:
                raise NotReproducedError(f"{run.title}, trained on all images, has different weights from its record.")
            self._keep_net(self._folder.net_of(number, seed), run)

    def finals(self, numbers: Sequence[int], options: DataOptions) -> Evaluated:
        """Train configurations on all images, and return the errors of each net on the test images.

        The test set is opened once, and only for configurations whose errors on these test files are not known.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            DataError, StorageError: as `open_test_set`.
        """
        # Asked for here, because a log that leads elsewhere is refused before the training.
        ledgers = [self._study.files.results.openings, self._study.files.openings]
        on = evaluated(self._study.files.path, own_test_files(options))
        known = {final.number: final for final in on.finals if self._was_trained(final.number)}
        curves = self._train(ON_ALL, numbers)
        if unknown := [number for number in numbers if number not in known]:
            purpose = f"{purpose_of_confirming(self._study.name)}{_names(unknown)}; {SEEDS} seeds each"
            scores = Scores(self._grid, options, purpose=purpose, ledgers=ledgers)
            known |= {number: self._final(number, curves, scores) for number in unknown}
            on = replace(on, images=len(scores.images.labels))
        else:
            self._grid.observer.on_news("their test errors are already known; the test set is not evaluated again")
        return replace(on, finals=tuple(known[number] for number in numbers))

    def _train(self, part: Part, numbers: Sequence[int]) -> RunReports:
        """Return the reports of these configurations, named `#17`; errors as in `Grid.train`."""
        runs = self._runs(part, numbers)
        how = f"on all training images, {SEEDS} seeds each" if part is ON_ALL else f"with {SEEDS} fresh seeds each"
        self._grid.observer.on_news(f"{_names(numbers)} {how}")
        self._grid.observer.on_start(len(runs), self._grid.seconds(runs))
        curves = self._grid.train(runs, on_period=as_it_is, keep_last=part is ON_ALL)
        self._keep(part, numbers, curves)
        return curves

    def _was_trained(self, number: int) -> bool:
        """Return whether records are here of a configuration's runs on all images, with the same seeds and data."""
        if number not in self._trials:
            return False
        data = data_of(self._study.spec["context"])
        for k, run in enumerate(self._runs(ON_ALL, [number])):
            try:
                known = record.read(self._folder.record_of(number, k, on_all=True))
            except (UsageError, StorageError):
                return False
            if (from_json(known.recipe), known.seed, known.data) != (run.config, run.seed, data):
                return False
        return True

    def _final(self, number: int, curves: RunReports, scores: Scores) -> Final:
        errors: list[int | None] = []
        for run in self._runs(ON_ALL, [number]):
            last = None if curves[run.name, run.seed][-1].end else self._grid.last_state(run)
            errors.append(None if last is None else scores.score(self._grid.task_of(run), last).errors)
        return Final(number=number, errors=tuple(errors))

    def _runs(self, part: Part, numbers: Sequence[int]) -> list[TrainingRun]:
        configs = {f"#{n}": replace(from_json(self._trials[n].config), train_on=part.train_on) for n in numbers}
        return product(configs, seeds(self._study, part))

    def _keep(self, part: Part, numbers: Sequence[int], curves: RunReports) -> None:
        """Keep a record of each run, and the nets that were trained on all images."""
        make_folder(self._folder.records)
        for number in numbers:
            for k, run in enumerate(self._runs(part, [number])):
                curve = curves[run.name, run.seed]
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
                kept_files.write(made, self._folder.record_of(number, k, on_all=part is ON_ALL))
                if part is ON_ALL and not curve[-1].end:
                    self._keep_net(self._folder.net_of(number, k), run)

    def _keep_net(self, path: Path, run: TrainingRun) -> None:
        state = self._grid.last_state(run)
        try:
            if state is not None:
                atomic_write(path, export(state, run.config))
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def _names(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


def own_test_files(options: DataOptions) -> tuple[str, ...] | None:
    """Return the SHA-256 of your own test files, which may change while the training images stay; None for the
    packaged ones and copies of them. The hash says nothing about the images, so this does not count as opening the
    test set.

    Raises:
        DataError: see `hashes_of_test_set`.
    """
    found = None if options.data_dir is None else tuple(hashes_of_test_set(options))
    return None if found == PACKAGED_TEST_FILES else found


def values(
    study: StoredStudy,
    trials: Sequence[TrialRecord],
    executor: Executor,
    numerics: Mapping[str, Any],
    observer: Observer,
) -> dict[int, tuple[float | None, ...]]:
    """Train configurations of another trainer with fresh seeds, on workers that have started with it, and return their
    last values by trial.

    Raises:
        Stopped: the observer stopped the training before its end.
        WorkerError: a configuration makes the trainer fail, or workers die again and again.
    """
    conditions = [dict(study.spec["context"]), *checks(numerics).values()]

    def task(trial: TrialRecord, k: int, seed: int) -> Task:
        identity = canonical_json.sha256([dict(trial.config), seed, list(trial.costs), *conditions])
        title = f"#{trial.number}, seed {k} of {SEEDS}"
        return Task(name=title, identity=identity, config=trial.config, seed=seed, costs=trial.costs)

    def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
        return finite(report)

    def on_end(task: Task, reports: Sequence[Report]) -> None:
        value, spent = last_value(reports), duration(sum(report.seconds for report in reports))
        told = value_cell(value) if value is not None else (reports[-1].end or "no value").replace("_", " ")
        observer.on_news(f"{task.name}: {told}, in {spent}")

    drawn = [*enumerate(seeds(study, FRESH), start=1)]
    tasks = {(trial.number, k): task(trial, k, seed) for k, seed in drawn for trial in trials}
    observer.on_news(f"{_names([trial.number for trial in trials])} with {SEEDS} fresh seeds each")
    # How long a report of an objective takes is not known.
    stall = math.inf if own_trainer.is_objective(study) else None
    store = TaskStore(CheckpointStore(study.files.confirm.checkpoints), keep_last=False)
    training = Training([*tasks.values()], executor, store, on_period, on_end, stall=stall)
    if not training.run(observer.stopping):
        raise Stopped
    lasts = {key: last_value(training.reports[task.identity]) for key, task in tasks.items()}
    return {trial.number: tuple(lasts[trial.number, k] for k, _ in drawn) for trial in trials}


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


def smallest_step(found: Sequence[float | None]) -> float:
    """Return the smallest difference of two of the values, in which they can be counted; 1.0 if all are equal.

    >>> smallest_step([0.5, None, 0.75, 0.5, 1.75])
    0.25
    """
    ordered = sorted({float(value) for value in found if value is not None})
    # Values that differ by the rounding of floats alone are equal: one may be computed in another order than the other.
    gaps = (high - low for low, high in pairwise(ordered) if not math.isclose(low, high, rel_tol=ROUNDED))
    return min(gaps, default=1.0)
