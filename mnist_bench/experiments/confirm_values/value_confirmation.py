"""Confirm a study of another trainer: its best configurations race with fresh seeds, by the value.

There are no images and no test set, so nothing is trained after the race. What is selected was selected by the values
that the table shows, and its mean there is therefore slightly too good.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirm import race, race_result
from mnist_bench.experiments.confirm_values.value_result import ConfirmedValues, ValueCandidate, load_values, save
from mnist_bench.experiments.confirm_values.value_runs import ValueRuns, Values
from mnist_bench.experiments.grid import Observer
from mnist_bench.experiments.time_budget import TimeBudget, check_budget
from mnist_bench.leaderboard import ordered, value_name
from mnist_bench.studies import compatibility
from search import canonical_json
from search.arguments import check_count
from search.database import file_lock
from search.errors import SearchError, StudyLockedError, StudyNotFoundError
from search.event_log import StudyRecord, TrialRecord
from search.files import make_folder
from search.study import StoredStudy

ROUNDED = 4
"""Units in the last place by which equal values may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueOptions:
    """The options of a confirmation by value."""

    code: own_trainer.OwnCode
    """The study's trainer or objective."""
    top: int = race_result.TOP
    """Configurations, at most."""
    budget: float | None = None
    """Seconds, as far as estimates hold; None for no limit."""
    workers: int = 1

    def __post_init__(self) -> None:
        check_count("top", self.top)
        check_count("workers", self.workers)
        object.__setattr__(self, "budget", check_budget(self.budget))


def confirm_values(study: StoredStudy, options: ValueOptions, observer: Observer) -> ConfirmedValues:
    """Let the best configurations of a study race with fresh seeds, or return its earlier confirmation.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError: the study is being searched, or being confirmed by another process.
        StudyNotFoundError: it has no trial to confirm.
        FingerprintError: this machine computes differently from the one of the search.
        UsageError: the trainer was not named, or is not the study's; or the study's folder is not its own.
        SearchError: no candidate trains to its end.
        WorkerError: the trainer cannot be started, or a configuration makes it fail.
        StorageError: a file cannot be read or written.
    """
    started = time.monotonic()
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm it when the search has ended.")
    candidates = candidates_of(study, options.top)
    known = load_values(study.files.path)
    if known is not None and _answers(known, study, options):
        return known
    with _runs(study, candidates, options, observer, started) as (runs, budget):
        return _Confirmation(study, candidates, options, runs, budget).run()


