"""A study's estimates against the times that its reports note."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.bench.cost_errors import estimate_errors
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from support.handmade import study, trial


def ran(number: int, *seconds: float, costs: tuple[int, ...], start: float = 0.0) -> TrialRecord:
    """Return a trial whose periods ran one after the other on worker `number`, each taken up 10 s after the last."""
    made = trial(number, range(9), periods=len(seconds))
    reports = []
    for report, took in zip(made.reports, seconds, strict=True):
        reports.append(replace(report, worker=number, started=1e9 + start, seconds=took, handled=1e9 + start + took))
        start += took
    return replace(made, reports=tuple(reports), costs=costs)


def test_each_period_counts_and_a_common_factor_does_not() -> None:
    """Estimates of 1, 2 and 4 s took 2, 4 and 4 s: a factor of 2, by which the last estimate is twice too long."""
    found = estimate_errors(
        study([ran(0, 2.0, 4.0, costs=(1_000_000, 2_000_000, 9)), ran(1, 4.0, costs=(4_000_000, 9))])
    )
    assert list(found.ratios) == [2, 2, 1]
    assert (found.misfit.factor, found.misfit.median) == (2, 0)
    assert found.misfit.nine_in_ten == pytest.approx(0.8)
    assert found.available == pytest.approx(12)


def test_waiting_for_the_logical_order_is_counted() -> None:
    """#1 is ready at 4 s and waits for #0 until 10 s, and its worker has nothing else."""
    first = ran(0, 10.0, costs=(5_000_000,))
    second = ran(1, 4.0, costs=(6_000_000,))
    late = replace(second.reports[0], handled=1e9 + 10.1)
    found = estimate_errors(study([first, replace(second, reports=(late,))]))
    assert (found.ordering, found.available) == pytest.approx((6, 20))
    assert found.lost == pytest.approx(0.3)


def test_a_period_that_ended_early_says_nothing_about_its_estimate() -> None:
    made = ran(0, 2.0, 0.001, costs=(1_000_000, 1_000_000))
    ended = replace(made.reports[1], end="out_of_memory", value=None)
    assert estimate_errors(study([replace(made, reports=(made.reports[0], ended))])).ratios == (2,)
    with pytest.raises(StudyNotFoundError, match="no period that was trained to its end"):
        estimate_errors(study([replace(made, reports=(ended,))]))


def test_a_study_without_a_period_is_refused() -> None:
    with pytest.raises(StudyNotFoundError, match="no trained period"):
        estimate_errors(study([trial(0, periods=0, state="RUNNING")]))
