from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from mnist_bench.plots.value_axis import PlainAxis


def axis(values: list[float], *, minimized: bool = False) -> PlainAxis:
    return PlainAxis.of("loss", values, minimized=minimized)


@pytest.mark.parametrize(
    ("values", "is_log"),
    [
        ([0.5, 0.6, 0.7], False),
        ([0.001, 0.01, 0.1, 1.0], True),
        ([-0.001, 0.01, 0.1, 1.0], False),
        ([0.0, 0.01, 0.1, 1.0], False),
        ([0.01, 0.02, 0.03, 0.04, 1000.0], False),  # one outlier makes no decades
        ([0.01, 0.6, 0.9, 0.95, 0.99], False),  # most are near the largest, where a logarithmic axis has no room
        ([0.04, 0.1, 0.2, 0.3, 2.7], True),
        ([0.4, 0.5, 0.6, 2.7], False),
        ([3.0], False),
    ],
)
def test_when_an_axis_is_logarithmic(values: list[float], is_log: bool) -> None:
    assert axis(values, minimized=True).is_log is is_log


def test_the_ends_are_the_worst_and_the_best_value() -> None:
    assert axis([1.0, 3.0, 2.0]).ends == (1.0, 3.0)
    assert axis([1.0, 3.0, 2.0], minimized=True).ends == (3.0, 1.0)
    assert axis([1e-3, 1.0, 1e-1], minimized=True).ends == pytest.approx((1.0, 1e-3))


def test_the_label_says_which_values_are_better_and_whether_it_is_logarithmic() -> None:
    assert axis([1.0, 2.0]).label() == "loss (higher is better)"
    assert axis([1.0, 2.0], minimized=True).label(" after 2 reports") == "loss after 2 reports (lower is better)"
    assert axis([0.001, 1.0, 0.1], minimized=True).short_label(" after 1 report") == (
        "loss after 1 report\n(lower is better, log)"
    )


@pytest.mark.parametrize(("minimized", "words"), [(False, "below 1"), (True, "above 3")])
def test_values_much_worse_than_half_of_all_lie_on_the_edge_and_are_counted(minimized: bool, words: str) -> None:
    outlier = 1000.0 if minimized else -1000.0
    values = [1.0, 2.0, 3.0, 2.5, outlier]
    found, axes = axis(values, minimized=minimized), Figure().subplots()
    found.set_up(axes)
    low, high = axes.get_ylim()
    assert low < 1 < 3 < high < 10
    edge, name = (high, "upper") if minimized else (low, "lower")
    assert found.place(axes, outlier) == found.place(axes, None) == edge
    assert found.place(axes, 2.0) == 2.0
    assert found.outside(values) == f"on the {name} edge: 1 {words}"
    assert found.outside(values, "at the left end") == f"at the left end: 1 {words}"
    assert found.outside(values[:4]) == ""


def test_a_share_reaches_from_the_worst_to_the_best() -> None:
    assert [axis([1.0, 2.0, 3.0]).share(value) for value in (1.0, 2.0, 3.0, 0.0, None)] == [0, 0.5, 1, 0, 0]
    assert [axis([1.0, 2.0, 3.0], minimized=True).share(value) for value in (1.0, 2.0, 9.0)] == [1, 0.5, 0]
    assert axis([0.01, 0.1, 1.0]).share(0.1) == pytest.approx(0.5)
    assert axis([2.0, 2.0]).share(2.0) == 1


@pytest.mark.parametrize("values", [[2.0, 2.0], [0.0], [-1e-9, 1e-9], [1e12, 1e12 + 1], [1e-30, 1e30]])
def test_odd_values_have_an_axis(values: list[float]) -> None:
    axes = Figure().subplots()
    axis(values).set_up(axes)
    low, high = axes.get_ylim()
    assert low < min(values) <= max(values) < high
    assert len(axes.get_yticks()) >= 2
