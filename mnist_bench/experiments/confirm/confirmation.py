"""Confirm a study: its best configurations race with fresh seeds, then the test set is opened once.

Nothing is selected on the test set: the winner of the race stays the winner. Where the race ended before a test was
made, though others were left to be compared with, there is no winner, nothing is trained on all images, and the test
set stays shut.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never, get_args

from mnist_bench.cells import duration
from mnist_bench.data import DataOptions, unopened_identity
from mnist_bench.errors import DataError
from mnist_bench.experiments.confirm import race, race_result as confirmed
from mnist_bench.experiments.confirm.evaluations import all_stand, earlier
from mnist_bench.experiments.confirm.lost_nets import with_all_nets
from mnist_bench.experiments.confirm.race import Errors, Race
from mnist_bench.experiments.confirm.race_result import Confirmed, RaceCandidate
from mnist_bench.experiments.confirm.runs import FINAL, RACE, ConfirmOptions, Runs
from mnist_bench.experiments.grid import Grid, Observer, open_grid_of
from mnist_bench.experiments.time_budget import TimeBudget, as_given, check_budget, typed
from mnist_bench.leaderboard import epochs_done, ordered
from search import canonical_json
from search.arguments import check_choice
from search.errors import SearchError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log import StudyRecord, TrialRecord
from search.messages import number_of
from search.study import StoredStudy

Opening = Literal["judged", "never", "always"]
"""When nets are trained on all images and the test set is opened: once a test was made, not now, or in any case."""
FIRST_LOOK = race.LOOKS[0]
MARGIN = 1.1
"""Safety factor on the smallest budget that an error message recommends: estimates of the same runs differ by as much
from day to day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RaceOptions(ConfirmOptions):
    """The options of a confirmation; `top` are the candidates in the race, at most."""

    budget: float | None = None
    """Seconds for the race and for the final training, which is reserved if there will be one; as far as estimates
    hold. None for no limit."""
    opening: Opening = "judged"

    def __post_init__(self) -> None:
        ConfirmOptions.__post_init__(self)  # super() knows only the class that it had before it got its slots
        check_choice("test_set", self.opening, get_args(Opening))
        object.__setattr__(self, "budget", check_budget(self.budget))


def confirm_study(study: StoredStudy, options: RaceOptions, observer: Observer) -> Confirmed:
    """Confirm a study, or return its earlier confirmation. Missing nets of that are trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError: the study is being searched, or being confirmed by another process.
        StudyNotFoundError: it has no trial to confirm.
        FingerprintError: this machine computes otherwise than the one of the search.
        UsageError: the data set at hand or the study's folder is not its own, or the budget is too small for a test
            and the final training.
        SearchError: no candidate trains to its end.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid_of` and `Runs.finals`.
    """
    started = time.monotonic()
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm it when the search has ended.")
    candidates = candidates_of(study, options.top)
    known = confirmed.load(study.files.path)
    if known is not None and _answers(known, study, options) and all_stand(known.finals, study, options.data_dir):
        return with_all_nets(known, study, options, observer)
    folder = study.files.confirm
    with open_grid_of(study, "confirm", folder.path, f"The confirmation of {study.name}", options, observer) as grid:
        time_budget = TimeBudget(folder.time_spent, _decided_by(study, options), started, of=study.digest)
        known = confirmed.load(study.files.path)  # another process may have been at work until just now
        return _Confirmation(study, candidates, options, grid, time_budget, known).run()


