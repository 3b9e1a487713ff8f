from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mnist_bench.comparison.error_over_cost import cost_curves
from search.study import StoredStudy
from support import handmade, handmade_values


def searched(*errors: int, name: str = "conv-0", costs: Sequence[int] | None = None) -> StoredStudy:
    """Return a study of complete trials with so many errors, one after the other, a second for each period."""
    trials = [
        replace(handmade.trial(n, range(wrong)), logical_start=6_000_000 * n, costs=(1_000_000,) * 6)
        for n, wrong in enumerate(errors)
    ]
    study = handmade.study(trials, name=name)
    if costs is not None:
        study.spec["context"]["costs"] = list(costs)
    return study


def test_the_best_so_far_is_read_over_the_cost() -> None:
    curves = cost_curves([("a", searched(40, 50, 10)), ("b", searched(20, 30))])
    assert curves is not None
    first, second = curves.curves
    assert [(step.cost, step.trial, step.value) for step in first.improvements] == [(6, 0, 0.96), (18, 2, 0.99)]
    assert (first.total, second.total, curves.unit) == (18, 12, "estimated")
    assert curves.read_at == pytest.approx((2.4, 4.8, 7.2, 9.6, 12))
    assert [first.value_at(cost) for cost in (5.9, 6, 17.9, 18)] == [None, 0.96, 0.96, 0.99]
    assert first.cost_of(0.98, minimized=False) == 18
    assert second.cost_of(0.99, minimized=False) is None


def test_other_estimates_are_replaced_by_measured_times() -> None:
    curves = cost_curves([("a", searched(40, costs=[1])), ("b", searched(20, costs=[2]))])
    assert curves is not None
    assert (curves.unit, curves.curves[0].total) == ("measured", 9.0)


def test_pruned_trials_cost_and_improve_nothing() -> None:
    study = searched(40, 10)
    pruned = replace(study.trials[1], state="PRUNED", reason="pruned")
    curves = cost_curves([("a", replace(study, trials=(study.trials[0], pruned))), ("b", searched(1))])
    assert curves is not None
    assert (len(curves.curves[0].improvements), curves.curves[0].total) == (1, 12)


def test_minimized_values_fall() -> None:
    studies = [
        (name, handmade_values.study([handmade_values.trial(0, values)], {"direction": "minimize"}))
        for name, values in (("a", [4.0, 3.0, 2.0, 1.0]), ("b", [4.0, 3.0, 2.0, 0.5]))
    ]
    curves = cost_curves(studies)
    assert curves is not None
    assert (curves.minimized, curves.of_nets) == (True, False)
    assert curves.curves[1].cost_of(1.0, minimized=True) is not None
    assert curves.curves[0].cost_of(0.5, minimized=True) is None


def test_without_complete_trials_or_one_objective_there_are_no_curves() -> None:
    assert cost_curves([("a", searched(1))]) is None
    assert cost_curves([("a", searched(1)), ("b", searched())]) is None
    maximized = handmade_values.study([handmade_values.trial(0, [1.0, 2.0, 3.0, 4.0])])
    assert cost_curves([("a", maximized), ("b", handmade.mirrored(maximized))]) is None
