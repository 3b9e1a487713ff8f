from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.experiments.contest.contest_record import Contest, Entrant, Trace
from mnist_bench.experiments.contest.error_curves import standings
from mnist_bench.experiments.contest.verdicts import EntrantComparison, comparisons, failures, finding, judge, speedups
from mnist_bench.statistics.inference import effect_shown
from support.experiments import RANDOM, TPE_ASHA, TWICE, clear, close, contest, trace

COMPARISON = EntrantComparison(
    entrant=RANDOM, first=TPE_ASHA, difference=0.0012, low=0.0005, high=0.0019, p_value=0.03, smallest=0.0009
)


def compared(made: Contest) -> list[EntrantComparison]:
    return [one for one in judge(made).compared if one is not None]


def test_comparisons_are_paired_by_seed_and_adjusted() -> None:
    random, twice = compared(clear())
    assert (random.entrant, random.first, twice.entrant) == (RANDOM, TPE_ASHA, TWICE)
    expected = oracle.ttest_1samp([0.01, 0.011, 0.009, 0.01], 0)
    assert (random.difference, random.low, random.high) == pytest.approx((0.01, *expected.confidence_interval()))
    assert random.p_value == pytest.approx(expected.pvalue)  # the larger of two: the other differences are all equal
    assert (random.verdict, twice.verdict) == ("worse", "better")
    assert twice.difference == pytest.approx(-0.001)


def test_what_is_not_shown_tells_which_difference_would_have_been() -> None:
    random, twice = compared(close())
    assert (random.verdict, twice.verdict) == ("no difference shown", "no difference shown")
    # -0.1, 0.2, 0.1 points: mean 0.0667, deviation 0.1528, at a level of 2.5% for two comparisons.
    assert random.difference == pytest.approx(0.002 / 3)
    assert random.smallest == pytest.approx(math.sqrt(7 / 3) / 1000 * effect_shown(3, 0.025))


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (-0.0005, -0.0001, 0.01, "better"),
        (0.0001, 0.0005, 0.01, "worse"),
        (0.0001, 0.0005, 0.05, "no difference shown"),
        (0.00005, 0.00019, 1e-9, "equal"),  # whatever p says
        (-0.00019, 0.00019, 0.5, "equal"),
        (-0.00019, 0.0002, 0.5, "no difference shown"),
        (-0.0011, 0.0009, 0.8, "no difference shown"),  # of a mean of -0.01 points, which alone shows nothing
        (0.00001, 0.0003, 0.04, "worse"),
    ],
)
def test_equal_is_what_lies_within_two_hundredths_of_a_point_with_its_whole_interval(
    low: float, high: float, p_value: float, verdict: str
) -> None:
    found = replace(COMPARISON, difference=(low + high) / 2, low=low, high=high, p_value=p_value)
    assert found.verdict == verdict


BETTER = replace(COMPARISON, difference=-0.0021, low=-0.003, high=-0.0012, p_value=0.00012)
CHANCE = replace(COMPARISON, difference=0.0004, low=-0.002, p_value=0.61, smallest=0.0031)
EQUAL = replace(COMPARISON, difference=0.0001, low=0.00005, high=0.00015, p_value=0.001)


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (
            COMPARISON,
            "tpe + asha ends 0.12 percentage points lower than random at the same budget [0.05, 0.19], p = 0.03",
        ),
        (BETTER, "random ends 0.21 percentage points lower than tpe + asha at the same budget [0.12, 0.30], p < 0.001"),
        (
            CHANCE,
            "random against tpe + asha: no significant difference (+0.04 percentage points [−0.20, 0.19], p = 0.61); "
            "0.31 percentage points would have been detected",
        ),
        (EQUAL, "random against tpe + asha: equal within 0.02 percentage points (+0.01 [0.01, 0.01], p = 0.001)"),
    ],
)
def test_verdicts_in_words(compared: EntrantComparison, words: str) -> None:
    assert compared.words == words


@pytest.mark.parametrize(
    ("compared", "claim"),
    [
        (replace(BETTER, entrant=TWICE), "random ends 0.21 percentage points lower than tpe + asha at double the"),
        (replace(COMPARISON, entrant=TWICE), "tpe + asha ends 0.12 percentage points lower than random at half the"),
        (
            replace(BETTER, entrant=replace(RANDOM, budgets=3)),
            "random ends 0.21 percentage points lower than tpe + asha at 3 times the",
        ),
    ],
)
def test_a_claim_names_the_budget(compared: EntrantComparison, claim: str) -> None:
    assert compared.claim == f"{claim} budget"


def test_only_who_made_a_choice_with_every_seed_is_compared() -> None:
    failed, fine = [trace((2.0, 0.1)), trace()], [trace((2.0, 0.2)), trace((2.0, 0.2))]
    rows = standings(contest({TPE_ASHA: fine, RANDOM: failed, TWICE: fine}))
    first, second = comparisons(rows, 1 / 1000)
    assert (first, second is None) == (None, False)
    assert failures(rows, (0, 7)) == ["random: no trial was complete within the budget with seed 7."]
    assert comparisons(standings(contest({TPE_ASHA: failed, RANDOM: fine})), 1 / 1000) == [None]
    one_seed = contest({TPE_ASHA: fine[:1], RANDOM: fine[:1]})
    assert comparisons(standings(one_seed), 1 / 1000) == [None]
    assert judge(one_seed).finding == "Nothing to compare: too few searches made a choice within the budget"


