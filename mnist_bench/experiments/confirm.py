"""`confirm`: the best configurations with fresh seeds; of networks, the test set is then opened once.

One design, fixed beforehand, for all: every candidate gets the same seeds, the best mean is selected, and paired
t-tests, corrected over all pairs, say which candidates are worse. Nothing is selected on the test set. A study
of another trainer has no images and no test set: what is selected was selected by the values that are shown, and its
mean there is therefore slightly too good. On the front of a study with two objectives nothing is selected: each of its
points gets as many seeds on all images, and the test set is opened once for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import TypeVar

from mnist_bench.config.settings import TrainOn
from mnist_bench.config.values import from_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.test_set import purpose_of_confirming, unopened_identity
from mnist_bench.errors import DataError, NotReproducedError
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirmed import (
    Candidate,
    Confirmed,
    Evaluated,
    Final,
    Front,
    FrontMember,
    evaluated,
    load,
    lost_nets,
    names,
    own_test_files,
)
from mnist_bench.experiments.trainings import (
    Curves,
    Grid,
    Scores,
    Task,
    Workers,
    Workplace,
    ask,
    open_grid_of,
    over_seeds,
    started,
    validation_errors,
    work_on,
)
from mnist_bench.leaderboard.ranking import ordered, pareto_front
from mnist_bench.options import SEEDS, TOP
from mnist_bench.statistics import LEVEL, all_pairs, complete
from mnist_bench.studies import checked, kept_files, record
from mnist_bench.studies.record import data_of
from mnist_bench.training.weights import export
from mnist_bench.value_kind import kind_of
from search import canonical_json, hashed
from search.differences import checks
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord, reason_of
from search.files import atomic_write, make_folder
from search.messages import number_of
from search.study.folder import ConfirmFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report, finite

Found = TypeVar("Found", Confirmed, Front)
ROUNDED = 1e-15  # relative difference of values that count as equal
Results = Mapping[int, tuple[float | None, ...]]
"""Of each candidate, by seed: errors or values; None if training did not finish."""


def confirm_study(
    study: StoredStudy,
    place: Workplace,
    *,
    top: int = TOP,
    test: bool = True,
    code: own_trainer.OwnCode | None = None,
) -> Confirmed:
    """Confirm a study, or return its earlier confirmation. Missing nets of that are trained again.

    `test`: whether selected nets are trained on all images and tested. `code`: what made a study that is not of nets.
    """
    trials, path = candidates_of(study, top), study.files.confirm.result
    earlier = load(Confirmed, study.files.path)
    known = earlier if earlier is not None and _answers(earlier, study, top, place.data_dir, test=test) else None
    if not kind_of(study.spec).of_nets:
        own = _workers_of(study, code or own_trainer.OwnCode(), place)
        return ask(known, own, lambda workers: _of_values(study, trials, top, workers), path)
    grid = _grid_of(study, place)
    found = ask(known, grid, lambda grid: _of_nets(study, trials, earlier, top, grid, test=test), path)
    return _with_all_nets(found, study, place)


def confirm_front(study: StoredStudy, place: Workplace, *, top: int = TOP) -> Front:
    """Confirm the front of a study, or return its earlier confirmation. Missing nets of that are trained again."""
    _check_ended(study, "its front")
    cost, trials, left_out = front_trials(study, top)
    folder, numbers = study.files.path, [trial.number for trial in trials]
    known = load(Front, folder)
    if known is not None:
        is_same = (known.digest, [one.number for one in known.members]) == (study.digest, numbers)
        known = known if is_same and _stands(known, study, place.data_dir) else None

    def answer(grid: Grid) -> Front:
        on = NetRuns(study, trials, grid).finals(numbers)
        return Front(
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

    found = ask(known, _grid_of(study, place), answer, study.files.confirm.front)
    return _with_all_nets(found, study, place)


def _grid_of(study: StoredStudy, place: Workplace) -> AbstractContextManager[Grid]:
    return open_grid_of(study, "confirm", study.files.confirm.path, place)


# What is confirmed


def _check_ended(study: StudyRecord, what: str) -> None:
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm {what} when the search has ended.")


def candidates_of(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the best trials whose configurations can train to their ends, the best first, `top` at most.

    Trials with less training than the two best are left out: their values cannot be compared. Pruned trials are taken
    if fewer than two are complete, and then those that came furthest. Of trials with the same configuration, which
    would train to the same values, the best one is taken.
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
    """Return the minimised fact, the front's trials, the cheapest first, `top` at most, and how many are left out.

    Of a longer front both ends are taken, and evenly between them; of one, the most accurate.
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


