"""Confirm a study: its best configurations race with fresh seeds, then the test set is opened once.

Nothing is selected on the test set: the winner of the race stays the winner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mnist_bench import leaderboard
from mnist_bench.experiments.confirm import race, result as confirmed
from mnist_bench.experiments.confirm.race import Race
from mnist_bench.experiments.confirm.result import Candidate, Confirmed, Final
from mnist_bench.experiments.confirm.runs import FINAL, RACE, SEEDS, Errors, Runs
from mnist_bench.experiments.grid import Grid, Observer, Workplace, open_grid_of
from mnist_bench.experiments.time_budget import TimeBudget
from mnist_bench.studies import purpose_of_confirming
from search import canonical_json
from search.errors import SearchError, StudyLockedError, StudyNotFoundError
from search.event_log import StudyRecord, TrialRecord
from search.study import StudyFolder


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(Workplace):
    """What the user asked for."""

    top: int = 8
    """Candidates in the race."""
    budget: float | None = None
    """Seconds that all of it may take, as far as estimates hold; None for no limit."""


def run(study: StudyRecord, asked: Options, observer: Observer, stopping: Callable[[], bool]) -> Confirmed | None:
    """Confirm a study, or return what was found of it before; None where `stopping` said so before the end.

    Raises:
        StudyLockedError: the study is being searched, or being confirmed by another process.
        StudyNotFoundError: it has no trial to confirm.
        FingerprintError: this machine computes otherwise than the one of the search.
        UsageError: the data set at hand is not the study's.
        SearchError: no candidate trains to its end.
        DataError, DeviceError, WorkerError, StorageError: see there.
    """
    started = time.monotonic()
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm it when the search has ended.")
    candidates = chosen(study, asked.top)
    known = confirmed.load(asked.results / study.name)
    if known is not None and _answers(known, study, asked):
        return known
    folder = StudyFolder(asked.results / study.name).confirm
    with open_grid_of(study, "confirm", folder.path, f"The confirmation of {study.name}", asked) as grid:
        spending = TimeBudget(
            folder.time_spent, canonical_json.sha256([study.digest, asked.top, asked.budget]), started
        )
        return _Confirmation(study, candidates, asked, grid, spending, observer).run(stopping)


def chosen(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the first trials on the leaderboard whose configurations can train to their ends, `top` at most.

    Raises:
        StudyNotFoundError: there is none.
    """
    found = [trial for trial in leaderboard.ordered(study) if trial.reason in ("complete", "pruned")]
    if not found:
        raise StudyNotFoundError(f"Study {study.name} has no complete or pruned trial to confirm.")
    return found[:top]


def _answers(known: Confirmed, study: StudyRecord, asked: Options) -> bool:
    """Return whether what was found before is what is asked for now; a race that was not cut needs no other budget."""
    same = (known.digest, known.top) == (study.digest, asked.top)
    return same and (not known.cut or known.budget == asked.budget)


