from __future__ import annotations

import pytest

from mnist_bench.plots.history import draw, rows
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from support import drawn, handmade as made

FOUR = [made.trial(n, curve=made.curve(first, 6)) for n, first in enumerate((0.8, 0.9, 0.85, 0.7))]
CUT = [made.trial(4, curve=[0.999]), made.trial(5, curve=[0.999], state="RUNNING", reason="running")]


def test_each_trial_has_its_last_accuracy_and_its_ending() -> None:
    history = rows(made.halved())
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
    assert rows(made.searched(trials)).finding == finding


def test_bests_are_the_complete_trials_above_all_before_them_as_the_leaderboard_ranks() -> None:
    trials = [
        made.trial(0, curve=made.curve(0.9, 6)),
        made.trial(1, curve=[0.999]),
        made.with_reports(made.trial(2, curve=made.curve(0.95, 6)), 6, metrics={"val_loss": 0.3}),
        made.trial(3, curve=made.curve(0.9, 6)),
        made.with_reports(made.trial(4, curve=made.curve(0.95, 6)), 6, metrics={"val_loss": 0.2}),
    ]
    study = made.searched(trials[::-1])
    assert [point.number for point in rows(study).bests] == [0, 2, 4]
    assert study.best is not None
    assert study.best.number == 4


def test_without_an_accuracy_there_is_no_history() -> None:
    with pytest.raises(StudyNotFoundError, match="Study conv-0 has no trial with a value yet"):
        rows(made.searched([made.trial(0, curve=[None])]))


def test_marks_lie_at_the_errors_failed_trials_on_the_lower_edge_and_infeasible_ones_nowhere() -> None:
    figure = draw(rows(made.mixed()))
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
    figure = draw(rows(made.searched([*learned, made.trial(3, curve=[0.1])])))
    assert drawn.marks(figure)[-1] == pytest.approx((3, figure.axes[0].get_ylim()[0]))
    assert figure.get_supxlabel().endswith("on the lower edge: 1 below 99.60%")


def test_values_of_another_trainer_are_drawn_as_they_are() -> None:
    history = rows(made.halved_values())
    assert history.finding == "#11, the only complete one of 12 trials, has -0.25"
    assert drawn.marks(draw(history))[0] == pytest.approx((0, -12))
