"""Accuracy against the size and the cost of a net."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.plots.pareto import ParetoPoint, pareto_of
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy
from support import drawn
from support.handmade import changed, study, trial, two_objectives


def sized(number: int, wrong: Iterable[int], parameters: int, macs: int, **more: Any) -> TrialRecord:
    """Return a trial whose net has so many parameters and MACs."""
    return trial(number, wrong, facts={"parameters": parameters, "macs": macs}, **more)


def four() -> StoredStudy:
    """Return #0 best and large; #1 tied, smaller and costlier; #2 far behind, smallest; #3 beaten by #1 in everything.

    #4 is smaller and more accurate than all, but pruned.
    """
    trials = [
        sized(0, range(5), 3000, 100), sized(1, range(6), 1000, 300), sized(2, range(100, 160), 500, 50),
        sized(3, range(200, 280), 1200, 400), sized(4, range(1), 10, 10, periods=1),
    ]  # fmt: skip
    return study(trials)


def objectives(cost: str, *trials: TrialRecord) -> StoredStudy:
    return changed(study([*trials]), space={"settings": {"objective": ["val_accuracy", cost]}})


def numbers(points: Iterable[ParetoPoint]) -> list[int]:
    """Return the trials' numbers."""
    return [point.number for point in points]


def test_the_front_holds_what_no_complete_trial_beats_and_the_cheapest_tied_trial_may_differ_with_the_cost() -> None:
    found = pareto_of(four())
    assert numbers(found.front("parameters")) == [2, 1, 0]
    assert numbers(found.front("macs")) == [2, 0]
    assert numbers(found.points) == [0, 1, 2, 3, 4]
    assert numbers(point for point in found.points if point.tied) == [0, 1]
    assert [found.cheapest_tied(cost).number for cost in ("parameters", "macs")] == [1, 0]
    equal = pareto_of(study([sized(number, range(5), 1000, 100) for number in range(3)]))
    assert numbers(equal.front("parameters")) == [0, 1, 2]
    assert sorted(numbers(pareto_of(two_objectives()).front("macs"))) == [1, 2, 4]  # as of the leaderboard


GOOD = [sized(number, range(10), 1000 + number, 10) for number in range(5)]
CHEAP = [sized(5, range(200), 90, 8), sized(6, range(300), 95, 9)]


@pytest.mark.parametrize(
    ("trials", "objective", "shown", "below"),
    [
        # A diverged trial lies below the axis, but half of the complete trials are shown however bad.
        ([sized(0, range(10), 9, 9), sized(1, range(20), 8, 8), sized(2, range(900), 7, 7)], None, 0.98, 1),
        ([sized(0, range(1), 10, 10), *(sized(n, range(500), 10, 10) for n in range(1, 5))], None, 0.5, 0),
        # And the whole front that was searched for.
        ([*GOOD, *CHEAP], None, 0.99, 2),
        ([*GOOD, *CHEAP], "parameters", 0.8, 1),
    ],
)
def test_the_axis_shows_the_good_trials_and_at_least_half_and_the_front_that_was_sought(
    trials: list[TrialRecord], objective: Any, shown: float, below: int
) -> None:
    sought = study(trials) if objective is None else objectives(objective, *trials)
    found = pareto_of(sought)
    assert min(found.shown) == pytest.approx(shown)
    assert found.below == below
    assert max(drawn.picture("pareto", sought).axes[0].get_ylim()) > 100 * (1 - shown)


def test_both_panels_show_all_trials_and_name_the_best_and_the_cheapest_tied_one() -> None:
    found = pareto_of(four())
    assert found.best.interval == pytest.approx((0.9883, 0.9979), abs=1e-4)
    left, right = drawn.picture("pareto", four()).axes
    # In each panel the pruned trials, the other complete ones, the steps and the marks of the front, the best.
    sizes, errors = zip(*drawn.plotted(left), strict=True)
    assert sizes == ([10], [1200], [500, 1000, 3000], [500, 1000, 3000], [3000])
    assert errors[3] == pytest.approx([6, 0.6, 0.5])
    macs, _ = zip(*drawn.plotted(right), strict=True)
    assert macs == ([10], [300, 400], [50, 100], [50, 100], [100])
    assert [text.get_text() for text in left.texts] == ["#0", "#1 (tied)"]


def test_without_a_complete_trial_there_is_nothing_to_compare() -> None:
    with pytest.raises(StudyNotFoundError, match="Study conv-0 has no complete trial yet"):
        pareto_of(study([trial(0, range(9), periods=1)]))


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(1, 10**7), st.booleans()), min_size=1, max_size=20))
def test_any_trials_have_a_rising_front(shapes: list[tuple[int, int, bool]]) -> None:
    states = {True: ("COMPLETE", 6), False: ("PRUNED", 1)}
    made = [sized(0, range(3), 50, 50)]
    for number, (wrong, cost, complete) in enumerate(shapes, start=1):
        state, periods = states[complete]
        made.append(sized(number, range(wrong), cost, 2 * cost, state=state, periods=periods))
    found = pareto_of(study(made))
    front = found.front("macs")
    assert front[-1].accuracy == found.best.accuracy
    places = [(point.macs, point.accuracy) for point in front]
    assert all((a < b and x < y) or (a, x) == (b, y) for (a, x), (b, y) in pairwise(places))
    assert found.best.accuracy in found.shown
    assert sum(point.accuracy not in found.shown for point in found.complete) <= len(found.complete) / 2


@pytest.mark.parametrize(
    ("study", "finding"),
    [
        (four(), "#1 is tied with the best, #0, on 1,000 parameters instead of 3,000"),
        (study([trial(n, range(5)) for n in (1, 2)]), "No smaller network is tied with the best, #1 ("),
        (study([trial(3, range(5))]), "#3, the only complete trial, has 61,234 parameters"),
        (two_objectives(), "The Pareto front of accuracy and MACs: from 96.00% on 50 to 99.50% on 200"),
        # Counts from a thousand on are rounded.
        (
            objectives("parameters", sized(0, range(5), 1_234_567, 10), sized(1, range(9), 1000, 10)),
            "The Pareto front of accuracy and parameters: from 99.10% on 1k to 99.50% on 1.23M",
        ),
        # A front of one trial, or of equal ones, is told as with one objective.
        (
            objectives("macs", sized(0, range(5), 10, 10), sized(1, range(900), 20, 20)),
            "No smaller network is tied with the best, #0 (10 parameters)",
        ),
        (
            objectives("macs", *(sized(number, range(5), 1000, 100) for number in range(3))),
            "No smaller network is tied with the best, #0 (1,000 parameters)",
        ),
    ],
)
def test_the_heading_says_whether_a_smaller_net_would_do_or_with_two_objectives_the_front(
    study: StoredStudy, finding: str
) -> None:
    assert pareto_of(study).finding.startswith(finding)
