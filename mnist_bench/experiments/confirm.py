"""`confirm`: the best configurations with eight fresh seeds each; of networks, the test set is then opened once.

One design, fixed beforehand, for all: every candidate gets the same seeds, the best mean is selected, and paired
t-tests, corrected over all pairs (Holm), say which candidates are worse. Nothing is selected on the test set. A study
of another trainer has no images and no test set: what is selected was selected by the values that are shown, and its
mean there is therefore slightly too good. On the front of a study with two objectives nothing is selected: each of its
points gets eight seeds on all images, and the test set is opened once for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, TypeVar, assert_never

from mnist_bench.cells import value as value_cell
from mnist_bench.config.settings import TrainOn
from mnist_bench.config.values import from_json, to_json
from mnist_bench.data.choice import SHA256, DataOptions
from mnist_bench.data.test_set import TEST_FILES, hashes_of_test_set, purpose_of_confirming, unopened_identity
from mnist_bench.errors import DataError, NotReproducedError, Stopped
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirmed import (
    SEEDS,
    TOP,
    Candidate,
    Confirmed,
    Evaluated,
    Final,
    Front,
    FrontMember,
    evaluated,
    load,
    save,
)
from mnist_bench.experiments.trainings import (
    Grid,
    Observer,
    RunReports,
    Scores,
    Task,
    TaskStore,
    Training,
    TrainingRun,
    Workplace,
    as_it_is,
    open_grid_of,
    product,
    validation_errors,
)
from mnist_bench.leaderboard.ranking import ordered, pareto_front
from mnist_bench.statistics import LEVEL, all_pairs, complete
from mnist_bench.studies import checked, kept_files, record
from mnist_bench.studies.record import data_of
from mnist_bench.training.weights import export
from mnist_bench.value_kind import kind_of
from search import canonical_json, file_lock, hashed
from search.arguments import check_count
from search.differences import checks
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord, reason_of
from search.executors.protocol import Executor
from search.files import atomic_write, make_folder
from search.messages import duration, number_of
from search.study.checkpoint_store import CheckpointStore
from search.study.folder import ConfirmFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report, finite

Found = TypeVar("Found", Confirmed, Front)
Results = Mapping[int, tuple[float | None, ...]]
"""Of each candidate, by seed: errors or values; None if training did not finish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmOptions(Workplace):
    """The options of a confirmation."""

    top: int = TOP  # configurations, at most
    test: bool = True  # whether selected networks are trained on all images and evaluated on the test set
    code: own_trainer.OwnCode = field(default_factory=own_trainer.OwnCode)
    """The trainer or objective of a study that is not one of networks; it has no test set, either."""

    def __post_init__(self) -> None:
        check_count("top", self.top)
        check_count("workers", self.workers)


