"""History and learning curves: rows, headings, and what is drawn of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mnist_bench.plots.learning import PrunerRung, curves_of, history_of
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy
from support import drawn, handmade as made

FOUR = [made.trial(n, curve=made.curve(first, 6)) for n, first in enumerate((0.8, 0.9, 0.85, 0.7))]
CUT = [made.trial(4, curve=[0.999]), made.trial(5, curve=[0.999], state="RUNNING", reason="running")]


def test_each_trial_has_its_last_accuracy_and_its_ending() -> None:
    history = history_of(made.halved())
    assert [point.number for point in history.points] == list(range(9))
    assert [point.value for point in history.points[5:]] == pytest.approx([0.95, 0.99, 0.992, 0.999])
    assert [point.done for point in history.points[5:]] == [1, 3, 3, 6]
    assert [point.number for point in history.of("complete")] == [8]
    assert history.total == 6


@pytest.mark.parametrize(
    ("trials", "finding"),
    [
        ([*FOUR[:1], *CUT], "#0, the only complete one of 3 trials, has 99.30%"),
        ([*FOUR[:2], *CUT], "#1, the last of 2 complete trials, is the best: 99.60%"),
        ([*FOUR[:3], *CUT], "#1, the last but one of 3 complete trials, is the best: 99.60%"),
        ([*FOUR, *CUT], "#1 is the best complete trial, 99.60%; none of the 2 after it is better"),
        ([made.trial(3, curve=made.curve(0.9, 6))], "The only trial, #3, has 99.60%"),
        ([made.trial(0, curve=[0.9])], "The only trial is not complete"),
        ([made.trial(0, curve=[0.9]), made.trial(1, curve=[None])], "None of 2 trials is complete"),
    ],
)
def test_the_heading_names_the_best_and_how_many_complete_ones_after_it_did_no_better(
    trials: list[TrialRecord], finding: str
) -> None:
    assert history_of(made.searched(trials)).finding == finding


def test_bests_are_the_complete_trials_above_all_before_them_as_the_leaderboard_ranks() -> None:
    trials = [
        made.trial(0, curve=made.curve(0.9, 6)),
        made.trial(1, curve=[0.999]),
        made.with_reports(made.trial(2, curve=made.curve(0.95, 6)), 6, metrics={"val_loss": 0.3}),
        made.trial(3, curve=made.curve(0.9, 6)),
        made.with_reports(made.trial(4, curve=made.curve(0.95, 6)), 6, metrics={"val_loss": 0.2}),
    ]
    study = made.searched(trials[::-1])
    assert [point.number for point in history_of(study).bests] == [0, 2, 4]
    assert study.best is not None
    assert study.best.number == 4


def test_marks_lie_at_the_errors_failed_trials_on_the_lower_edge_and_infeasible_ones_nowhere() -> None:
    figure = drawn.picture("history", made.mixed())
    (axes,) = figure.axes
    errors = (0.6, 0.5, 6, 9, 8, axes.get_ylim()[0], 7)
    expected = zip((0, 1, 2, 3, 4, 6, 7), errors, strict=True)
    assert [*map(pytest.approx, expected)] == drawn.marks(figure)
    (numbers, best), _ = drawn.plotted(axes)
    assert numbers == [0, 1, 7]
    assert best == pytest.approx([0.6, 0.5, 0.5])
    counted = "3 complete, 2 pruned, 1 unfinished (rings), 1 failed (crosses) (1 infeasible not shown)"
    assert counted in figure.get_supxlabel()


def test_a_trial_that_never_learned_lies_on_the_lower_edge_and_is_told_of() -> None:
    learned = [made.trial(n, curve=made.curve(0.9, 6)) for n in range(3)]
    figure = drawn.picture("history", made.searched([*learned, made.trial(3, curve=[0.1])]))
    assert drawn.marks(figure)[-1] == pytest.approx((3, figure.axes[0].get_ylim()[0]))
    assert figure.get_supxlabel().endswith("on the lower edge: 1 below 99.60%")


def test_of_another_trainer_values_are_drawn_as_they_are_over_its_reports() -> None:
    study = made.halved_values()
    assert history_of(study).finding == "#11, the only complete one of 12 trials, has -0.25"
    assert drawn.marks(drawn.picture("history", study))[0] == pytest.approx((0, -12))
    assert curves_of(study).finding == "Pruning stopped 10 of 12 trials after 1 report and 1 after 2 reports"
    assert "#11\n-0.25" in drawn.texts(drawn.picture("curves", study))


def pruned(*epochs: int) -> list[TrialRecord]:
    return [made.trial(number, curve=made.curve(0.9, count)) for number, count in enumerate(epochs)]


def with_periods(study: StoredStudy, *periods: float) -> StoredStudy:
    """Return a study whose reports are of these numbers of epochs."""
    trials = (replace(t, config={**t.config, "periods": periods}, costs=(1,) * len(periods)) for t in study.trials)
    return replace(study, trials=tuple(trials))


def test_a_curve_has_the_accuracy_after_each_epoch_up_to_where_it_diverged() -> None:
    found = curves_of(made.halved())
    assert (found.best, len(found.curves)) == (8, 9)
    curve = found.curves[7]
    assert (list(curve.done), curve.ending) == ([1, 2, 3], "pruned")
    assert curve.values == pytest.approx((0.97, 0.985, 0.992))
    (diverged,) = curves_of(made.searched([made.trial(0, curve=[0.9, 0.95, None])])).curves
    assert (diverged.done, diverged.values, diverged.ending) == ((1, 2), (0.9, 0.95), "failed")


def test_rungs_count_who_came_and_who_was_stopped_at_the_epochs_of_the_periods() -> None:
    study = made.halved()
    assert curves_of(study).rungs == (
        PrunerRung(done=1, reached=9, stopped=6),
        PrunerRung(done=3, reached=3, stopped=2),
    )
    assert curves_of(made.changed(study, pruner={"name": "median"})).rungs == ()
    assert [rung.done for rung in curves_of(made.changed(study, pruner={"reduction_factor": 2})).rungs] == [1, 2, 4]
    curves = curves_of(with_periods(study, 0.5, 1, 2, 4, 5, 6))
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
def test_the_heading_of_curves_says_how_many_were_stopped_and_when(trials: list[TrialRecord], finding: str) -> None:
    assert curves_of(made.searched(trials)).finding == finding


@pytest.mark.parametrize(
    ("of", "study", "words"),
    [
        (history_of, made.searched([made.trial(0, curve=[None])]), "Study conv-0 has no trial with a value yet"),
        (curves_of, made.searched([made.trial(0, curve=[None]), made.trial(1, periods=0)]), "there are no curves"),
        (
            curves_of,
            made.value_study([made.value_trial(n, [float(n)], planned=1) for n in range(3)]),
            "The trials of study ridge-0 report once, so there are no curves",
        ),
    ],
)
def test_without_an_accuracy_or_with_one_report_there_is_nothing_to_draw(
    of: Callable[[StoredStudy], object], study: StoredStudy, words: str
) -> None:
    with pytest.raises(StudyNotFoundError, match=words):
        of(study)


def test_the_picture_has_a_line_a_trial_and_counts_at_the_rungs() -> None:
    figure = drawn.picture("curves", made.halved())
    lines = [*drawn.lines(figure)]
    assert len(lines) == 8
    assert lines[7][0] == [1, 2, 3]
    assert lines[7][1] == pytest.approx([3, 1.5, 0.8])
    assert drawn.texts(figure) == ["6 of 9\nstopped", "2 of 3\nstopped", "1\ncomplete", "#8\n99.90%"]
