from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.plots import frame
from mnist_bench.value_kind import NETS, Scale, ValueKind, error, kind_of, lowest_shown
from search.event_log.history import StopRules
from search.event_log.records import EarlyStop
from support import handmade as made

LOSS = ValueKind(name="loss", minimized=True)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, ValueKind()),
        ({"objective": "val_loss", "direction": "minimize"}, ValueKind(name="val_loss", minimized=True)),
        ({"objective": ["speed", "meters"]}, ValueKind(name="speed")),
    ],
)
def test_a_study_of_another_trainer_is_measured_in_its_value(settings: Any, kind: ValueKind) -> None:
    found = kind_of(made.halved_values(settings=settings).spec)
    assert found == replace(kind, trainer="ridge.py:Trainer")
    assert found.option == ("--trainer", "ridge.py:Trainer")


def test_a_study_of_nets_is_measured_in_accuracies_on_its_validation_images() -> None:
    found = kind_of(made.mixed().spec)
    assert found == ValueKind(of_nets=True, name="accuracy", images=made.IMAGES)
    assert (found.text(0.99), found.named(0.99), LOSS.text(0.99), LOSS.named(0.99)) == (
        "99.00%", "99.00%", "0.99", "loss 0.99"
    )  # fmt: skip


def test_the_score_is_larger_for_a_better_value_and_the_worst_is_worse_than_all() -> None:
    assert LOSS.score(1.0) > LOSS.score(2.0)
    assert LOSS.worst([1.0, 2.0]) > 2.0
    assert ValueKind().worst([1.0, 1.0]) < 1.0


def test_a_net_reports_after_its_periods_or_each_epoch() -> None:
    trial, kind = made.trial(0), kind_of(made.mixed().spec)
    assert kind.ends(trial) == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert kind.ends(replace(trial, config={**trial.config, "periods": [0.5, 2, 6]})) == (0.5, 2.0, 6.0)


def test_training_is_counted_in_epochs_of_nets_and_in_reports_of_other_work() -> None:
    assert [kind_of(made.mixed().spec).spent(done) for done in (1.0, 0.5, 2)] == ["1 epoch", "0.5 epochs", "2 epochs"]
    assert [LOSS.spent(done) for done in (1, 4)] == ["1 report", "4 reports"]


PATIENCE = EarlyStop(rule="patience", limit=12, best=17, value=0.9941, since=12)
TARGET = EarlyStop(rule="target", limit=0.994, best=17, value=0.9941, since=0)


@pytest.mark.parametrize(
    ("stop", "kind", "words"),
    [
        (TARGET, NETS, "Stopped early by --target 99.4%: #17 reached 99.41%."),
        (PATIENCE, NETS, "Stopped early by --patience 12: 12 trials ended since #17 (99.41%), and none was better."),
        (
            replace(PATIENCE, limit=1, since=1, two_objectives=True),
            NETS,
            "Stopped early by --patience 1: 1 trial ended since #17 (99.41%), and none came to the front.",
        ),
        (replace(TARGET, limit=12.5, value=13.0), ValueKind(), "Stopped early by --target 12.5: #17 reached 13."),
    ],
)
def test_why_a_search_stops(stop: EarlyStop, kind: ValueKind, words: str) -> None:
    assert kind.stop_line(stop) == words
    assert NETS.rules(StopRules(patience=12, target=0.9941)) == ["patience 12", "target 99.41%"]


SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


def plain(values: list[float], *, minimized: bool = False) -> Scale:
    return Scale.of(values, name="loss", of_nets=False, minimized=minimized)


def labels(accuracies: list[float]) -> list[str]:
    return [tick.label for tick in reversed(Scale.of(accuracies).ticks())]


def test_ticks_are_accuracies_at_round_errors() -> None:
    assert labels([0.98, 0.99, 0.995]) == ["99.5", "99.3", "99", "98.5", "98"]
    assert labels([0.9946, 0.994, 0.993, 0.9925, 0.991, 0.985])[0] in ("99.5", "99.45", "99.4")


def test_a_diverged_trial_does_not_squeeze_the_others() -> None:
    accuracies = [0.99, 0.985, 0.98, 0.1]
    scale = Scale.of(accuracies)
    assert lowest_shown(accuracies) == pytest.approx(0.98)
    edge = scale.edges()[0]
    assert edge < 3
    assert scale.height(0.1) == scale.height(None) == edge
    assert scale.height(0.98) == pytest.approx(2)
    assert scale.outside(accuracies) == "on the lower edge: 1 below 98.00%"
    assert scale.share(0.1) == 0


