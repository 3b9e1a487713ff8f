"""Scales of values: better ones are higher for accuracies, larger ones are higher else, and labels have room."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from mnist_bench.trial_charts.value_scale import APART, AccuracyScale, PlainScale, scale_of

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


@given(SHARES)
def test_accuracies_keep_their_order_and_stay_on_the_scale(accuracies: list[float]) -> None:
    scale = AccuracyScale(accuracies)
    places = [scale.place(accuracy) for accuracy in sorted(accuracies)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)


@given(VALUES, st.booleans())
def test_values_keep_their_order_whichever_are_better(values: list[float], minimized: bool) -> None:
    scale = PlainScale(values, minimized=minimized)
    places = [scale.place(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)


@given(st.one_of(SHARES.map(AccuracyScale), VALUES.map(lambda values: PlainScale(values, minimized=True))))
def test_labels_have_room_and_lie_on_the_scale(scale: AccuracyScale | PlainScale) -> None:
    ticks = scale.ticks()
    assert all(0 <= tick.place <= 1 for tick in ticks)
    assert all(low.place + APART <= high.place + 1e-9 for low, high in pairwise(ticks))
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_good_accuracies_are_as_far_apart_as_bad_ones_with_the_same_ratio_of_errors() -> None:
    scale = AccuracyScale([0.9, 0.95, 0.99, 0.995])
    good, bad = (scale.place(high) - scale.place(low) for low, high in ((0.99, 0.995), (0.9, 0.95)))
    assert good == pytest.approx(bad)
    assert {tick.label for tick in scale.ticks()} >= {"90%", "99%"}


def test_one_accuracy_that_learnt_nothing_does_not_press_the_others_together() -> None:
    scale = AccuracyScale([0.1, *(0.99 + 0.001 * n for n in range(8))])
    assert scale.place(0.1) == 0
    assert scale.place(0.997) - scale.place(0.99) > 0.5


@pytest.mark.parametrize(
    ("values", "minimized", "note"),
    [
        ([0.01, 0.02, 0.05, 3.0], True, "lower is better, log"),
        ([1.0, 2.0, 3.0], False, "higher is better"),
        ([-1.0, 0.01, 3.0], True, "lower is better"),
    ],
)
def test_losses_over_decades_are_drawn_by_their_logarithms(values: list[float], minimized: bool, note: str) -> None:
    assert scale_of(values, of_nets=False, minimized=minimized).note == note


@pytest.mark.parametrize("of_nets", [True, False])
@pytest.mark.parametrize("values", [[], [float("nan"), float("inf")], [0.5]])
def test_a_scale_can_be_drawn_of_anything(values: list[float], of_nets: bool) -> None:
    scale = scale_of(values, of_nets=of_nets, minimized=False)
    assert 0 <= scale.place(0.5) <= 1
    assert isinstance(scale.ticks(), list)