def candidates_of(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the best trials whose configurations can train to their ends, the most accurate first, `top` at most.

    Trials that trained for fewer epochs than the two best are left out: their accuracies cannot be compared. Pruned
    trials race if fewer than two are complete, and then those that came furthest. Of trials with the same
    configuration, which would train the same nets, the best one races.

    Raises:
        StudyNotFoundError: there is none.
    """
    distinct: dict[str, TrialRecord] = {}
    for trial in ordered(study):
        if trial.reason in ("complete", "pruned"):
            distinct.setdefault(canonical_json.dumps(trial.config), trial)
    found = [*distinct.values()]
    if not found:
        raise StudyNotFoundError(f"Study {study.name} has no complete or pruned trial to confirm.")
    least = min(epochs_done(trial) for trial in found[:2])
    return [trial for trial in found if epochs_done(trial) >= least][:top]


def _answers(known: Confirmed, study: StudyRecord, options: RaceOptions) -> bool:
    """Return whether the earlier result answers the present request.

    A race that was not cut needs no other budget, one that was needs no smaller one.
    """
    same = (known.digest, known.top) == (study.digest, options.top)
    enough = not known.cut or known.budget == options.budget or (options.budget or math.inf) <= (known.budget or 0)
    return same and enough and (bool(known.finals) or not _opens(options.opening, judged=known.judged))


def _decided_by(study: StudyRecord, options: RaceOptions) -> str:
    """Return the SHA-256 of all that decides, with the time, how far a race goes. Where the test set stays shut a
    budget lasts longer, because nothing is reserved; all other ways of opening it have the hash of the first
    versions."""
    never = [] if _opens(options.opening, judged=True) else ["never"]
    return canonical_json.sha256([study.digest, options.top, options.budget, *never])


def _opens(opening: Opening, *, judged: bool) -> bool:
    """Return whether the test set is opened after a race in which a test was made, or none."""
    match opening:
        case "judged":
            return judged
        case "never":
            return False
        case "always":
            return True
        case _:
            assert_never(opening)


def _check_test_files(options: DataOptions) -> None:
    """Check that there are test files to be opened at the end, without opening them.

    Raises:
        DataError: there are none.
    """
    try:
        unopened_identity(options)
    except DataError as error:
        raise DataError(f"{error}; --no-test confirms without test images") from error


class _Confirmation:
    """One confirmation under way."""

    def __init__(
        self, study: StoredStudy, candidates: Sequence[TrialRecord], options: RaceOptions, grid: Grid,
        time_budget: TimeBudget, known: Confirmed | None,
    ) -> None:  # fmt: skip
        self._study = study
        self._trials = {trial.number: trial for trial in candidates}
        self._options = options
        self._data = grid.data
        self._observer = grid.observer
        self._time_budget = time_budget
        self._known = known
        """The earlier result for the study."""
        self._runs = Runs(study, candidates, grid, on_period=time_budget.keep)

    def run(self) -> Confirmed:
        """Race, train on all images, evaluate on the test set, and keep the result.

        Raises:
            Stopped: the observer stopped it before its end.
            DataError: there are no test files.
            UsageError: the budget is too small.
        """
        if _opens(self._options.opening, judged=True):
            _check_test_files(self._data.options)
        self._check_budget()
        ended = race.run(list(self._trials), self._race_errors, self._goes_on)
        found = self._raced(ended)
        if _opens(self._options.opening, judged=ended.judged):
            finalists = dict.fromkeys([found.first, found.first if found.cheapest is None else found.cheapest])
            found = self._with_finals(found, list(finalists))
        confirmed.save(found, self._study.files.path)
        return found

    def _check_budget(self) -> None:
        """Refuse a budget without room for a test and the final training, before anything is trained.

        Raises:
            UsageError: it is one.
        """
        budget, numbers = self._options.budget, list(self._trials)
        if budget is None or self._time_budget.begun or self._options.opening != "judged":
            return
        begun = self._time_budget.seconds  # the rest takes time, too, which a later run need not spend
        final = self._runs.estimate(FINAL, self._finalists(numbers), FINAL.seeds)
        rest = self._runs.estimate(RACE, numbers, FIRST_LOOK) + final
        if begun + rest <= budget:
            self._observer.on_news(f"{duration(final)} of the budget are reserved for the training on all images")
            return
        # More candidates take longer, so the most that the budget has room for are found by bisection.
        room = bisect_right(range(2, len(numbers)), budget, key=lambda top: self._least(numbers[:top], begun))
        raise UsageError(
            f"--budget {as_given(budget)} is too short. Two seeds for {number_of(len(numbers), 'candidate')} and the "
            f"final training take about {duration(rest)} here, after {duration(begun)} to start. The least is "
            f"{typed(self._least(numbers, begun))}" + (f", or compare fewer with --top {room + 1}." if room else ".")
        )

    def _least(self, racing: Sequence[int], spent: float) -> float:
        """Return the seconds of a budget that has room for a test and the final training, if only these race on and so
        much is spent before."""
        first = self._runs.estimate(RACE, racing, FIRST_LOOK)
        return MARGIN * (spent + first + self._runs.estimate(FINAL, self._finalists(racing), FINAL.seeds))

    def _finalists(self, racing: Sequence[int]) -> list[int]:
        return slowest_finalists(racing, self._trials, lambda number: self._runs.estimate(FINAL, [number], FINAL.seeds))

    def _with_finals(self, raced: Confirmed, finalists: Sequence[int]) -> Confirmed:
        """Return the result with the test errors of the finalists."""
        found = self._runs.finals(finalists, self._data.options)
        return replace(
            raced, finals=found.finals, test_images=found.images, earlier=earlier(raced, found),
            seconds=self._time_budget.total,
        )  # fmt: skip

    def _race_errors(self, racing: Sequence[int], upto: int) -> Errors:
        return self._runs.errors(RACE, racing, upto, self._runs.train(RACE, racing, upto))

    def _goes_on(self, so_far: Race, upto: int) -> bool:
        """Return whether the budget has room for the next round, and for the final part if one comes after it."""
        budget = self._options.budget
        if budget is None:
            return True
        rest = self._runs.estimate(RACE, so_far.racing, upto)
        if _opens(self._options.opening, judged=upto in race.LOOKS):
            rest += self._runs.estimate(FINAL, self._finalists(so_far.racing), FINAL.seeds)
        # Kept, because a resumed confirmation has another clock, and must find the same winner.
        return self._time_budget.decide(f"{upto} seeds", lambda: self._time_budget.seconds + rest <= budget)

    def _raced(self, ended: Race) -> Confirmed:
        """Return the result of the race, before anything is trained on all images."""
        numbers, judged = winner_and_cheapest(ended, self._trials), ended.judged
        left_open = not judged or (self._options.budget is not None and not _opens(self._options.opening, judged=True))
        return Confirmed(
            study=self._study.name, digest=self._study.digest, top=self._options.top, budget=self._options.budget,
            seconds=self._time_budget.total, train_images=len(self._data.split.train),
            validation_images=len(self._data.split.validation),
            test_images=self._known.test_images if self._known else 0,
            candidates=tuple(_candidate(self._trials[number], ended) for number in ended.errors), seeds=ended.seeds,
            cut=ended.cut, winner=numbers[0] if judged else None, leader=None if judged else numbers[0],
            cheapest=numbers[-1] if judged else None, finals=(),
            least=self._least(ended.racing, self._time_budget.seconds) if left_open else None,
            method="own_differences", earlier=self._known.evaluated if self._known else (),
        )  # fmt: skip


def winner_and_cheapest(ended: Race, trials: Mapping[int, TrialRecord]) -> list[int]:
    """Return the tied candidate with the fewest errors, and the cheapest of the tied if that is another.

    Raises:
        SearchError: there is none.
    """
    tied = [_candidate(trials[number], ended) for number in ended.racing]
    if not tied:
        raise SearchError("No candidate finished training with fresh seeds; there is nothing to confirm.")
    winner = min(tied, key=lambda c: (c.mean_errors, c.size, c.number))
    cheapest = min(tied, key=lambda c: (c.size, c is not winner, c.number))
    return [winner.number] if winner == cheapest else [winner.number, cheapest.number]


def slowest_finalists(
    racing: Sequence[int], trials: Mapping[int, TrialRecord], seconds: Callable[[int], float]
) -> list[int]:
    """Return the one or two candidates whose final training would take longest. Any candidate may still win, and any
    cheaper one may be trained in addition.

    `seconds` says how long a candidate takes.
    """
    size = {number: (trials[number].facts["macs"], trials[number].facts["parameters"]) for number in racing}
    took = {number: seconds(number) for number in racing}
    ways = [
        *([winner] for winner in racing),
        *([winner, other] for winner in racing for other in racing if size[other] < size[winner]),
    ]
    return sorted(max(ways, key=lambda finalists: sum(took[number] for number in finalists)))


def _candidate(trial: TrialRecord, so_far: Race) -> RaceCandidate:
    dropped = so_far.dropped.get(trial.number)
    return RaceCandidate(
        number=trial.number, parameters=trial.facts["parameters"], macs=trial.facts["macs"],
        complete=trial.state == "COMPLETE", search_accuracy=trial.value or 0.0,
        search_epochs=epochs_done(trial), errors=so_far.errors[trial.number],
        dropped_after=dropped.seeds if dropped else None, p_value=dropped.p_value if dropped else None,
    )  # fmt: skip