class _Confirmation:
    """One confirmation under way."""

    def __init__(
        self, study: StudyRecord, candidates: Sequence[TrialRecord], asked: Options, grid: Grid,
        spending: TimeBudget, observer: Observer,
    ) -> None:  # fmt: skip
        self._study = study
        self._trials = {trial.number: trial for trial in candidates}
        self._asked = asked
        self._data = grid.data
        self._spending = spending
        self._runs = Runs(study, candidates, grid, observer, on_period=spending.keep)

    def run(self, stopping: Callable[[], bool]) -> Confirmed | None:
        """Race, train on all images, open the test set, and keep what was found; None where stopped before the end."""
        ended = race.run(
            list(self._trials), lambda racing, upto: self._race_errors(racing, upto, stopping), self._goes_on
        )
        if ended is None:
            return None
        numbers = winner_and_cheapest(ended, self._trials)
        finalists = numbers if ended.judged else numbers[:1]
        curves = self._runs.train(FINAL, finalists, SEEDS, stopping)
        if curves is None:
            return None
        purpose = (
            f"{purpose_of_confirming(self._study.name)}{', '.join(f'#{n}' for n in finalists)}; {SEEDS} seeds each"
        )
        ledgers = [self._asked.ledger, StudyFolder(self._asked.results / self._study.name).openings]
        errors, images = self._runs.test_errors(finalists, curves, self._data.options, purpose, ledgers)
        finals = tuple(Final(number=number, errors=tuple(counts)) for number, counts in errors.items())
        found = self._confirmed(ended, numbers, finals, images)
        confirmed.save(found, self._asked.results / self._study.name)
        return found

    def _race_errors(self, racing: Sequence[int], upto: int, stopping: Callable[[], bool]) -> Errors | None:
        curves = self._runs.train(RACE, racing, upto, stopping)
        return None if curves is None else self._runs.errors(RACE, racing, upto, curves)

    def _goes_on(self, so_far: Race, upto: int) -> bool:
        """Return whether the budget has room for the next round and the final part after it."""
        budget = self._asked.budget
        if budget is None:
            return True
        rest = self._runs.estimate(RACE, so_far.racing, upto - so_far.seeds)
        finalists = dearest_finalists(so_far, self._trials, lambda number: self._runs.estimate(FINAL, [number], 1))
        rest += self._runs.estimate(FINAL, finalists, SEEDS)
        # Kept, for whoever goes on with a stopped confirmation has another clock, and is to find the same winner.
        return self._spending.decide(f"{upto} seeds", lambda: self._spending.seconds + rest <= budget)

    def _confirmed(self, ended: Race, numbers: Sequence[int], finals: tuple[Final, ...], images: int) -> Confirmed:
        return Confirmed(
            study=self._study.name, digest=self._study.digest, top=self._asked.top, budget=self._asked.budget,
            seconds=self._spending.seconds, train_images=len(self._data.split.train),
            validation_images=len(self._data.split.validation), test_images=images,
            candidates=tuple(_candidate(self._trials[number], ended) for number in ended.errors), seeds=ended.seeds,
            cut=ended.cut, winner=numbers[0], cheapest=numbers[-1] if ended.judged else None, finals=finals,
        )  # fmt: skip


def winner_and_cheapest(ended: Race, trials: Mapping[int, TrialRecord]) -> list[int]:
    """Return the tied candidate with the fewest errors, and the cheapest of the tied if that is another.

    Raises:
        SearchError: there is none.
    """
    tied = [_candidate(trials[number], ended) for number in ended.racing]
    if not tied:
        raise SearchError("None of the candidates trains to its end with fresh seeds; there is nothing to confirm.")
    winner = min(tied, key=lambda c: (c.mean_errors, c.size))
    cheapest = min(tied, key=lambda c: c.size)
    return [winner.number] if winner == cheapest else [winner.number, cheapest.number]


def dearest_finalists(so_far: Race, trials: Mapping[int, TrialRecord], seconds: Callable[[int], float]) -> list[int]:
    """Return the finalists that would take longest: any candidate may win yet, and the cheapest goes with it.

    `seconds` says how long a candidate takes.
    """
    cheapest = winner_and_cheapest(so_far, trials)[-1]
    return sorted({max(so_far.racing, key=seconds), cheapest})


def _candidate(trial: TrialRecord, so_far: Race) -> Candidate:
    dropped = so_far.dropped.get(trial.number)
    return Candidate(
        number=trial.number, parameters=trial.facts["parameters"], macs=trial.facts["macs"],
        complete=trial.state == "COMPLETE", search_accuracy=trial.value or 0.0,
        search_epochs=leaderboard.epochs_done(trial), errors=so_far.errors[trial.number],
        dropped_after=dropped.seeds if dropped else None, p_value=dropped.p_value if dropped else None,
    )  # fmt: skip
