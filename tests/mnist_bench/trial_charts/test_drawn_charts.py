"""Where charts draw what."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from mnist_bench.trial_charts import drawn_charts
from mnist_bench.trial_charts.drawn_charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart
from mnist_bench.trial_charts.shown_trials import shown_study
from search.study.studies import StoredStudy
from support import handmade, handmade_values

VALUES = handmade_values.study([handmade_values.trial(n, [9.0 - n, 8.0, 7.0, 6.0 - n]) for n in range(3)])


def charts(study: StoredStudy) -> list[Chart]:
    shown = shown_study(study)
    return [drawn_charts.learning_curves(shown), drawn_charts.history(shown)]


@pytest.mark.parametrize("study", [handmade.mixed(), VALUES, handmade.study([], goal=2)])
def test_all_points_and_labels_lie_inside(study: StoredStudy) -> None:
    for chart in charts(study):
        for x, y in [point for mark in chart.marks for point in mark.points]:
            assert LEFT <= x <= WIDTH - RIGHT
            assert TOP <= y <= HEIGHT - BOTTOM
        assert all(LEFT <= tick.place <= WIDTH - RIGHT for tick in chart.columns)
        assert all(TOP <= tick.place <= HEIGHT - BOTTOM for tick in chart.rows)
        assert all(low.place < high.place for low, high in pairwise(chart.columns))


def test_a_curve_rises_with_the_value_and_goes_right_with_training() -> None:
    (curves, history) = charts(VALUES)
    for mark in curves.marks:
        assert len(mark.points) == 4
        assert all(left[0] < right[0] for left, right in pairwise(mark.points))
    heights = {mark.trial.number: mark.last[1] for mark in history.marks}
    assert heights[0] < heights[1] < heights[2]  # of SVG, whose zero is at the top
    assert [tick.label for tick in curves.columns] == ["1", "2", "3", "4"]


def test_complete_trials_lie_above_running_and_these_above_pruned_ones() -> None:
    (curves, _) = charts(handmade.mixed())
    assert [mark.trial.ending for mark in curves.marks] == ["pruned", "pruned", "running", *["complete"] * 3]


def test_the_best_so_far_goes_in_steps_to_the_end() -> None:
    (_, history) = charts(handmade.mixed())
    first, second = ({mark.trial.number: mark.last for mark in history.marks}[number] for number in (0, 1))
    assert history.steps == f"M{first[0]:g},{first[1]:g}H{second[0]:g}V{second[1]:g}H{WIDTH - RIGHT}"
    (_, none) = charts(handmade.study([handmade.trial(0, range(9), periods=1, state="PRUNED")]))
    assert none.steps == ""


def test_long_trainings_are_drawn_by_their_logarithm() -> None:
    periods = [0.5, 1, 2, 4, 6]
    trial = handmade.trial(0, range(9), periods=5, params={"epochs": 6, "periods": periods})
    (curves, _) = charts(handmade.study([trial]))
    assert curves.across == "epochs (log)"
    xs = [x for x, _ in curves.marks[0].points]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert re.fullmatch(r"Learning curves of 1 trial", curves.title)
