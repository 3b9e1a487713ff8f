"""`bench search`: search methods compared at the same budget, on tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench import cells
from mnist_bench.cells import points
from mnist_bench.experiments.replays import (
    Contest,
    Entrant,
    Named,
    Replayed,
    ReplayedTable,
    ReplayedValues,
    Terms,
    Trace,
    check_fit,
    line_up,
    replays,
)
from mnist_bench.experiments.trainings import Observer, check_seeds
from mnist_bench.statistics import LEVEL, complete, effect_shown, holm, mean_and_deviation, paired
from mnist_bench.tables import recorded_benchmark, value_table
from search.arguments import check_count
from search.errors import UsageError
from search.messages import show
from search.repeatability import TriedOn

STEPS = 100
"""Points of the budget at which curves are read."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntrantStanding:
    """How an entrant did; means are over the seeds."""

    entrant: Entrant
    errors: tuple[float | None, ...]
    """Error (0..1) of the last choice, by seed; None if no trial was complete within the budget."""
    spent: float  # mean, in trainings of an average configuration
    trials: float  # mean number that ended within the budget
    complete: float  # mean number of complete ones among them
    own_seconds: float  # mean processor time of the method itself for a trial
    seconds: Mapping[int, float]  # mean time to the end of the budget by number of workers
    reference: tuple[float, float] | None
    """Error (0..1) of the best that there is, and its standard error; see `Contest.reference`."""

    @property
    def found(self) -> list[float] | None:
        """The errors; None if a search made no choice."""
        return complete(self.errors)

    @property
    def mean(self) -> tuple[float, float] | None:
        """Mean error of the choices, and its standard error."""
        return _mean(self.found) if self.found else None

    @property
    def regret(self) -> tuple[float, float] | None:
        """By how much the mean error is above that of the best that there is, and the standard error of that."""
        if self.mean is None or self.reference is None:
            return None
        return self.mean[0] - self.reference[0], math.hypot(self.mean[1], self.reference[1])

    @property
    def efficiency(self) -> dict[int, float]:
        """By number of workers, the share of their time that one worker would have needed, 0..1."""
        alone = self.seconds.get(1)
        return {} if alone is None else {many: alone / many / took for many, took in self.seconds.items() if many > 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorCurve:
    """The error of the current choice over the budget, each of shape (STEPS,)."""

    spent: Values  # in trainings of an average configuration
    mean: Values  # over the seeds, 0..1
    error: Values  # standard error of that mean


def curve(contest: Contest, number: int) -> ErrorCurve:
    """Return the mean curve of an entrant, given by its place among them."""
    entrant, traces, seeds = contest.entrants[number], contest.traces[number], len(contest.seeds)
    at = spent(contest, STEPS) * entrant.budgets
    values = np.array([_read(one, at, contest.guess) for one in traces])
    return ErrorCurve(
        spent=at,
        mean=values.mean(axis=0),
        error=values.std(axis=0, ddof=1) / math.sqrt(seeds) if seeds > 1 else np.zeros(STEPS),
    )


def spent(contest: Contest, steps: int) -> Values:
    """Return equal steps of the budget, in trainings of an average configuration."""
    return np.arange(1, steps + 1) * contest.budget / steps


def curves(contest: Contest, steps: int) -> Values:
    """Return the errors (0..1) of the current choices, of shape (entrants, seeds, steps), at equal steps of the budget.

    An entrant with several budgets has spent as many times the step.
    """
    pairs = zip(contest.entrants, contest.traces, strict=True)
    at = spent(contest, steps)
    return np.array([[_read(one, at * entrant.budgets, contest.guess) for one in traces] for entrant, traces in pairs])


def _read(one: Trace, at: Values, guess: float) -> Values:
    errors = np.array([guess, *(choice.unseen for choice in one.choices)])
    return np.asarray(errors[np.searchsorted([choice.spent for choice in one.choices], at, side="right")])


def standings(contest: Contest) -> list[EntrantStanding]:
    """Return how each entrant did, in their order."""
    return [
        EntrantStanding(
            entrant=entrant,
            errors=tuple(one.found for one in traces),
            spent=float(np.mean([one.spent for one in traces])),
            trials=float(np.mean([one.trials for one in traces])),
            complete=float(np.mean([one.complete for one in traces])),
            own_seconds=float(np.mean([one.own_seconds for one in traces])),
            seconds={many: float(np.mean([one.seconds[many] for one in traces])) for many in traces[0].seconds},
            reference=contest.reference,
        )
        for entrant, traces in zip(contest.entrants, contest.traces, strict=True)
    ]


def _mean(errors: list[float]) -> tuple[float, float]:
    mean, deviation = mean_and_deviation(errors)
    return mean, deviation / math.sqrt(len(errors))


EQUAL = 0.0002
"""Differences of error below this share of the images are of no use to anybody. An entrant is equal to another if the
whole interval of their difference lies within."""
RESAMPLES = 1000
FINE = 1000
"""Points of the budget at which curves are read for a speed-up."""
LEAST_P = 0.001
"""A smaller p-value is shown as a bound."""
MIN_BOOTSTRAP_SEEDS = 20
"""Seeds from which a speed-up's interval covers about as often as it promises: of equal methods it misses the ratio 1
in 8% of contests with 25 seeds, in 17% with 5, and in 44% with 2."""

Verdict = Literal["better", "worse", "equal", "no difference shown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntrantComparison:
    """An entrant against the first one, seed by seed."""

    entrant: Entrant
    first: Entrant
    difference: float  # by how much the entrant's mean error is higher, as a share of the images
    low: float  # of a 95% interval for this comparison alone
    high: float
    p_value: float  # of a paired t test, adjusted for the number of comparisons by Holm's method
    smallest: float
    """Difference that this number of seeds shows in four of five contests, at Holm's level for the smallest p."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the entrant."""
        if -EQUAL < self.low <= self.high < EQUAL:
            return "equal"
        if self.p_value >= LEVEL:
            return "no difference shown"
        return "better" if self.difference < 0 else "worse"

    @property
    def words(self) -> str:
        """The verdict with its figures."""
        both = f"{self.entrant.name} against {self.first.name}"
        p_value = cells.p_value(self.p_value, LEAST_P)
        span = f"[{points(self.low)}, {points(self.high)}], {p_value}"
        match self.verdict:
            case "better":
                return f"{self.claim} [{points(-self.high)}, {points(-self.low)}], {p_value}"
            case "worse":
                return f"{self.claim} {span}"
            case "equal":
                return (
                    f"{both}: equal within {points(EQUAL)} percentage points ({points(self.difference, sign=True)} "
                    f"{span})"
                )
            case "no difference shown":
                return (
                    f"{both}: no significant difference ({points(self.difference, sign=True)} percentage points "
                    f"{span}); {points(self.smallest)} percentage points would have been detected"
                )
            case _:
                assert_never(self.verdict)

    @property
    def claim(self) -> str:
        """The verdict without its figures, if one is better: which, by how much, at which budget."""
        better, other = (self.entrant, self.first) if self.difference < 0 else (self.first, self.entrant)
        amount = points(abs(self.difference))
        return f"{better.way} ends {amount} percentage points lower than {other.way} at {_share(better, other)} budget"


@dataclass(frozen=True, kw_only=True, slots=True)
class Speedup:
    """How many times cheaper an entrant gets as far as the first one, with a 95% interval."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A contest and its results."""

    contest: Contest
    standings: tuple[EntrantStanding, ...]
    compared: tuple[EntrantComparison | None, ...]  # each entrant but the first against the first

    @property
    def finding(self) -> str:
        """The heading."""
        return finding(self.compared, len(self.contest.seeds))


@dataclass(frozen=True, kw_only=True, slots=True)
class Overall:
    """How an entrant did over several tasks."""

    entrant: Entrant
    verdicts: Mapping[str, Verdict]
    """Against the first entrant, by task; none for the first one itself, and if nothing was compared."""

    def count(self, verdict: Verdict) -> int:
        """Return the number of tasks with this verdict."""
        return list(self.verdicts.values()).count(verdict)


def _share(better: Entrant, other: Entrant) -> str:
    names = {1.0: "the same", 2.0: "double the", 0.5: "half the"}
    times = better.budgets / other.budgets
    return names.get(times, f"{times:.3g} times the")


def judge(contest: Contest) -> Judged:
    """Return the results of a contest."""
    rows = tuple(standings(contest))
    return Judged(contest=contest, standings=rows, compared=tuple(comparisons(rows, contest.step)))


def comparisons(rows: Sequence[EntrantStanding], step: float) -> list[EntrantComparison | None]:
    """Return each entrant but the first against the first; errors come in multiples of `step`.

    Only entrants that made a choice with every seed, two at least, are compared, elsewhere None: to leave out the seeds
    with which a search failed would flatter it.
    """
    first, *others = rows
    pairs = {
        number: [a - b for a, b in zip(other.found, first.found, strict=True)]
        for number, other in enumerate(others)
        if first.found and other.found and len(first.found) > 1
    }
    found = {number: paired(differences, step) for number, differences in pairs.items()}
    adjusted = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
    compared = {
        number: EntrantComparison(
            entrant=others[number].entrant, first=first.entrant, difference=one.mean, low=one.low, high=one.high,
            p_value=adjusted[number],
            smallest=one.deviation * effect_shown(len(pairs[number]), LEVEL / len(found)),
        )
        for number, one in found.items()
    }  # fmt: skip
    return [compared.get(number) for number in range(len(others))]


def speedups(contest: Contest) -> list[Speedup | None]:
    """Return how many times cheaper each entrant but the first gets as far as the first; None if one gets nowhere.

    As far as both get: to the worse of their two mean errors at the end. What each has spent when its mean curve first
    gets there makes the ratio, above 1 if the entrant is cheaper. The interval is the percentile bootstrap's over
    the seeds (Efron 1979), the same seeds for both, `RESAMPLES` times; see `MIN_BOOTSTRAP_SEEDS`.
    """
    found = curves(contest, FINE)
    seeds = len(contest.seeds)
    draws = np.random.default_rng(0)
    weights = np.vstack([np.ones(seeds), draws.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)]) / seeds
    means = weights @ found
    at = spent(contest, FINE)
    return [
        _speedup(
            contest.guess,
            means[0],
            means[number],
            at * contest.entrants[0].budgets,
            at * contest.entrants[number].budgets,
        )
        for number in range(1, len(contest.entrants))
    ]


def _speedup(guess: float, first: Values, other: Values, first_spent: Values, other_spent: Values) -> Speedup | None:
    """Return a speed-up, given mean curves of shape (1 + RESAMPLES, FINE), the first of all seeds as they are."""
    goal = np.maximum(first[:, -1:], other[:, -1:])
    if goal[0] > guess - 1e-9:  # the mean over seeds, if no search has found anything, is rounded
        return None
    ratios = first_spent[(first <= goal).argmax(axis=1)] / other_spent[(other <= goal).argmax(axis=1)]
    low, high = np.quantile(ratios[1:], [0.025, 0.975]).tolist()
    return Speedup(ratio=float(ratios[0]), low=low, high=high)


def finding(compared: Sequence[EntrantComparison | None], seeds: int) -> str:
    """Return the heading of a contest: the largest difference that is shown.

    At the same budget if there is one, and there from one that is better than the first, if there is one.
    """
    made = [one for one in compared if one is not None]
    shown = [one for one in made if one.verdict in ("better", "worse")]
    if not made:
        return "Nothing to compare: too few searches made a choice within the budget"
    if shown:
        return max(shown, key=_weight).claim
    first = made[0].first.name
    if all(one.verdict == "equal" for one in made):
        return (
            f"{first} and {'the other' if len(made) == 1 else 'all others'} are equal within {points(EQUAL)} "
            "percentage points"
        )
    return (
        f"No significant difference between {first} and {'the other' if len(made) == 1 else 'any other'} in {seeds} "
        "seeds"
    )


def _weight(comparison: EntrantComparison) -> tuple[bool, bool, float]:
    alike = comparison.entrant.budgets == comparison.first.budgets
    return alike, alike and comparison.verdict == "better", abs(comparison.difference)


def failures(rows: Sequence[EntrantStanding], seeds: Sequence[int]) -> list[str]:
    """Return a sentence for each entrant of which some searches made no choice within their budget."""
    found = {row.entrant.name: [seed for seed, e in zip(seeds, row.errors, strict=True) if e is None] for row in rows}
    return [
        f"{name}: no trial was complete within the budget with {_listed(missing)}." for name, missing in found.items()
        if missing
    ]  # fmt: skip


def _listed(seeds: Sequence[int]) -> str:
    if len(seeds) > 5:
        return f"{len(seeds)} seeds"
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def overall(judged: Sequence[Judged]) -> list[Overall]:
    """Return how each entrant did that took part in all contests; each task has one contest."""
    names = [{row.entrant.name for row in one.standings} for one in judged]
    return [
        Overall(
            entrant=row.entrant,
            verdicts={
                one.contest.task: comparison.verdict
                for one in judged
                for comparison in one.compared
                if comparison is not None and comparison.entrant.name == row.entrant.name
            },
        )
        for row in judged[0].standings
        if all(row.entrant.name in one for one in names)
    ]


def finding_over(judged: Sequence[Judged]) -> str:
    """Return the heading of contests on several tasks: which entrants are better or worse than the first on most of
    them.

    At the same budget if there are such. Of one contest it is its own heading.
    """
    if len(judged) == 1:
        return judged[0].finding
    everywhere = overall(judged)
    if len(everywhere) < 2:
        return "Nothing to compare: no two search methods took part in all contests"
    first, *others = (one for one in everywhere if one is everywhere[0] or one.verdicts)
    if not others:
        return f"Nothing to compare: too few searches made a choice, on each of {len(judged)} tasks"
    level = [one for one in others if one.entrant.budgets == first.entrant.budgets]
    at = " at the same budget" if len(level) < len(others) else ""
    others = level or others
    best = max(others, key=lambda one: one.count("better") - one.count("worse"))
    worst = max(others, key=lambda one: one.count("worse") - one.count("better"))
    if best.count("better") > best.count("worse"):
        return _lower(best, first, best.count("better"), best.count("worse"), len(judged))
    if worst.count("worse") > worst.count("better"):
        return _lower(first, worst, worst.count("worse"), worst.count("better"), len(judged))
    return f"No significant difference between {first.entrant.name} and any other{at} over {len(judged)} tasks"


def _lower(better: Overall, other: Overall, lower: int, higher: int, tasks: int) -> str:
    but = f", and higher on {higher}" if higher else ""
    return f"{better.entrant.name} ends lower than {other.entrant.name} on {lower} of {tasks} tasks{but}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestOptions:
    """The options of the contests."""

    tables: tuple[str, ...] = ("grid-5k",)  # shipped tables, or files; a contest on each
    samplers: tuple[Named, ...] = ("random", "curves")
    """The first one with the first pruner is the method that all others are compared with."""
    pruners: tuple[Named, ...] = ("asha",)
    sampler_options: Mapping[str, Any] = field(default_factory=dict)  # options of your own samplers
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    baselines: bool = True  # whether random search and other simple methods take part
    seeds: int = 100  # searches of each method
    first_seed: int = 0  # their seeds are this one and those that follow
    trials: int = 30  # the budget: trainings of an average configuration to its end
    concurrent_trials: int = 8
    workers: tuple[int, ...] | None = None
    """Numbers of workers for which the virtual time is reported; None for `concurrent_trials`."""
    processes: int = 1  # replays at a time

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        for name in ("trials", "concurrent_trials", "processes"):
            check_count(name, getattr(self, name))
        check_count("first_seed", self.first_seed, least=0)
        for workers in self.worker_counts:
            check_count("workers", workers)
        if not self.tables:
            raise UsageError("There is nothing to search: give tables.")

    @property
    def worker_counts(self) -> tuple[int, ...]:
        """Numbers of workers; see `workers`."""
        return (self.concurrent_trials,) if self.workers is None else self.workers


def compare_methods(options: ContestOptions, observer: Observer) -> list[Contest]:
    """Return the results of the searches, one contest per task.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such table, sampler or pruner, or one does not fit the other or the space.
        StorageError: a table's file is damaged.
    """
    searched = [_replayed(options, name) for name in options.tables]
    _check_names([replayed.name for replayed in searched])
    line_ups = [
        _line_up(options, TriedOn(space=task.space, planner=task.space_planner, periods=task.periods))
        for task in searched
    ]
    return [
        _replayed_contest(options, replayed, entrants, observer)
        for replayed, entrants in zip(searched, line_ups, strict=True)
    ]


def _replayed(options: ContestOptions, name: str) -> Replayed:
    """Return a table, prepared for replayed searches.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    return (
        ReplayedValues(value_table.load(name))
        if value_table.is_named(name)
        else ReplayedTable(recorded_benchmark.load(name))
    )


def _check_names(names: Sequence[str]) -> None:
    """Check that each table, by whose name its results go, has a name of its own.

    Raises:
        UsageError: two have the same.
    """
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--table: {names.count(name)} of the tables are called {show(name)}; name each once.")


def _line_up(options: ContestOptions, tried_on: TriedOn) -> tuple[Entrant, ...]:
    entrants = line_up(
        options.samplers, options.pruners, sampler_options=options.sampler_options,
        pruner_options=options.pruner_options, baselines=options.baselines,
    )  # fmt: skip
    if not entrants:
        raise UsageError("No search method takes part; name samplers and pruners.")
    for entrant in entrants:
        check_fit(entrant, tried_on)
    return entrants


def _replayed_contest(
    options: ContestOptions, replayed: Replayed, entrants: tuple[Entrant, ...], observer: Observer
) -> Contest:
    scored = replayed.scored
    seeds = tuple(range(options.first_seed, options.first_seed + options.seeds))
    terms = Terms(budget=options.trials, concurrent_trials=options.concurrent_trials, workers=options.worker_counts)
    total, done = len(entrants) * len(seeds), 0

    def on_trace() -> None:
        nonlocal done
        done += 1
        if done == total or done % (total // 10 or 1) == 0:
            observer.on_news(f"{replayed.name}: {done} of {total} searches")

    traces = replays(
        replayed, entrants, seeds, terms, processes=options.processes, on_trace=on_trace, stopping=observer.stopping,
    )  # fmt: skip
    return Contest(
        task=replayed.name, space=replayed.space.name, budget=options.trials,
        training_seconds=scored.training_seconds, concurrent_trials=options.concurrent_trials,
        workers=options.worker_counts, seeds=seeds, entrants=entrants, traces=traces,
        seen_images=scored.seen_images, unseen_images=scored.unseen_images,
        develops=scored.develops, reference=scored.reference, measure=scored.measure,
    )  # fmt: skip
