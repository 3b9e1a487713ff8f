from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.plots.curves import PrunerRung, draw, rows
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from support import drawn, handmade as made


def pruned(*epochs: int) -> list[TrialRecord]:
    return [made.trial(number, curve=made.curve(0.9, count)) for number, count in enumerate(epochs)]


def with_pruner(study: StudyRecord, **spec: object) -> StudyRecord:
    return replace(study, spec={**study.spec, "pruner": spec})


def with_config(study: StudyRecord, costs: int, **settings: object) -> StudyRecord:
    trials = (replace(one, config={**one.config, **settings}, costs=(1,) * costs) for one in study.trials)
    return replace(study, trials=tuple(trials))


def test_a_curve_has_the_accuracy_after_each_epoch_up_to_where_it_diverged() -> None:
    found = rows(made.halved())
    assert (found.best, len(found.curves)) == (8, 9)
    curve = found.curves[7]
    assert (list(curve.done), curve.ending) == ([1, 2, 3], "pruned")
    assert curve.values == pytest.approx((0.97, 0.985, 0.992))
    (diverged,) = rows(made.searched([made.trial(0, curve=[0.9, 0.95, None])])).curves
    assert (diverged.done, diverged.values, diverged.ending) == ((1, 2), (0.9, 0.95), "failed")


def test_rungs_count_who_came_and_who_was_stopped_at_the_epochs_of_the_periods() -> None:
    study = made.halved()
    assert rows(study).rungs == (PrunerRung(done=1, reached=9, stopped=6), PrunerRung(done=3, reached=3, stopped=2))
    assert rows(with_pruner(study, name="median")).rungs == ()
    halved = rows(with_pruner(study, name="asha", reduction_factor=2))
    assert [rung.done for rung in halved.rungs] == [1, 2, 4]
    curves = rows(with_config(study, 6, periods=[0.5, 1, 2, 4, 5, 6]))
    assert [rung.done for rung in curves.rungs] == [0.5, 2]
    assert list(curves.curves[7].done) == [0.5, 1, 2]
    assert curves.finding == "Pruning stopped 6 of 9 trials after 0.5 epochs and 2 after 2 epochs"


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
        # Infeasible trials are not counted.
        (made.mixed().trials, "Pruning stopped 1 of 7 trials after 1 epoch and 1 after 3 epochs"),
    ],
)
def test_the_heading_says_how_many_were_stopped_and_when(trials: list[TrialRecord], finding: str) -> None:
    assert rows(made.searched(trials)).finding == finding


def test_without_an_accuracy_or_with_one_report_there_are_no_curves() -> None:
    with pytest.raises(StudyNotFoundError, match="there are no curves"):
        rows(made.searched([made.trial(0, curve=[None]), made.trial(1, curve=[], state="FAIL")]))
    study = made.value_study([made.value_trial(n, [float(n)], planned=1) for n in range(3)])
    with pytest.raises(StudyNotFoundError, match="The trials of study ridge-0 report once, so there are no curves"):
        rows(study)


def test_the_picture_has_a_line_a_trial_and_counts_at_the_rungs() -> None:
    figure = draw(rows(made.halved()))
    lines = [*drawn.lines(figure)]
    assert len(lines) == 8
    assert lines[7][0] == [1, 2, 3]
    assert lines[7][1] == pytest.approx([3, 1.5, 0.8])
    assert drawn.texts(figure) == ["6 of 9\nstopped", "2 of 3\nstopped", "1\ncomplete", "#8\n99.90%"]


def test_curves_of_another_trainer_go_over_its_reports() -> None:
    curves = rows(made.halved_values())
    assert curves.finding == "Pruning stopped 10 of 12 trials after 1 report and 1 after 2 reports"
    assert "#11\n-0.25" in drawn.texts(draw(curves))
