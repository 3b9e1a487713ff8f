from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from mnist_bench.plots.study.parameters import Parameter
from mnist_bench.plots.study.slices import contrast, draw, rows
from mnist_bench.plots.study.trials import Compared, TrialComparison
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.space.ranges import Choice, FloatRange
from search.strategies.importance import Importance
from support import handmade_search as made, handmade_values

pytestmark = pytest.mark.slow

LR = Parameter(path="optim.lr", label="lr", distribution=FloatRange(0, 1))
KIND = Parameter(path="model.kind", label="kind", distribution=Choice(("a", "b", [8])))


def comparison(path: str, values: list[Any]) -> TrialComparison:
    """Return trials with these values of a parameter, the best first; no parameter where the value is missing."""
    trials = [
        Compared(number=n, params={} if value is ... else {path: value}, value=0.9 - n / 100, complete=False)
        for n, value in enumerate(values)
    ]
    return TrialComparison(study="conv-0", done=1, trials=tuple(trials), best=None)


def decided_by_lr() -> StudyRecord:
    """Return a study of 32 trials, of which #3 alone is complete, in which accuracy follows lr."""
    params = [{**made.params(n), "optim.lr": 10 ** (-4 + 2 * n / 31)} for n in range(32)]
    return made.study(
        [made.trial(n, made.curve(0.9 + n / 1000, 6 if n == 3 else 1), params=params[n]) for n in range(32)]
    )


def titles(figure: Figure) -> list[str]:
    return [axes.get_title("left") or axes.get_title() for axes in figure.axes if axes.get_visible()]


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ([0.5, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], "a higher lr: 0.4 in the median, 0.1 in all"),
        ([0.1, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], "a lower lr: 0.1 in the median, 0.3 in all"),
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3], "the lr of all in the median: 0.1"),
    ],
)
def test_the_heading_compares_medians_of_numbers(values: list[Any], finding: str) -> None:
    assert contrast(LR, comparison("optim.lr", values)) == f"the best quarter of trials has {finding}"


def test_the_heading_says_when_the_best_have_no_such_parameter() -> None:
    values = [..., ..., 0.1, 0.1, 0.1, ..., ..., ...]
    assert contrast(LR, comparison("optim.lr", values)) == "none of the best 2 trials has lr, 3 of all 8 have"


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        (
            ["a", "b", "b", "a", "a", "a", "a", "b", [8], [8], [8], "a"],
            "2 of the best 3 trials have kind b, 3 of all 12",
        ),
        (
            ["a", [8], "a", "a", "a", "a", "a", "a", "a", "a", "b", "a"],
            "1 of the best 3 trials has kind [8], 1 of all 12",
        ),
    ],
)
def test_the_heading_names_the_option_that_gains_most(values: list[Any], finding: str) -> None:
    assert contrast(KIND, comparison("model.kind", values)) == finding


def test_the_most_important_parameter_comes_first_and_makes_the_heading() -> None:
    slices = rows(decided_by_lr())
    assert slices.parameters[0].label == "lr"
    assert slices.outstanding >= 1
    assert slices.finding == (
        "After 1 epoch, the best quarter of trials has a higher lr: 0.00596 in the median, 0.001 in all"
    )
    assert slices.comparison.done == 1


def test_parameters_that_stand_out_come_before_more_important_ones_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = [
        Importance(path="optim.momentum", share=0.5, chance=0.6),
        Importance(path="model.batchnorm", share=0.3, chance=0.1),
        Importance(path="optim.lr", share=0.2, chance=0.1),
    ]
    monkeypatch.setattr("mnist_bench.plots.study.slices.measure", lambda study, comparison: measured)
    slices = rows(decided_by_lr())
    assert [found.label for found in slices.parameters[:3]] == ["batchnorm", "lr", "momentum"]
    assert slices.outstanding == 2


@pytest.mark.parametrize(
    ("count", "finding"),
    [
        (1, "A single trial shows nothing about its parameters"),
        (9, "9 trials are too few to show which parameter matters"),
        (12, "After 1 epoch, no parameter sets the best quarter of 12 trials apart more than chance would"),
    ],
)
def test_headings_where_nothing_can_be_told(count: int, finding: str) -> None:
    trials = [made.trial(n, [0.97], params=made.params(n)) for n in range(count)]
    assert rows(made.study(trials)).finding == finding


def test_few_trials_keep_the_order_of_the_space() -> None:
    labels = [parameter.label for parameter in rows(made.halved()).parameters]
    assert labels == ["batchnorm", "hidden_layers", "hidden_units", "lr", "momentum"]