def confirm_study(study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Confirmed:
    """Confirm a study, or return its earlier confirmation. Missing nets of that are trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError: the study is being searched, or being confirmed by another process.
        StudyNotFoundError: it has no trial to confirm.
        FingerprintError: this machine computes otherwise than the one of the search.
        UsageError: the data set at hand or the study's folder is not its own; of another trainer, it was not named.
        SearchError: no candidate trains to its end.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid_of` and `NetRuns.finals`.
    """
    trials, foreign = candidates_of(study, options.top), not kind_of(study.spec).of_nets
    known = load(Confirmed, study.files.path)
    if known is not None and _answers(known, study, options):
        return _with_all_nets(known, study, options, observer)
    if foreign:
        found = _of_values(study, trials, options, observer)
    else:
        found = _of_nets(study, trials, known, options, observer)
    save(found, study.files.path)
    return found


def confirm_front(study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Front:
    """Confirm the front of a study, or return its earlier confirmation. Missing nets of that are trained again.

    Raises:
        UsageError: it has one objective, or the data set at hand or the study's folder is not its own.
        StudyNotFoundError: none of its trials is complete.
        Stopped, StudyLockedError, FingerprintError, DataError, DeviceError, WorkerError, StorageError: as
            `confirm_study`.
    """
    _check_ended(study, "its front")
    cost, trials, left_out = front_trials(study, options.top)
    folder, numbers = study.files.path, [trial.number for trial in trials]
    known = load(Front, folder)
    is_same = known is not None and (known.digest, [one.number for one in known.members]) == (study.digest, numbers)
    if known is not None and is_same and _stands(known, study, options):
        return _with_all_nets(known, study, options, observer)
    with _grid_of(study, options, observer) as grid:
        on = NetRuns(study, trials, grid).finals(numbers, grid.data.options)
        found = Front(
            study=study.name,
            digest=study.digest,
            cost=cost,
            left_out=left_out,
            train_images=grid.data.split.images,
            test_images=on.images,
            test_files=on.files,
            finals=on.finals,
            earlier=evaluated(folder, on.files).but(numbers),
            members=tuple(
                FrontMember(number=trial.number, cost=trial.facts[cost], search_accuracy=trial.value or 0.0)
                for trial in trials
            ),
        )
        save(found, folder)
    return found


# What is confirmed


def _check_ended(study: StudyRecord, what: str) -> None:
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm {what} when the search has ended.")


def candidates_of(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the best trials whose configurations can train to their ends, the best first, `top` at most.

    Trials with less training than the two best are left out: their values cannot be compared. Pruned trials are taken
    if fewer than two are complete, and then those that came furthest. Of trials with the same configuration, which
    would train to the same values, the best one is taken.

    Raises:
        StudyLockedError: the study is being searched.
        StudyNotFoundError: there is none.
    """
    _check_ended(study, "it")
    kind = kind_of(study.spec)
    distinct: dict[str, TrialRecord] = {}
    for trial in ordered(study):
        if trial.reason in ("complete", "pruned") and trial.value is not None:
            distinct.setdefault(canonical_json.dumps(trial.config), trial)
    found = [*distinct.values()]
    if not found:
        raise StudyNotFoundError(f"Study {study.name} has no complete or pruned trial to confirm.")
    # A complete trial, which may have had no more reports to make, made all.
    reached = [kind.total(trial) if trial.state == "COMPLETE" else kind.done(trial) for trial in found]
    return [trial for trial, far in zip(found, reached, strict=True) if far >= min(reached[:2])][:top]


def front_trials(study: StudyRecord, top: int) -> tuple[str, list[TrialRecord], int]:
    """Return the minimised fact of a study, the trials of its front, the cheapest first, and the number of those left
    out.

    At most `top` are taken: of a longer front both ends, and evenly between them; of one, the most accurate.

    Raises:
        UsageError: the study has one objective.
        StudyNotFoundError: none of its trials is complete.
    """
    cost = study.cost
    if cost is None:
        raise UsageError(
            f"Study {study.name} has one objective and no Pareto front; leave out --front to confirm its best trials."
        )
    front = sorted(pareto_front(study), key=lambda trial: (trial.facts[cost], trial.number))
    if not front:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial to confirm.")
    if top == 1:
        return cost, front[-1:], len(front) - 1
    last = len(front) - 1
    places = range(len(front)) if len(front) <= top else [round(step * last / (top - 1)) for step in range(top)]
    return cost, [front[place] for place in places], len(front) - len(places)


# The selection


def selected(
    study: StudyRecord, trials: Sequence[TrialRecord], results: Results, *, step: float, minimized: bool
) -> tuple[tuple[Candidate, ...], int, int]:
    """Return the candidates with their p-values, the number of the one with the best mean, and that of the cheapest of
    those that are tied with it.

    Raises:
        SearchError: no candidate trains to its end.
    """
    whole = {number: each for number, found in results.items() if (each := complete(found))}
    if not whole:
        raise SearchError("None of the candidates trains to its end with fresh seeds; there is nothing to confirm.")
    rows = {
        trial.number: Candidate(
            number=trial.number,
            searched=None if trial.value is None else float(trial.value),
            reach=kind_of(study.spec).done(trial),
            complete=trial.state == "COMPLETE",
            results=results[trial.number],
            parameters=trial.facts.get("parameters"),
            macs=trial.facts.get("macs"),
        )
        for trial in trials
    }
    sign = 1 if minimized else -1
    winner = min(whole, key=lambda number: (sign * (rows[number].mean or 0.0), rows[number].size, number))
    p_values = {
        pair[0] if pair[1] == winner else pair[1]: p_value
        for pair, p_value in all_pairs(whole, step).items()
        if winner in pair
    }
    tied = [winner, *(number for number, p_value in p_values.items() if p_value > LEVEL)]
    cheapest = min(tied, key=lambda number: (rows[number].size, number != winner, number))
    return tuple(replace(row, p_value=p_values.get(number)) for number, row in rows.items()), winner, cheapest


def _compared(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    results: Results,
    options: ConfirmOptions,
    *,
    name: str,
    step: float,
    minimized: bool,
    train_images: int | None = None,
    validation_images: int | None = None,
) -> Confirmed:
    """Return the comparison of the candidates, with nothing evaluated; errors as in `selected`."""
    candidates, winner, cheapest = selected(study, trials, results, step=step, minimized=minimized)
    return Confirmed(
        study=study.name,
        digest=study.digest,
        top=options.top,
        name=name,
        minimized=minimized,
        step=step,
        train_images=train_images,
        validation_images=validation_images,
        test_images=0,
        test_files=None,
        candidates=candidates,
        winner=winner,
        cheapest=cheapest,
        finals=(),
        earlier=(),
    )


def _of_values(
    study: StoredStudy, trials: Sequence[TrialRecord], options: ConfirmOptions, observer: Observer
) -> Confirmed:
    folder, minimized = study.files.confirm, study.direction == "minimize"
    executor = own_trainer.executor_for(study, options.code, options.workers, folder.workers_log)
    make_folder(folder.path)
    with file_lock.driver_lock(folder.lock, f"The confirmation of {study.name}"):
        try:
            numerics = executor.start()
            checked.check_numerics(study, numerics, "confirm")
            results = values(study, trials, executor, numerics, observer)
        finally:
            executor.stop()
    searched = [report.value for trial in study.trials for report in trial.reports]
    step = smallest_step([*searched, *(value for found in results.values() for value in found)])
    return _compared(study, trials, results, options, name=kind_of(study.spec).name, step=step, minimized=minimized)


# Networks


@contextmanager
def _grid_of(study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Iterator[Grid]:
    what = f"The confirmation of {study.name}"
    with open_grid_of(study, "confirm", study.files.confirm.path, what, options, observer) as grid:
        yield grid


def _of_nets(
    study: StoredStudy,
    trials: Sequence[TrialRecord],
    known: Confirmed | None,
    options: ConfirmOptions,
    observer: Observer,
) -> Confirmed:
    """Train with fresh seeds, select, then train on all images and evaluate on the test set.

    `known` is an earlier confirmation; what it evaluated stays known.

    Raises:
        DataError: there are no test files.
    """
    with _grid_of(study, options, observer) as grid:
        if options.test:
            _check_test_files(grid.data.options)
        its = NetRuns(study, trials, grid)
        found = _compared(
            study,
            trials,
            its.errors(),
            options,
            name="validation",
            step=1.0,
            minimized=True,
            train_images=len(grid.data.split.train),
            validation_images=len(grid.data.split.validation),
        )
        if known is not None:
            found = replace(found, test_images=known.test_images, test_files=known.test_files, earlier=known.evaluated)
        if not options.test:
            return found
        numbers = list(dict.fromkeys([found.winner, found.cheapest]))
        on = its.finals(numbers, grid.data.options)
        earlier = evaluated(study.files.path, on.files).but(numbers)
        return replace(found, test_images=on.images, test_files=on.files, finals=on.finals, earlier=earlier)


def _check_test_files(options: DataOptions) -> None:
    """Check that there are test files to be opened at the end, without opening them."""
    try:
        unopened_identity(options)
    except DataError as error:
        raise DataError(f"{error}; --no-test confirms without test images") from error


def _answers(known: Confirmed, study: StudyRecord, options: ConfirmOptions) -> bool:
    """Return whether the earlier result answers the present request."""
    if (known.digest, known.top) != (study.digest, options.top):
        return False
    return not known.of_nets or not options.test or (bool(known.finals) and _stands(known, study, options))


def _stands(known: Confirmed | Front, study: StudyRecord, options: ConfirmOptions) -> bool:
    """Return whether a result was measured on the test files that the user names, true if none are named."""
    if options.data_dir is None:
        return True
    data = checked.training_set(data_of(study.spec["context"]), options.data_dir, f"Study {study.name}")
    return known.test_files == own_test_files(data.options)


# Nets whose files are gone: their errors are known, so the test set stays closed and the confirmation stays as it is


def lost_nets(folder: ConfirmFolder, finals: Sequence[Final]) -> list[tuple[int, int]]:
    """Return trial and seed of each net of these configurations whose file is missing, though its training finished.

    A net without a record is left out: a retrained net could not be compared with it.
    """
    return [
        (number, seed)
        for number, seeds in {final.number: len(final.errors) for final in finals}.items()
        for seed in range(seeds)
        if not folder.net_of(number, seed).is_file() and _finished(folder.record_of(number, seed, on_all=True))
    ]


def _finished(path: Path) -> bool:
    try:
        return record.read(path).curve[-1].end is None
    except (UsageError, StorageError):
        return False


def _with_all_nets(found: Found, study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Found:
    """Retrain the final nets whose files are missing, then return `found` unchanged.

    If that is impossible, as on a machine that computes other bits, the observer gets the reason.
    """
    lost = lost_nets(study.files.confirm, found.evaluated)
    if not lost:
        return found
    trials = [trial for trial in study.trials if trial.number in dict(lost)]
    try:
        with _grid_of(study, options, observer) as grid:
            NetRuns(study, trials, grid).train_again(lost)
    except (UsageError, NotReproducedError) as error:
        nets = number_of(len(lost), "network")
        observer.on_news(f"{nets} trained on all images cannot be made again here: {error}")
    return found


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