def compared(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    results: Results,
    *,
    top: int = TOP,
    name: str,
    step: float,
    minimized: bool,
    train_images: int | None = None,
    validation_images: int | None = None,
) -> Confirmed:
    """Return the comparison of the candidates, with nothing evaluated; SearchError if none trains to its end.

    The best mean is selected; of those that are tied with it, the cheapest is named.
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
    return Confirmed(
        study=study.name,
        digest=study.digest,
        top=top,
        name=name,
        minimized=minimized,
        step=step,
        train_images=train_images,
        validation_images=validation_images,
        test_images=0,
        test_files=None,
        candidates=tuple(replace(row, p_value=p_values.get(number)) for number, row in rows.items()),
        winner=winner,
        cheapest=min(tied, key=lambda number: (rows[number].size, number != winner, number)),
        finals=(),
        earlier=(),
    )


# Values of another trainer


@contextmanager
def _workers_of(study: StoredStudy, code: own_trainer.OwnCode, place: Workplace) -> Iterator[Workers]:
    folder = study.files.confirm
    executor = own_trainer.executor_for(study, code, place.workers, folder.workers_log)
    # How long a report of an objective takes is not known.
    stall = math.inf if own_trainer.is_objective(study) else None
    with started(folder.path, work_on(study, "confirm"), executor) as numerics:
        checked.check_numerics(study, numerics, "confirm")
        yield Workers(executor=executor, numerics=numerics, folder=folder.path, observer=place.observer, stall=stall)


def _of_values(study: StoredStudy, trials: Sequence[TrialRecord], top: int, workers: Workers) -> Confirmed:
    conditions = [dict(study.spec["context"]), *checks(workers.numerics).values()]
    its_seeds = seeds(study, on_all=False)
    plans = {f"#{each.number}": (dict(each.config), each.costs, [list(each.costs), *conditions]) for each in trials}
    tasks = over_seeds(plans, its_seeds, of_net=False)
    workers.observer.on_notice(f"{names([trial.number for trial in trials])} with {SEEDS} fresh seeds each")
    workers.announce(tasks)
    curves = workers.train(tasks, on_period=lambda task, period, report, state: finite(report))
    lasts = {
        trial.number: tuple(last_value(curves[f"#{trial.number}", seed]) for seed in its_seeds) for trial in trials
    }
    searched = [report.value for trial in study.trials for report in trial.reports]
    step = smallest_step([*searched, *(value for found in lasts.values() for value in found)])
    name, minimized = kind_of(study.spec).name, study.direction == "minimize"
    return compared(study, trials, lasts, top=top, name=name, step=step, minimized=minimized)


def last_value(reports: Sequence[Report]) -> float | None:
    """Return the last value of a run; None if it did not finish."""
    value = reports[-1].value
    return float(value) if reports[-1].end in (None, "finished") and value is not None else None


def smallest_step(found: Sequence[float | None]) -> float:
    """Return the smallest difference of two of the values, in which they can be counted; 1.0 if all are equal.

    >>> smallest_step([0.5, None, 0.75, 0.5, 1.75])
    0.25
    """
    ordered = sorted({float(value) for value in found if value is not None})
    # Values that differ by the rounding of floats alone are equal: one may be computed in another order than the other.
    gaps = (high - low for low, high in pairwise(ordered) if not math.isclose(low, high, rel_tol=ROUNDED))
    return min(gaps, default=1.0)


# Networks


def _of_nets(
    study: StoredStudy, trials: Sequence[TrialRecord], earlier: Confirmed | None, top: int, grid: Grid, *, test: bool
) -> Confirmed:
    """Train with fresh seeds, select, then train on all images and test; what was evaluated earlier stays known."""
    if test:
        _check_test_files(grid.data.options)
    its = NetRuns(study, trials, grid)
    found = compared(
        study,
        trials,
        its.errors(),
        top=top,
        name="validation",
        step=1.0,
        minimized=True,
        train_images=len(grid.data.split.train),
        validation_images=len(grid.data.split.validation),
    )
    if earlier is not None:
        found = replace(
            found, test_images=earlier.test_images, test_files=earlier.test_files, earlier=earlier.evaluated
        )
    if not test:
        return found
    numbers = list(dict.fromkeys([found.winner, found.cheapest]))
    on = its.finals(numbers)
    rest = evaluated(study.files.path, on.files).but(numbers)
    return replace(found, test_images=on.images, test_files=on.files, finals=on.finals, earlier=rest)


def _check_test_files(options: DataOptions) -> None:
    """Check that there are test files to be opened at the end, without opening them."""
    try:
        unopened_identity(options)
    except DataError as error:
        raise DataError(f"{error}; --no-test confirms without test images") from error


def _answers(known: Confirmed, study: StudyRecord, top: int, data_dir: Path | None, *, test: bool) -> bool:
    """Return whether the earlier result answers the present request."""
    if (known.digest, known.top) != (study.digest, top):
        return False
    return not known.of_nets or not test or (bool(known.finals) and _stands(known, study, data_dir))


def _stands(known: Confirmed | Front, study: StudyRecord, data_dir: Path | None) -> bool:
    """Return whether a result was measured on the test files that the user names, true if none are named."""
    if data_dir is None:
        return True
    data = checked.training_set(data_of(study.spec["context"]), data_dir, f"Study {study.name}")
    return known.test_files == own_test_files(data.options)


# Nets whose files are gone: their errors are known, so the test set stays closed and the confirmation stays as it is


def _with_all_nets(found: Found, study: StoredStudy, place: Workplace) -> Found:
    """Retrain nets whose files are missing, if this machine can, and return `found` unchanged."""
    lost = lost_nets(study.files.confirm, found.evaluated)
    if not lost:
        return found
    trials = [trial for trial in study.trials if trial.number in dict(lost)]
    try:
        with _grid_of(study, place) as grid:
            NetRuns(study, trials, grid).train_again(lost)
    except (UsageError, NotReproducedError) as error:
        nets = number_of(len(lost), "network")
        place.observer.on_notice(f"{nets} trained on all images cannot be made again here: {error}")
    return found


def seeds(study: StudyRecord, *, on_all: bool) -> list[int]:
    """Return the fresh seeds of runs on the split or on all images: the same for all, none of them a trial's."""
    taken = {trial.seed for trial in study.trials}
    purpose: hashed.Purpose = "confirm-all" if on_all else "confirm"
    drawn = (hashed.derived_seed(study.spec["seed"], purpose, k) for k in count())
    return list(islice((seed for seed in drawn if seed not in taken), SEEDS))