@pytest.mark.parametrize("wrong", [1, 113, 500, 887])
def test_the_worst_that_is_shown_is_not_outside(wrong: int) -> None:
    assert Scale.of([1 - wrong / 1000]).outside([1 - wrong / 1000]) == ""


def test_no_error_at_all_is_drawn_at_half_an_image_and_labelled_100() -> None:
    assert error(1.0) == 0.005
    assert labels([1.0, 1.0])[0] == "100"


@example([0.734375])
@given(SHARES)
def test_any_accuracies_have_ticks_and_show_the_better_half(accuracies: list[float]) -> None:
    scale = Scale.of(accuracies)
    bottom, top = scale.edges()
    assert 0 < top < error(max(accuracies)) + 1e-9
    assert top < bottom <= 100 + 1e-9
    assert len(scale.ticks()) >= 3
    assert 2 * sum(lowest_shown(accuracies) <= value + 1e-9 for value in accuracies) >= len(accuracies)


@given(SHARES, VALUES, st.booleans())
def test_values_keep_their_order_and_stay_on_the_scale(
    accuracies: list[float], values: list[float], minimized: bool
) -> None:
    for shown, scale in ((accuracies, Scale.of(accuracies)), (values, plain(values, minimized=minimized))):
        places = [scale.share(value) for value in sorted(shown)]
        assert places == sorted(places, reverse=scale.minimized)
        assert all(0 <= place <= 1 for place in places)


@given(st.one_of(SHARES.map(Scale.of), VALUES.map(plain)))
def test_labels_have_room_and_lie_on_the_scale(scale: Scale) -> None:
    ticks = scale.ticks()
    assert all(0 <= tick.place <= 1 for tick in ticks)
    assert all(low.place + 0.07 <= high.place + 1e-9 for low, high in pairwise(ticks))
    assert len({tick.label for tick in ticks}) == len(ticks)


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
def test_when_a_scale_is_logarithmic(values: list[float], is_log: bool) -> None:
    assert (plain(values, minimized=True).kind == "log") is is_log


def test_the_label_says_which_values_are_better_and_whether_it_is_logarithmic() -> None:
    assert plain([1.0, 2.0]).label() == "loss (higher is better)"
    assert plain([1.0, 2.0], minimized=True).label(" after 2 reports") == "loss after 2 reports (lower is better)"
    assert plain([0.001, 1.0, 0.1], minimized=True).short_label(" after 1 report") == (
        "loss after 1 report\n(lower is better, log)"
    )


@pytest.mark.parametrize(("minimized", "words"), [(False, "below 1"), (True, "above 3")])
def test_values_much_worse_than_half_of_all_lie_on_the_edge_and_are_counted(minimized: bool, words: str) -> None:
    outlier = 1000.0 if minimized else -1000.0
    values = [1.0, 2.0, 3.0, 2.5, outlier]
    found = plain(values, minimized=minimized)
    low, high = found.edges()
    assert low < 1 < 3 < high < 10
    edge, name = (high, "upper") if minimized else (low, "lower")
    assert found.height(outlier) == found.height(None) == edge
    assert found.height(2.0) == 2.0
    assert found.outside(values) == f"on the {name} edge: 1 {words}"
    assert found.outside(values, "at the left end") == f"at the left end: 1 {words}"
    assert found.outside(values[:4]) == ""


def test_a_share_reaches_from_the_worst_to_the_best() -> None:
    assert [plain([1.0, 2.0, 3.0]).share(value) for value in (1.0, 2.0, 3.0, 0.0, None)] == [0, 0.5, 1, 0, 0]
    assert [plain([1.0, 2.0, 3.0], minimized=True).share(value) for value in (1.0, 2.0, 9.0)] == [1, 0.5, 0]
    assert plain([0.01, 0.1, 1.0]).share(0.1) == pytest.approx(0.5)
    assert plain([2.0, 2.0]).share(2.0) == 1


@pytest.mark.parametrize("values", [[2.0, 2.0], [0.0], [-1e-9, 1e-9], [1e12, 1e12 + 1], [1e-30, 1e30]])
def test_odd_values_have_an_axis(values: list[float]) -> None:
    axes = Figure().subplots()
    frame.set_value_axis(axes, plain(values))
    low, high = axes.get_ylim()
    assert low < min(values) <= max(values) < high
    assert len(axes.get_yticks()) >= 2