def candidates_of(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the best trials whose configurations can train to their ends, the best first, `top` at most.

    As for nets, trials with less training than the two best are left out, so that pruned ones race only if fewer than
    two are complete. Of trials with the same configuration, the best one races.

    Raises:
        StudyNotFoundError: there is none.
    """
    distinct: dict[str, TrialRecord] = {}
    for trial in ordered(study):
        if trial.reason in ("complete", "pruned") and trial.value is not None:
            distinct.setdefault(canonical_json.dumps(trial.config), trial)
    found = [*distinct.values()]
    if not found:
        raise StudyNotFoundError(f"Study {study.name} has no complete or pruned trial to confirm.")
    least = min(map(_reach, found[:2]))
    return [trial for trial in found if _reach(trial) >= least][:top]


def _reach(trial: TrialRecord) -> int:
    """Return how many reports a trial made; a complete one, which may have had no more to make, made all."""
    return len(trial.costs) if trial.state == "COMPLETE" else len(trial.reports)


def _answers(known: ConfirmedValues, study: StudyRecord, options: ValueOptions) -> bool:
    """Return whether the earlier result answers the present request; one that was not cut answers any budget."""
    same = (known.digest, known.top) == (study.digest, options.top)
    enough = known.budget == options.budget or (options.budget or math.inf) <= (known.budget or 0)
    return same and (not known.cut or enough)


@contextmanager
def _runs(
    study: StoredStudy, candidates: Sequence[TrialRecord], options: ValueOptions, observer: Observer, started: float
) -> Iterator[tuple[ValueRuns, TimeBudget]]:
    """Start workers with the study's trainer."""
    folder = study.files.confirm
    executor = own_trainer.executor_for(study, options.code, options.workers, folder.workers_log)
    make_folder(folder.path)
    with file_lock.driver_lock(folder.lock, f"The confirmation of {study.name}"):
        decided_by = canonical_json.sha256([study.digest, options.top, options.budget])
        budget = TimeBudget(folder.time_spent, decided_by, started, of=study.digest)
        try:
            numerics = executor.start()
            compatibility.check_numerics(study, numerics, "confirm")
            yield ValueRuns(study, candidates, executor, numerics, folder, observer, budget.keep), budget
        finally:
            executor.stop()


class _Confirmation:
    """One confirmation under way."""

    def __init__(
        self, study: StoredStudy, candidates: Sequence[TrialRecord], options: ValueOptions, runs: ValueRuns,
        budget: TimeBudget,
    ) -> None:  # fmt: skip
        self._study = study
        self._trials = {trial.number: trial for trial in candidates}
        self._options = options
        self._runs = runs
        self._budget = budget
        self._minimized = study.direction == "minimize"
        self._values: dict[int, tuple[float | None, ...]] = {}

    def run(self) -> ConfirmedValues:
        """Race, and keep the result."""
        ended = race.run(list(self._trials), self._losses, self._goes_on)
        found = self._raced(ended)
        save(found, self._study.files.path)
        return found

    def _losses(self, racing: Sequence[int], upto: int) -> race.Errors:
        """Train, and return the values as whole numbers of steps, the smaller the better: what a race compares."""
        values = self._runs.values(racing, upto)
        self._values |= {number: tuple(found) for number, found in values.items()}
        return losses(values, self._step, minimized=self._minimized)

    @property
    def _step(self) -> float:
        searched = [report.value for trial in self._study.trials for report in trial.reports]
        return smallest_step([*searched, *(value for values in self._values.values() for value in values)])

    def _goes_on(self, so_far: race.Race, upto: int) -> bool:
        """Return whether the budget has room for the next round."""
        limit = self._options.budget
        if limit is None:
            return True
        rest = self._runs.estimate(so_far.racing, upto)
        # Kept, because a resumed confirmation has another clock, and must find the same winner.
        return self._budget.decide(f"{upto} seeds", lambda: self._budget.seconds + rest <= limit)

    def _raced(self, ended: race.Race) -> ConfirmedValues:
        first = self._first(ended)
        return ConfirmedValues(
            study=self._study.name, digest=self._study.digest, name=value_name(self._study.spec),
            minimized=self._minimized, top=self._options.top, budget=self._options.budget, seconds=self._budget.total,
            candidates=tuple(self._candidate(number, ended) for number in ended.errors), seeds=ended.seeds,
            cut=ended.cut, step=self._step, winner=first if ended.judged else None,
            leader=None if ended.judged else first,
        )  # fmt: skip

    def _first(self, ended: race.Race) -> int:
        """Return the tied candidate with the best mean; of equal ones the best of the search.

        Raises:
            SearchError: there is none.
        """
        if not ended.racing:
            raise SearchError("None of the candidates trains to its end with fresh seeds; there is nothing to confirm.")
        means = {number: self._candidate(number, ended).mean or 0.0 for number in ended.racing}
        return min(means, key=lambda number: means[number] if self._minimized else -means[number])

    def _candidate(self, number: int, ended: race.Race) -> ValueCandidate:
        trial, dropped = self._trials[number], ended.dropped.get(number)
        return ValueCandidate(
            number=number, search_value=None if trial.value is None else float(trial.value),
            search_reports=len(trial.reports), complete=trial.state == "COMPLETE", values=self._values[number],
            dropped_after=None if dropped is None else dropped.seeds,
            p_value=None if dropped is None else dropped.p_value,
        )  # fmt: skip


def losses(values: Values, step: float, *, minimized: bool) -> race.Errors:
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
    if len(ordered) < 2:
        return 1.0
    # Values that differ by the rounding of floats alone are equal: one may be computed in another order than the other.
    gaps = [(high - low, ROUNDED * float(np.spacing(max(abs(low), abs(high))))) for low, high in pairwise(ordered)]
    return min((gap for gap, noise in gaps if gap > noise), default=1.0)