class NetRuns:
    """Trains the networks of some trials in a grid, each with fresh seeds; nothing is trained twice."""

    def __init__(self, study: StoredStudy, trials: Sequence[TrialRecord], grid: Grid) -> None:
        self._study, self._grid = study, grid
        self._trials = {trial.number: trial for trial in trials}
        self._folder = ConfirmFolder(grid.folder)

    def errors(self) -> dict[int, tuple[int | None, ...]]:
        """Train all with fresh seeds, and return their errors on the validation images."""
        curves = self._train([*self._trials], on_all=False)
        its_seeds = seeds(self._study, on_all=False)
        return {n: tuple(validation_errors(curves[f"#{n}", seed]) for seed in its_seeds) for n in self._trials}

    def train_again(self, nets: Sequence[tuple[int, int]]) -> None:
        """Retrain nets, by trial and seed, on all images, unless their last states are here, and keep them.

        NotReproducedError if one has different weights from its record.
        """
        every = {number: self._tasks([number], on_all=True) for number in dict(nets)}
        tasks = {(number, seed): every[number][seed] for number, seed in nets}
        gone = f"{number_of(len(tasks), 'network')} trained on all images gone"
        self._grid.observer.on_notice(f"{gone}: retrained, without evaluating the test set")
        self._grid.announce(list(tasks.values()))
        curves = self._grid.train(list(tasks.values()), keep_last=True)
        for (number, seed), task in tasks.items():
            known = record.read(self._folder.record_of(number, seed, on_all=True))
            if curves[task.key][-1].weights != known.curve[-1].weights:
                raise NotReproducedError(f"{task.title}, trained on all images, has different weights from its record.")
            self._keep_net(self._folder.net_of(number, seed), task)

    def finals(self, numbers: Sequence[int]) -> Evaluated:
        """Train on all images; the test set is opened once, for those whose errors on its files are not known."""
        # Asked for here, because a log that leads elsewhere is refused before the training.
        logs = [self._study.files.results.test_log, self._study.files.test_log]
        on = evaluated(self._study.files.path, own_test_files(self._grid.data.options))
        known = {final.number: final for final in on.finals if self._was_trained(final.number)}
        curves = self._train(numbers, on_all=True)
        if unknown := [number for number in numbers if number not in known]:
            purpose = f"{purpose_of_confirming(self._study.name)}{names(unknown)}; {SEEDS} seeds each"
            scores = Scores(self._grid, purpose=purpose, logs=logs)
            known |= {number: self._final(number, curves, scores) for number in unknown}
            on = replace(on, images=len(scores.images.labels))
        else:
            self._grid.observer.on_notice("their test errors are already known; the test set is not evaluated again")
        return replace(on, finals=tuple(known[number] for number in numbers))

    def _train(self, numbers: Sequence[int], *, on_all: bool) -> Curves:
        """Return the reports of these configurations, named `#17`; records are kept, and nets trained on all images."""
        tasks = self._tasks(numbers, on_all=on_all)
        how = f"on all training images, {SEEDS} seeds each" if on_all else f"with {SEEDS} fresh seeds each"
        self._grid.observer.on_notice(f"{names(numbers)} {how}")
        self._grid.announce(tasks)
        curves = self._grid.train(tasks, keep_last=on_all)
        make_folder(self._folder.records)
        for number in numbers:
            for k, task in enumerate(task for task in tasks if task.name == f"#{number}"):
                curve = curves[task.key]
                reason = reason_of(curve[-1].end)
                ran = replace(
                    self._trials[number],
                    config=task.config,
                    seed=task.seed,
                    reports=tuple(curve),
                    state="COMPLETE" if reason == "complete" else "PRUNED",
                    reason=reason,
                )
                made = record.to_json(record.record_of(self._study, ran))
                kept_files.write(made, self._folder.record_of(number, k, on_all=on_all))
                if on_all and not curve[-1].end:
                    self._keep_net(self._folder.net_of(number, k), task)
        return curves

    def _was_trained(self, number: int) -> bool:
        """Return whether records are here of a configuration's runs on all images, with the same seeds and data."""
        if number not in self._trials:
            return False
        data = data_of(self._study.spec["context"])
        for k, task in enumerate(self._tasks([number], on_all=True)):
            try:
                known = record.read(self._folder.record_of(number, k, on_all=True))
            except (UsageError, StorageError):
                return False
            if (from_json(known.recipe), known.seed, known.data) != (from_json(task.config), task.seed, data):
                return False
        return True

    def _final(self, number: int, curves: Curves, scores: Scores) -> Final:
        errors: list[int | None] = []
        for task in self._tasks([number], on_all=True):
            last = None if curves[task.key][-1].end else self._grid.last_state(task)
            errors.append(None if last is None else scores.score(task, last).errors)
        return Final(number=number, errors=tuple(errors))

    def _tasks(self, numbers: Sequence[int], *, on_all: bool) -> list[Task]:
        images: TrainOn = "all" if on_all else "search_split"
        configs = {f"#{n}": replace(from_json(self._trials[n].config), train_on=images) for n in numbers}
        return self._grid.tasks(configs, seeds(self._study, on_all=on_all))

    def _keep_net(self, path: Path, task: Task) -> None:
        state = self._grid.last_state(task)
        try:
            if state is not None:
                atomic_write(path, export(state, from_json(task.config)))
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error
