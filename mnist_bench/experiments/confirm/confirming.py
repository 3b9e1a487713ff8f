"""`confirm`: the best configurations race with fresh seeds; of networks, the test set is then opened once.

Nothing is selected on the test set: the winner of the race stays the winner. Where the race ended before a test was
made, though others were left to be compared with, there is no winner, nothing is trained on all images, and the test
set stays shut. A study of another trainer has no images and no test set: what is selected was selected by the values
that are shown, and its mean there is therefore slightly too good. On the front of a study with two objectives nothing
races and nothing is chosen: each of its points gets the same seeds, and the test set is opened once for all of them.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, assert_never, get_args

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.test_set import unopened_identity
from mnist_bench.errors import DataError, NotReproducedError
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.confirm import race
from mnist_bench.experiments.confirm.race import Race
from mnist_bench.experiments.confirm.results import (
    TOP,
    Confirmed,
    ConfirmedValues,
    Final,
    Front,
    FrontMember,
    RaceCandidate,
    ValueCandidate,
    earlier,
    load,
    save,
)
from mnist_bench.experiments.confirm.runs import FINAL, RACE, NetRuns, Runs, ValueRuns, all_stand
from mnist_bench.experiments.grid import Grid, Observer, Workplace, open_grid_of
from mnist_bench.experiments.time_budget import TimeBudget, as_given, check_budget, typed
from mnist_bench.leaderboard.ranking import ordered, pareto_front
from mnist_bench.studies import compatibility, record
from mnist_bench.value_kind import NETS, kind_of
from search import canonical_json, file_lock
from search.arguments import check_choice, check_count
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.files import make_folder
from search.messages import duration, number_of
from search.study.folder import ConfirmFolder
from search.study.studies import StoredStudy

Opening = Literal["judged", "never", "always"]
"""When nets are trained on all images and the test set is opened: once a test was made, not now, or in any case."""
FIRST_LOOK = race.LOOKS[0]
MARGIN = 1.1
"""Safety factor on the smallest budget that an error message recommends: estimates of the same runs differ by as much
from day to day."""
Found = TypeVar("Found", Confirmed, Front)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmOptions(Workplace):
    """The options of every confirmation."""

    top: int = TOP
    """Configurations, at most."""

    def __post_init__(self) -> None:
        check_count("top", self.top)
        check_count("workers", self.workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class RaceOptions(ConfirmOptions):
    """The options of a race."""

    budget: float | None = None
    """Seconds for the race and for the final training, which is reserved if there will be one; as far as estimates
    hold. None for no limit."""
    opening: Opening = "judged"
    code: own_trainer.OwnCode = field(default_factory=own_trainer.OwnCode)
    """The trainer or objective of a study that is not one of networks; it has no test set, either."""

    def __post_init__(self) -> None:
        ConfirmOptions.__post_init__(self)  # super() knows only the class that it had before it got its slots
        check_choice("test_set", self.opening, get_args(Opening))
        object.__setattr__(self, "budget", check_budget(self.budget))


def confirm_study(study: StoredStudy, options: RaceOptions, observer: Observer) -> Confirmed:
    """Confirm a study of networks, or return its earlier confirmation. Missing nets of that are trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError: the study is being searched, or being confirmed by another process.
        StudyNotFoundError: it has no trial to confirm.
        FingerprintError: this machine computes otherwise than the one of the search.
        UsageError: the data set at hand or the study's folder is not its own, or the budget is too small for a test
            and the final training.
        SearchError: no candidate trains to its end.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid_of` and `NetRuns.finals`.
    """
    started = time.monotonic()
    candidates = candidates_of(study, options.top)
    known = load(Confirmed, study.files.path)
    if known is not None and _answers(known, study, options) and all_stand(known.finals, study, options.data_dir):
        return _with_all_nets(known, study, options, observer)
    with _grid_of(study, options, observer) as grid:
        budget = _budget_of(study, options, started)
        runs = NetRuns(study, candidates, grid, budget.keep)
        found = _raced(study, {trial.number: trial for trial in candidates}, options, grid, runs, budget)
        save(found, study.files.path)
        return found


def confirm_values(study: StoredStudy, options: RaceOptions, observer: Observer) -> ConfirmedValues:
    """Let the best configurations of a study of another trainer race, or return its earlier confirmation.

    Raises:
        UsageError: the trainer was not named, or is not the study's; or the study's folder is not its own.
        WorkerError: the trainer cannot be started, or a configuration makes it fail.
        Stopped, StudyLockedError, StudyNotFoundError, FingerprintError, SearchError, StorageError: as `confirm_study`.
    """
    started = time.monotonic()
    trials = {trial.number: trial for trial in candidates_of(study, options.top)}
    known = load(ConfirmedValues, study.files.path)
    if known is not None and _answers(known, study, options):
        return known
    folder = study.files.confirm
    executor = own_trainer.executor_for(study, options.code, options.workers, folder.workers_log)
    make_folder(folder.path)
    with file_lock.driver_lock(folder.lock, f"The confirmation of {study.name}"):
        budget = _budget_of(study, options, started)
        try:
            numerics = executor.start()
            compatibility.check_numerics(study, numerics, "confirm")
            runs = ValueRuns(study, [*trials.values()], executor, numerics, folder, observer, budget.keep)
            ended = _race(trials, options, runs, budget)
        finally:
            executor.stop()
        found = _by_value(study, trials, options, runs, ended, budget)
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
    if known is not None and is_same and all_stand(known.finals, study, options.data_dir):
        return _with_all_nets(known, study, options, observer)
    with _grid_of(study, options, observer) as grid:
        known = load(Front, folder)  # another process may have been at work until just now
        tested = NetRuns(study, trials, grid).finals(numbers, grid.data.options)
        found = Front(
            study=study.name,
            digest=study.digest,
            cost=cost,
            left_out=left_out,
            test_images=tested.images,
            train_images=grid.data.split.images,
            finals=tested.finals,
            earlier=earlier(known, tested),
            members=tuple(
                FrontMember(number=trial.number, cost=trial.facts[cost], search_accuracy=trial.value or 0.0)
                for trial in trials
            ),
        )
        save(found, folder)
    return found


# What races


def _check_ended(study: StudyRecord, what: str) -> None:
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm {what} when the search has ended.")


def candidates_of(study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the best trials whose configurations can train to their ends, the best first, `top` at most.

    Trials with less training than the two best are left out: their values cannot be compared. Pruned trials race if
    fewer than two are complete, and then those that came furthest. Of trials with the same configuration, which would
    train to the same values, the best one races.

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


# A race within a budget


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


def _answers(known: Confirmed | ConfirmedValues, study: StudyRecord, options: RaceOptions) -> bool:
    """Return whether the earlier result answers the present request.

    A race that was not cut needs no other budget, one that was needs no smaller one.
    """
    same = (known.digest, known.top) == (study.digest, options.top)
    enough = not known.cut or known.budget == options.budget or (options.budget or math.inf) <= (known.budget or 0)
    tested = isinstance(known, ConfirmedValues) or known.finals or not _opens(options.opening, judged=known.judged)
    return same and enough and bool(tested)


def _budget_of(study: StoredStudy, options: RaceOptions, started: float) -> TimeBudget:
    """Return the time spent on all that decides, with the time, how far a race goes. Where the test set stays shut a
    budget lasts longer, because nothing is reserved."""
    opens = _opens(options.opening, judged=True)
    decided_by = canonical_json.sha256([study.digest, options.top, options.budget, opens])
    return TimeBudget(study.files.confirm.time_spent, decided_by, started, of=study.digest)


def _race(
    trials: Mapping[int, TrialRecord],
    options: RaceOptions,
    runs: Runs,
    budget: TimeBudget,
    reserved: Callable[[Sequence[int], int], float] = lambda racing, upto: 0.0,
) -> Race:
    """Return how trials race within the budget, of which `reserved` is kept back: the seconds that come after the race
    if it ends with these candidates and this number of seeds."""

    def goes_on(so_far: Race, upto: int) -> bool:
        if (limit := options.budget) is None:
            return True
        rest = runs.estimate(RACE, so_far.racing, upto) + reserved(so_far.racing, upto)
        # Kept, because a resumed confirmation has another clock, and must find the same winner.
        return budget.decide(f"{upto} seeds", lambda: budget.seconds + rest <= limit)

    return race.run(list(trials), runs.scores, goes_on)


def _dropped(ended: Race, number: int) -> dict[str, Any]:
    """Return the fields of a candidate that say why it raced no longer."""
    dropped = ended.dropped.get(number)
    return {"dropped_after": dropped and dropped.seeds, "p_value": dropped and dropped.p_value}


def _by_value(
    study: StoredStudy,
    trials: Mapping[int, TrialRecord],
    options: RaceOptions,
    runs: ValueRuns,
    ended: Race,
    budget: TimeBudget,
) -> ConfirmedValues:
    if not ended.racing:
        raise SearchError("None of the candidates trains to its end with fresh seeds; there is nothing to confirm.")
    minimized = study.direction == "minimize"
    candidates = [
        ValueCandidate(
            number=number,
            search_value=None if trial.value is None else float(trial.value),
            search_reports=len(trial.reports),
            complete=trial.state == "COMPLETE",
            values=runs.values[number],
            **_dropped(ended, number),
        )
        for number, trial in trials.items()
    ]
    tied = [row for row in candidates if row.dropped_after is None]
    first = min(tied, key=lambda row: (row.mean or 0.0) * (1 if minimized else -1)).number
    return ConfirmedValues(
        study=study.name,
        digest=study.digest,
        name=kind_of(study.spec).name,
        minimized=minimized,
        top=options.top,
        budget=options.budget,
        seconds=budget.total,
        candidates=tuple(candidates),
        seeds=ended.seeds,
        cut=ended.cut,
        step=runs.step,
        winner=first if ended.judged else None,
        leader=None if ended.judged else first,
    )


# Networks


@contextmanager
def _grid_of(study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Iterator[Grid]:
    what = f"The confirmation of {study.name}"
    with open_grid_of(study, "confirm", study.files.confirm.path, what, options, observer) as grid:
        yield grid


def _raced(
    study: StoredStudy,
    trials: Mapping[int, TrialRecord],
    options: RaceOptions,
    grid: Grid,
    runs: NetRuns,
    budget: TimeBudget,
) -> Confirmed:
    """Race, train on all images, and evaluate on the test set.

    Raises:
        DataError: there are no test files.
        UsageError: the budget is too small.
    """

    def final_seconds(racing: Sequence[int]) -> float:
        slowest = slowest_finalists(racing, trials, lambda number: runs.estimate(FINAL, [number], FINAL.seeds))
        return runs.estimate(FINAL, slowest, FINAL.seeds)

    def least(racing: Sequence[int], spent: float) -> float:
        """Return the seconds of a budget with room for a test and the final training, if only these race on."""
        return MARGIN * (spent + runs.estimate(RACE, racing, FIRST_LOOK) + final_seconds(racing))

    def reserved(racing: Sequence[int], upto: int) -> float:
        return final_seconds(racing) if _opens(options.opening, judged=upto in race.LOOKS) else 0.0

    known = load(Confirmed, study.files.path)  # another process may have been at work until just now
    opens = _opens(options.opening, judged=True)
    if opens:
        _check_test_files(grid.data.options)
    if options.budget is not None and options.opening == "judged" and not budget.begun:
        begun, numbers = budget.seconds, list(trials)  # the time to start, which a later run need not spend
        final = final_seconds(numbers)
        rest = runs.estimate(RACE, numbers, FIRST_LOOK) + final
        if begun + rest > options.budget:
            raise _too_short(options.budget, numbers, begun, rest, lambda racing: least(racing, begun))
        grid.observer.on_news(f"{duration(final)} of the budget are reserved for the training on all images")
    ended = _race(trials, options, runs, budget, reserved)
    numbers, judged = winner_and_cheapest(ended, trials), ended.judged
    left_open = not judged or (options.budget is not None and not opens)
    found = Confirmed(
        study=study.name,
        digest=study.digest,
        top=options.top,
        budget=options.budget,
        seconds=budget.total,
        train_images=len(grid.data.split.train),
        validation_images=len(grid.data.split.validation),
        test_images=known.test_images if known else 0,
        candidates=tuple(_candidate(trials[number], ended) for number in ended.errors),
        seeds=ended.seeds,
        cut=ended.cut,
        winner=numbers[0] if judged else None,
        leader=None if judged else numbers[0],
        cheapest=numbers[-1] if judged else None,
        finals=(),
        least=least(ended.racing, budget.seconds) if left_open else None,
        earlier=known.evaluated if known else (),
    )
    if not _opens(options.opening, judged=judged):
        return found
    tested = runs.finals(numbers if judged else numbers[:1], grid.data.options)
    return replace(
        found, finals=tested.finals, test_images=tested.images, earlier=earlier(found, tested), seconds=budget.total
    )


def _check_test_files(options: DataOptions) -> None:
    """Check that there are test files to be opened at the end, without opening them."""
    try:
        unopened_identity(options)
    except DataError as error:
        raise DataError(f"{error}; --no-test confirms without test images") from error


def _too_short(
    budget: float, numbers: Sequence[int], begun: float, rest: float, least: Callable[[Sequence[int]], float]
) -> UsageError:
    """Return the error of a budget without room for a test and the final training: before anything is trained."""
    # More candidates take longer, so the most that the budget has room for are found by bisection.
    room = bisect_right(range(2, len(numbers)), budget, key=lambda top: least(numbers[:top]))
    return UsageError(
        f"--budget {as_given(budget)} is too short. Two seeds for {number_of(len(numbers), 'candidate')} and the "
        f"final training take about {duration(rest)} here, after {duration(begun)} to start. The least is "
        f"{typed(least(numbers))}" + (f", or compare fewer with --top {room + 1}." if room else ".")
    )


def winner_and_cheapest(ended: Race, trials: Mapping[int, TrialRecord]) -> list[int]:
    """Return the tied candidate with the fewest errors, and the cheapest of the tied if that is another.

    Raises:
        SearchError: there is none.
    """
    tied = [_candidate(trials[number], ended) for number in ended.racing]
    if not tied:
        raise SearchError("No candidate finished training with fresh seeds; there is nothing to confirm.")
    winner = min(tied, key=lambda c: (c.mean, c.size, c.number))
    cheapest = min(tied, key=lambda c: (c.size, c is not winner, c.number))
    return list(dict.fromkeys([winner.number, cheapest.number]))


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


def _candidate(trial: TrialRecord, ended: Race) -> RaceCandidate:
    return RaceCandidate(
        number=trial.number,
        parameters=trial.facts["parameters"],
        macs=trial.facts["macs"],
        complete=trial.state == "COMPLETE",
        search_accuracy=trial.value or 0.0,
        search_epochs=NETS.done(trial),
        errors=ended.errors[trial.number],
        **_dropped(ended, trial.number),
    )


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
