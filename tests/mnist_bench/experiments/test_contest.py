"""Contests: their curves, verdicts and wins, by figures worked out by hand; what they refuse."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.experiments.contest import (
    STEPS,
    ContestOptions,
    EntrantComparison,
    compare_methods,
    comparisons,
    curve,
    curves,
    failures,
    finding,
    finding_over,
    judge,
    overall,
    speedups,
    spent,
    standings,
)
from mnist_bench.experiments.replays import Contest, Entrant, Trace
from mnist_bench.experiments.trainings import Observer
from mnist_bench.statistics import effect_shown
from mnist_bench.tables import recorded_benchmark, stored
from search.errors import UsageError
from support import experiments, tables
from support.experiments import RANDOM, TPE_ASHA, TWICE, clear, close, contest, finals, trace
from support.paths import TESTS
from support.tables import table


def test_a_curve_is_the_error_of_the_current_choice_and_a_guess_before_the_first() -> None:
    one = trace((2.0, 0.1), (5.05, 0.05), (10.0, 0.06))
    found = curves(contest({RANDOM: [one], TWICE: [one]}), STEPS)
    assert found.shape == (2, 1, 100)
    np.testing.assert_array_equal(found[0, 0], [0.9] * 19 + [0.1] * 31 + [0.05] * 49 + [0.06])
    # The same at half the step: 5.05 lies between 2.50 and 2.55.
    np.testing.assert_array_equal(found[1, 0], [0.9] * 9 + [0.1] * 16 + [0.05] * 24 + [0.06] * 51)


def test_the_mean_curve_has_a_standard_error() -> None:
    made = contest({RANDOM: [trace((2.0, 0.04)), trace((4.0, 0.06))], TWICE: [trace(), trace((4.0, 0.06))]})
    found = curve(made, 0)
    assert found.spent.tolist() == pytest.approx((np.arange(100) + 1) / 10)
    assert found.mean.tolist() == pytest.approx([0.9] * 19 + [0.47] * 20 + [0.05] * 61)
    assert found.error.tolist()[-1] == pytest.approx(0.01)
    twice = curve(made, 1)
    assert (twice.spent[-1], twice.mean[-1]) == (20, pytest.approx(0.48))


def test_standings_by_hand() -> None:
    first, random, twice = standings(close(reference=(0.0165, 0.0003)))
    assert (first.entrant, random.entrant, twice.entrant) == (TPE_ASHA, RANDOM, TWICE)
    assert (first.spent, twice.spent, first.trials, first.complete) == (9.8, 19.6, 12, 4)
    assert random.errors == (0.019, 0.021, 0.016)
    deviation = math.sqrt((0.002**2 + 0.001**2 + 0.003**2) / 2)
    assert first.mean == pytest.approx((0.018, deviation / math.sqrt(3)))
    assert first.regret == pytest.approx((0.0015, math.hypot(deviation / math.sqrt(3), 0.0003)))
    assert standings(close())[0].regret is None


def test_eight_workers_share_the_work_of_one() -> None:
    assert standings(close())[0].efficiency == {8: pytest.approx(0.8)}  # 80 s alone, 12.5 s with eight
    untimed = contest({RANDOM: [trace((2.0, 0.1), seconds={})]})
    assert (standings(untimed)[0].seconds, standings(untimed)[0].efficiency) == ({}, {})


def test_the_entrant_of_a_search_without_a_choice_has_no_mean() -> None:
    failed, fine = [trace((2.0, 0.1)), trace()], [trace((2.0, 0.2)), trace((2.0, 0.2))]
    first, random = standings(contest({TPE_ASHA: fine, RANDOM: failed}))
    assert (first.errors, random.errors) == ((0.2, 0.2), (0.1, None))
    assert (first.found, random.found, random.mean) == ([0.2, 0.2], None, None)


times = st.lists(st.floats(0.01, 10), min_size=0, max_size=5).map(sorted)


@given(found=st.lists(times, min_size=1, max_size=4), steps=st.integers(1, 50))
def test_curves_are_what_a_loop_reads(found: list[list[float]], steps: int) -> None:
    traces: list[Trace] = [trace(*((at, 1 / (2 + number)) for number, at in enumerate(ats))) for ats in found]
    made = contest({RANDOM: traces})
    expected = [
        [([0.9] + [one.unseen for one in trace.choices if one.spent <= at])[-1] for at in spent(made, steps)]
        for trace in traces
    ]
    np.testing.assert_array_equal(curves(made, steps)[0], expected)


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


def heading(*contests: Contest) -> str:
    return finding_over([judge(one) for one in contests])


def test_verdicts_over_tasks() -> None:
    first, random, twice = overall([judge(clear(task="a")), judge(close(task="b"))])
    assert (first.entrant, first.verdicts) == (TPE_ASHA, {})
    assert random.verdicts == {"a": "worse", "b": "no difference shown"}
    assert [random.count("worse"), random.count("better"), twice.count("better")] == [1, 0, 1]


def test_only_who_took_part_everywhere_is_counted() -> None:
    small = finals({TPE_ASHA: [0.01, 0.02], RANDOM: [0.02, 0.03]}, task="b")
    assert [row.entrant for row in overall([judge(clear(task="a")), judge(small)])] == [TPE_ASHA, RANDOM]
    alone = finals({TPE_ASHA: [0.01, 0.02]}, task="b")
    assert heading(clear(task="a"), alone) == "Nothing to compare: no two search methods took part in all contests"
    other = finals({RANDOM: [0.01, 0.02], TWICE: [0.02, 0.03]}, task="c")
    assert heading(alone, other) == "Nothing to compare: no two search methods took part in all contests"


def test_without_a_comparison_nothing_is_said_of_differences() -> None:
    few = [finals({TPE_ASHA: [0.02], RANDOM: [0.01]}, task=task) for task in "ab"]
    assert heading(*few) == "Nothing to compare: too few searches made a choice, on each of 2 tasks"


def test_the_heading_counts_tasks_and_prefers_the_same_budget() -> None:
    assert heading(clear()) == judge(clear()).finding
    assert heading(clear(task="a"), close(task="b")) == "tpe + asha ends lower than random on 1 of 2 tasks"
    assert heading(close(task="a"), close(task="b")) == (
        "No significant difference between tpe + asha and any other at the same budget over 2 tasks"
    )
    better = finals({TPE_ASHA: [0.02, 0.021, 0.022], RANDOM: [0.01, 0.011, 0.012], TWICE: [0.02, 0.02, 0.02]}, task="b")
    three = heading(better, clear(task="a"), finals({TPE_ASHA: [0.02] * 3, RANDOM: [0.01] * 3}, task="c"))
    assert three == "random ends lower than tpe + asha on 2 of 3 tasks, and higher on 1"
    assert heading(*(finals({RANDOM: [0.02] * 3, TWICE: [0.01] * 3}, task=task) for task in "ab")) == (
        "random ×2 ends lower than random on 2 of 2 tasks"
    )


ASKED = ContestOptions(samplers=("random",), pruners=("none",), seeds=4, trials=5, concurrent_trials=4, workers=(4,))


@pytest.mark.slow
def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    copied = tmp_path / "small.npz"
    shutil.copy(TESTS / "data" / "small.npz", copied)
    asked = replace(ASKED, tables=(str(TESTS / "data" / "small.npz"), str(copied)))
    with pytest.raises(UsageError, match=r"^--table: 2 of the tables are called '?small'?; name each once\.$"):
        compare_methods(asked, Observer())


@pytest.mark.slow
def test_a_table_of_values_is_searched_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.tables.value_table.load", lambda name: tables.value_table(name=name))
    (found,) = compare_methods(replace(ASKED, tables=("scikit-learn/mlp-wine",)), Observer())
    assert (found.task, found.measure, found.develops) == ("scikit-learn/mlp-wine", "regret", False)
    assert (found.training_seconds, found.guess) == (1.0, 1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the files of two tables of the same points on two tasks."""
    made = [table(), table(noise=0.004, name="noisy")]
    paths = [tmp_path / f"{one.name}.npz" for one in made]
    for path, one in zip(paths, made, strict=True):
        path.write_bytes(stored.pack(one.about, one.arrays))
    return str(paths[0]), str(paths[1])


