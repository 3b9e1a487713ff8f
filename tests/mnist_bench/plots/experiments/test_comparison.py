from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.comparison.comparison import Comparison, compare, compare_sides
from mnist_bench.comparison.sides import side_of
from mnist_bench.plots.drawing import draw_comparison
from mnist_bench.plots.experiments.comparison import rows
from search.errors import StudyNotFoundError
from support import handmade, handmade_values


def of_trials() -> Comparison:
    study, sides = handmade.mixed(), []
    for number in (0, 2):
        trial = study.trials[number]
        own = tuple(replace(report, weights=f"{number}") for report in trial.reports)
        side = side_of(replace(study, trials=(replace(trial, reports=own),)), Path("results"))
        sides.append(replace(side, label=f"conv-0/{number}", is_study=False))
    return compare_sides(sides)


def test_studies_are_steps_over_the_cost() -> None:
    drawn = rows(compare([handmade.mixed(), replace(handmade.mixed(), name="b")], Path("results")))
    assert [line.label for line in drawn.lines] == ["conv-0", "b"]
    assert drawn.lines[0].values[-1] == 0.995
    assert drawn.lines[0].end >= drawn.lines[0].at[-1]
    assert (drawn.steps, drawn.across) == (True, "cost of training (s, estimated)")


def test_runs_are_curves_over_their_periods() -> None:
    drawn = rows(of_trials())
    assert [line.at for line in drawn.lines] == [(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)] * 2
    assert (drawn.steps, drawn.finding) == (False, "conv-0/0 is significantly better than conv-0/2")


def test_values_have_an_axis_of_their_own() -> None:
    made = handmade_values.study([handmade_values.trial(0, [0.1, 0.2, 0.3, 0.4])])
    compared = compare([made, replace(made, name="ridge-1")], Path("results"))
    assert rows(compared).axis.label().startswith("value")
    assert draw_comparison(compared).error is None


def test_a_study_without_a_complete_trial_has_no_plot() -> None:
    empty = handmade.study([handmade.trial(0, state="PRUNED", periods=1)], name="b")
    with pytest.raises(StudyNotFoundError, match="There is no plot of this comparison"):
        rows(compare([handmade.mixed(), empty], Path("results")))


def test_both_forms_are_drawn(tmp_path: Path) -> None:
    for name, compared in (
        ("trials", of_trials()),
        ("studies", compare([handmade.mixed(), replace(handmade.mixed(), name="b")], Path("results"))),
    ):
        (tmp_path / name).mkdir()
        picture = draw_comparison(compared, tmp_path / name)
        assert picture.error is None
        assert [file.name for file in picture.files] == ["comparison.png", "comparison.svg"]
