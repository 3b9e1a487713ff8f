from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_bench.plots import accuracy

ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def axes_of(accuracies: list[float]) -> Axes:
    axes: Axes = Figure().subplots()
    accuracy.set_axis(axes, accuracies)
    return axes


def test_ticks_are_accuracies_at_round_errors() -> None:
    axes = axes_of([0.98, 0.99, 0.995])
    labels = [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]
    assert labels == ["99.5", "99.3", "99", "98.5", "98"]


def test_a_tick_is_near_the_best() -> None:
    axes = axes_of([0.9946, 0.994, 0.993, 0.9925, 0.991, 0.985])
    labels = [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]
    assert labels[0] in ("99.5", "99.45", "99.4")


def test_the_best_is_at_the_top() -> None:
    bottom, top = axes_of([0.98, 0.99]).get_ylim()
    assert top < accuracy.error(0.99) < accuracy.error(0.98) < bottom


def test_a_diverged_trial_does_not_squeeze_the_others() -> None:
    accuracies = [0.99, 0.985, 0.98, 0.1]
    assert accuracy.lowest_shown(accuracies) == pytest.approx(0.98)
    axes = axes_of(accuracies)
    edge = axes.get_ylim()[0]
    assert edge < 3
    assert accuracy.place(axes, 0.1) == edge
    assert accuracy.place(axes, None) == edge
    assert accuracy.place(axes, 0.98) == pytest.approx(2)
    assert accuracy.outside(accuracies, accuracies) == "on the lower edge: 1 below 98.00%"


def test_nothing_is_said_where_all_are_shown() -> None:
    assert accuracy.outside([0.98], [0.98, 0.97]) == ""


@pytest.mark.parametrize("wrong", [1, 113, 500, 887])
def test_the_worst_that_is_shown_is_not_outside(wrong: int) -> None:
    assert accuracy.outside([1 - wrong / 1000], [1 - wrong / 1000]) == ""


def test_no_error_at_all_is_drawn_at_half_an_image_and_labelled_100() -> None:
    assert accuracy.error(1.0) == 0.005
    axes = axes_of([1.0, 1.0])
    labels = [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]
    assert labels[0] == "100"


@given(ACCURACIES)
def test_any_accuracies_get_an_axis_with_ticks_that_shows_the_better_half(accuracies: list[float]) -> None:
    axes = axes_of(accuracies)
    bottom, top = axes.get_ylim()
    assert 0 < top < bottom <= 100
    assert len([tick for tick in axes.get_yticks() if top <= tick <= bottom]) >= 3
    shown = [accuracy.lowest_shown(accuracies) <= value + 1e-9 for value in accuracies]
    assert 2 * sum(shown) >= len(shown)