@pytest.mark.slow
def test_each_table_is_a_contest_of_its_own_whose_reference_is_better_than_what_is_found_but_no_lucky_row(
    files: tuple[str, str],
) -> None:
    first, second = compare_methods(replace(ASKED, tables=files), Observer())
    assert (first.task, second.task) == ("handmade", "noisy")
    names = ["random", "random ×2", "first period, then the best"]
    assert [entrant.name for entrant in first.entrants] == names
    assert all(len(traces) == 4 for traces in first.traces)
    assert (first.seen_images, first.unseen_images, first.seeds) == (10_000, 20_000, (0, 1, 2, 3))
    assert first.training_seconds == pytest.approx(0.4 * 5 / 3)
    assert first.reference is not None
    mean, error = first.reference
    made = recorded_benchmark.load(files[0])
    luckiest = min(made.unseen_error(point, seed) for point in range(len(made)) for seed in range(3))
    assert luckiest < mean < np.mean([trace.found for trace in first.traces[0] if trace.found is not None])
    assert 0 < error < 0.002


@pytest.mark.slow
def test_pairs_may_compete_alone_with_other_seeds(files: tuple[str, str]) -> None:
    asked = replace(ASKED, tables=files[:1], samplers=("random", "tpe"), baselines=False, first_seed=7)
    (contest,) = compare_methods(asked, Observer())
    assert [entrant.name for entrant in contest.entrants] == ["random", "tpe"]
    assert contest.seeds == (7, 8, 9, 10)


@pytest.mark.slow
def test_progress_is_told_in_tenths(files: tuple[str, str]) -> None:
    news = experiments.Stopping()
    compare_methods(replace(ASKED, tables=files[:1], seeds=10), news)
    assert news.news[-1] == "handmade: 30 of 30 searches"
    assert len(news.news) == 10


@pytest.mark.slow
def test_what_does_not_fit_one_table_is_said_before_any_is_searched(files: tuple[str, str]) -> None:
    news = experiments.Stopping()
    with pytest.raises(UsageError, match="no sampler 'gp'"):
        compare_methods(replace(ASKED, tables=files, samplers=("gp",)), news)
    assert news.news == []
    with pytest.raises(UsageError, match="no table"):
        compare_methods(replace(ASKED, tables=("nowhere",)), news)