def test_a_study_without_parameters_has_no_slices() -> None:
    with pytest.raises(StudyNotFoundError, match="no trial with a searched parameter"):
        rows(made.study([made.trial(0, [0.9])]))


def test_a_panel_a_parameter_with_a_mark_for_each_trial_that_has_it() -> None:
    figure = draw(rows(made.halved()))
    assert titles(figure) == ["batchnorm", "hidden_layers", "hidden_units  (4)", "lr", "momentum"]
    counts = [sum(len(np.asarray(found.get_offsets())) for found in axes.collections) for axes in figure.axes[:5]]
    assert counts == [9, 9, 4, 9, 9]
    assert [axes.get_xscale() for axes in figure.axes[:5]] == ["linear", "linear", "log", "log", "linear"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["none", "before", "after"]
    assert figure.get_supylabel() == "validation accuracy after 1 epoch (%, log of the error)"
    assert "large diamond: #8" in figure.get_supxlabel()
    assert "in brackets: trials that have the parameter" in figure.get_supxlabel()


def test_names_that_do_not_fit_are_slanted_and_whole_and_marks_at_the_ends_are_too() -> None:
    norms = {"choice": ["none", "before_activation", "after_activation", "after_pool"]}
    share = {"float": [0, 1]}
    sections = {"model": {"batchnorm": norms, "a": share, "b": {"float": [1, 100], "log": True}, "c": share}}
    params = {"model.batchnorm": "none", "model.a": 1.0, "model.b": 100.0, "model.c": 0.5}
    trials = [replace(made.trial(0, [0.9]), params=params)]
    figure = draw(rows(made.study(trials, sections)))
    names = figure.axes[0].get_xticklabels()
    assert [name.get_text() for name in names] == ["none", "before", "after", "after_pool"]
    assert {name.get_rotation() for name in names} == {30}
    assert figure.axes[1].get_xlim() == pytest.approx((-0.05, 1.05))
    assert figure.axes[2].get_xlim() == pytest.approx((100**-0.05, 100**1.05))


def test_many_levels_are_drawn_on_their_scale_and_few_as_options() -> None:
    sections = {
        "optim": {
            "lr": {"levels": [10.0**power for power in range(-7, 0)], "log": True},
            "momentum": {"levels": [0.0, 0.5, 0.9]},
        }
    }
    trials = [replace(made.trial(0, [0.9]), params={"optim.lr": 1e-4, "optim.momentum": 0.9})]
    many, few = draw(rows(made.study(trials, sections))).axes
    assert many.get_xscale() == "log"
    assert many.get_xlim() == pytest.approx((1e-7 / 10**0.3, 0.1 * 10**0.3))
    assert np.asarray(many.collections[0].get_offsets())[0][0] == pytest.approx(1e-4)
    assert [label.get_text() for label in few.get_xticklabels()] == ["0.0", "0.5", "0.9"]


def test_marks_lie_at_the_value_and_the_error() -> None:
    lr = draw(rows(made.halved())).axes[3]
    places = sorted(tuple(place) for found in lr.collections for place in np.asarray(found.get_offsets()))
    assert [x for x, _ in places] == pytest.approx([10 ** (-4 + n / 4) for n in range(9)])
    assert [y for _, y in places] == pytest.approx([10, 9, 8, 7, 6, 5, 4, 3, 2])


def test_options_have_the_median_of_their_trials() -> None:
    panel = draw(rows(made.halved())).axes[0]
    assert [np.asarray(line.get_ydata())[0] for line in panel.lines] == pytest.approx([7, 6, 5])


def test_at_most_sixteen_panels() -> None:
    names = [f"p{n}" for n in range(20)]
    sections = {"model": {name: {"float": [0, 1]} for name in names}}
    trial = replace(made.trial(0, [0.9]), params={f"model.{name}": 0.5 for name in names})
    figure = draw(rows(made.study([trial], sections)))
    assert len(titles(figure)) == 16
    assert "4 less important parameters left out" in figure.get_supxlabel()


def test_a_dollar_in_an_option_is_drawn_as_it_is() -> None:
    sections = {"model": {"kind": {"choice": ["$x_1$", "$"]}}}
    trial = replace(made.trial(0, [0.9]), params={"model.kind": "$x_1$"})
    figure = draw(rows(made.study([trial], sections)))
    assert not any(label.get_parse_math() for label in figure.axes[0].get_xticklabels())


def test_slices_of_another_trainer_have_its_values() -> None:
    slices = rows(handmade_values.halved())
    assert slices.finding.startswith("After 1 report, ")
    figure = draw(slices)
    assert titles(figure) == [parameter.label for parameter in slices.parameters]
    assert figure.get_supylabel() == "value after 1 report\n(higher is better)"
