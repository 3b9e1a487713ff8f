"""Each entrant against the first one: a verdict, how much faster it gets as far, and the smallest detectable
difference; over several tasks, its wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from mnist_bench import cells
from mnist_bench.cells import points
from mnist_bench.experiments.contest.contest_record import Contest, Entrant
from mnist_bench.experiments.contest.error_curves import EntrantStanding, Values, curves, spent, standings
from mnist_bench.statistics.inference import LEVEL, effect_shown, holm, paired

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