@pytest.mark.parametrize(("count", "seeds"), [(3, "seeds 0, 1, 2"), (6, "6 seeds")])
def test_failures_name_a_few_seeds_and_count_many(count: int, seeds: str) -> None:
    rows = standings(contest({TPE_ASHA: [trace()] * count, RANDOM: [trace((1.0, 0.1))] * count}))
    assert failures(rows, range(count)) == [f"tpe + asha: no trial was complete within the budget with {seeds}."]


# Speed-ups


@pytest.mark.parametrize(
    ("searches", "ratio"),
    [
        ({TPE_ASHA: [trace((0.5, 0.2), (8.0, 0.02))] * 4, RANDOM: [trace((0.5, 0.2), (2.0, 0.01))] * 4}, 4),
        ({RANDOM: [trace((0.5, 0.2), (2.0, 0.01))] * 4, TPE_ASHA: [trace((0.5, 0.2), (8.0, 0.02))] * 4}, 1 / 4),
        # At the same cost, which is half of the way of an entrant with two budgets.
        ({RANDOM: [trace((8.0, 0.02))] * 3, TWICE: [trace((8.0, 0.02))] * 3}, 1),
    ],
)
def test_a_speed_up_is_how_much_later_the_first_one_gets_as_far(
    searches: dict[Entrant, list[Trace]], ratio: float
) -> None:
    (found,) = speedups(contest(searches))
    assert found is not None
    assert (found.ratio, found.low, found.high) == pytest.approx((ratio,) * 3)


def test_the_interval_of_a_speed_up_is_a_paired_bootstrap() -> None:
    draws = np.random.default_rng(0)
    late = draws.uniform(4, 9, 30)
    made = contest(
        {
            TPE_ASHA: [trace((0.1, 0.2), (at, 0.02)) for at in late.tolist()],
            RANDOM: [trace((0.1, 0.2), (at / 2, 0.02)) for at in late.tolist()],
        }
    )
    first, again = speedups(made), speedups(made)
    assert first == again  # the resampling has a seed of its own
    (found,) = first
    assert found is not None
    assert found.low <= found.ratio <= found.high
    # To the worse of two equal errors both get with their last seed: always the same one, at half the cost.
    assert (found.low, found.high) == pytest.approx((2, 2), rel=0.01)


def test_there_is_no_speed_up_to_a_guess() -> None:
    assert speedups(contest({TPE_ASHA: [trace((1.0, 0.02))] * 2, RANDOM: [trace()] * 2})) == [None]
    for seeds in range(2, 14):  # whose weights sum to 1 but for rounding
        assert speedups(contest({TPE_ASHA: [trace()] * seeds, RANDOM: [trace()] * seeds})) == [None]


# Headings


FAR_OFF = replace(COMPARISON, entrant=TWICE, difference=0.3)
LOWER = "tpe + asha ends 0.12 percentage points lower than random at the same budget"
NOTHING = "No significant difference between tpe + asha and "
SAME = replace(COMPARISON, difference=0.0, low=-0.0001, high=0.0001)


@pytest.mark.parametrize(
    ("found", "heading"),
    [
        ([COMPARISON, FAR_OFF], LOWER),
        (
            [COMPARISON, replace(COMPARISON, entrant=Entrant(sampler="tpe"), difference=-0.001)],
            "tpe ends 0.10 percentage points lower than tpe + asha at the same budget",
        ),
        ([FAR_OFF, None], "tpe + asha ends 30.00 percentage points lower than random at half the budget"),
        ([SAME], "tpe + asha and the other are equal within 0.02 percentage points"),
        ([SAME, SAME], "tpe + asha and all others are equal within 0.02 percentage points"),
        ([SAME, replace(COMPARISON, p_value=0.4)], f"{NOTHING}any other in 3 seeds"),
        ([replace(COMPARISON, p_value=0.4)], f"{NOTHING}the other in 3 seeds"),
    ],
)
def test_the_heading_is_the_largest_difference_that_is_shown_at_the_same_budget(
    found: list[EntrantComparison | None], heading: str
) -> None:
    assert finding(found, 3) == heading


# The rate of false claims


def judged(errors: NDArray[np.float64]) -> list[EntrantComparison | None]:
    """Return the comparisons of entrants with such errors, of shape (entrants, seeds)."""
    row = standings(contest({RANDOM: [trace((1.0, 0.1))]}))[0]
    rows = [
        replace(row, entrant=Entrant(sampler=f"random {number}"), errors=tuple(one))
        for number, one in enumerate(errors.tolist())
    ]
    return comparisons(rows, 1 / 20_000)


@pytest.mark.parametrize("entrants", [2, 8])
def test_of_contests_without_a_difference_at_most_one_in_twenty_claims_one(entrants: int) -> None:
    draws = np.random.default_rng(entrants)
    claimed = 0
    for _ in range(400):
        # Skewed, and a seed does something that all entrants share.
        errors = 0.02 + draws.normal(0, 0.001, 10) + draws.gamma(4, 0.0005, (entrants, 10))
        claimed += any(one and one.verdict in ("better", "worse") for one in judged(errors))
    assert 0.005 < claimed / 400 < 0.072  # 0.05 and two standard errors
