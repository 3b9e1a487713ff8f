from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.collections import LineCollection

from mnist_bench.plots.study.curves import PrunerRung, draw, rows
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from support import handmade as made


def pruned(*epochs: int) -> list[TrialRecord]:
    return [made.trial(number, curve=made.curve(0.9, count)) for number, count in enumerate(epochs)]


def with_pruner(study: StudyRecord, **spec: object) -> StudyRecord:
    return replace(study, spec={**study.spec, "pruner": spec})


def test_a_curve_has_the_accuracy_after_each_epoch() -> None:
    curve = rows(made.halved()).curves[7]
    assert list(curve.done) == [1, 2, 3]
    assert curve.values == pytest.approx((0.97, 0.985, 0.992))
    assert curve.ending == "pruned"


def test_rungs_count_who_came_and_who_was_stopped() -> None:
    curves = rows(made.halved())
    assert curves.rungs == (PrunerRung(done=1, reached=9, stopped=6), PrunerRung(done=3, reached=3, stopped=2))
    assert curves.best == 8


def test_rungs_stand_at_the_epochs_of_the_periods() -> None:
    study = made.halved()
    trials = [replace(trial, config={**trial.config, "periods": [0.5, 1, 2, 4, 5, 6]}) for trial in study.trials]
    curves = rows(replace(study, trials=tuple(trials)))
    assert [rung.done for rung in curves.rungs] == [0.5, 2]
    assert list(curves.curves[7].done) == [0.5, 1, 2]
    assert curves.finding == "Pruning stopped 6 of 9 trials after 0.5 epochs and 2 after 2 epochs"


def test_other_pruners_have_no_rungs() -> None:
    assert rows(with_pruner(made.halved(), name="median")).rungs == ()
    assert [rung.done for rung in rows(with_pruner(made.halved(), name="asha", reduction_factor=2)).rungs] == [
        1,
        2,
        4,
    ]


@pytest.mark.parametrize(
    ("trials", "finding"),
    [
        (pruned(1, 1, 6), "Pruning stopped 2 of 3 trials after 1 epoch"),
        (pruned(1, 1, 3, 6), "Pruning stopped 2 of 4 trials after 1 epoch and 1 after 3 epochs"),
        (pruned(1, 2, 2, 3, 6), "Pruning stopped 4 of 5 trials, 2 of them after 2 epochs"),
        (pruned(2, 2), "Pruning stopped all 2 trials after 2 epochs"),
        (pruned(1), "Pruning stopped the only trial after 1 epoch"),
        (pruned(6), "The only trial was trained for 6 epochs"),
        (pruned(6, 6), "All 2 trials were trained for 6 epochs"),
        ([*pruned(6), made.trial(1, curve=[0.9, None])], "No trial was pruned; 1 of 2 is complete"),
        ([*pruned(1, 6), made.trial(2, curve=[], state="FAIL")], "Pruning stopped 1 of 3 trials after 1 epoch"),
    ],
)
def test_the_heading_says_how_many_were_stopped_and_when(trials: list[TrialRecord], finding: str) -> None:
    assert rows(made.searched(trials)).finding == finding


def test_infeasible_trials_are_not_counted() -> None:
    assert rows(made.mixed()).finding == "Pruning stopped 1 of 7 trials after 1 epoch and 1 after 3 epochs"


def test_a_diverged_trial_keeps_its_curve_up_to_there() -> None:
    (curve,) = rows(made.searched([made.trial(0, curve=[0.9, 0.95, None])])).curves
    assert (curve.done, curve.values, curve.ending) == ((1, 2), (0.9, 0.95), "failed")


def test_without_an_accuracy_there_are_no_curves() -> None:
    with pytest.raises(StudyNotFoundError, match="there are no curves"):
        rows(made.searched([made.trial(0, curve=[None]), made.trial(1, curve=[], state="FAIL")]))


def test_the_picture_has_a_line_a_trial_and_counts_at_the_rungs() -> None:
    figure = draw(rows(made.halved()))
    (axes,) = figure.axes
    lines = [line for found in axes.collections if isinstance(found, LineCollection) for line in found.get_segments()]
    assert len(lines) == 8
    assert lines[7][:, 0].tolist() == [1, 2, 3]
    assert lines[7][:, 1].tolist() == pytest.approx([3, 1.5, 0.8])
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["6 of 9\nstopped", "2 of 3\nstopped", "1\ncomplete", "#8\n99.90%"]
    assert axes.get_xlabel() == "epochs"
    assert figure.get_suptitle() == "Pruning stopped 6 of 9 trials after 1 epoch and 2 after 3 epochs"


def test_a_rung_that_no_trial_reached_is_said_to_be_so() -> None:
    (axes,) = draw(rows(made.searched(pruned(1)))).axes
    assert [text.get_text() for text in axes.texts] == ["1 of 1\nstopped", "none\nreached", "0\ncomplete"]


def test_many_epochs_are_marked_at_the_rungs_alone() -> None:
    study = made.halved()
    trials = [replace(trial, config={**trial.config, "epochs": 20}, costs=(1,) * 20) for trial in study.trials]
    (axes,) = draw(rows(replace(study, trials=tuple(trials)))).axes
    assert axes.get_xticks().tolist() == [1, 3, 9, 20]


def test_curves_of_another_trainer_go_over_its_reports() -> None:
    curves = rows(made.halved_values())
    assert curves.finding == "Pruning stopped 10 of 12 trials after 1 report and 1 after 2 reports"
    (axes,) = draw(curves).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("reports", "value (higher is better)")
    assert "#11\n-0.25" in [text.get_text() for text in axes.texts]


def test_trials_that_report_once_have_no_curves() -> None:
    study = made.value_study([made.value_trial(n, [float(n)], planned=1) for n in range(3)])
    with pytest.raises(StudyNotFoundError, match="The trials of study ridge-0 report once, so there are no curves"):
        rows(study)
