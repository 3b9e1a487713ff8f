from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.plots import style
from mnist_bench.plots.experiments.contest import draw, rows
from search.errors import StudyNotFoundError
from support.handmade_contest import RANDOM, TPE_ASHA, TWICE, clear, close, contest, finals, trace


def test_a_line_is_the_mean_error_over_the_seeds() -> None:
    early, late = trace((2.0, 0.1), (5.0, 0.04)), trace((4.0, 0.06))
    (panel,) = rows([contest({RANDOM: [early, late], TWICE: [early, late]})]).panels
    line, _ = panel.lines
    assert line.name == "random"
    assert line.curve.mean.tolist() == pytest.approx([0.9] * 19 + [0.5] * 20 + [0.08] * 10 + [0.05] * 51)
    assert line.curve.error.tolist()[-1] == pytest.approx(0.01)  # half of the distance of two


def test_the_heading_says_the_finding_and_the_remarks_on_what() -> None:
    figure = draw(rows([clear(develops=True)]))
    assert figure.get_suptitle() == "tpe + asha ends 1.00 percentage points lower than random at the same budget"
    assert figure.get_supxlabel().splitlines() == [
        "handmade: 4 seeds, the same for all; 20,000 unseen images · bands: one standard error",
        "random ×2 has spent 2 times the budget on the axis",
        "Searches were replayed over one table: intervals apply to this table, not to other data.",
        "Selected configurations are scored with the seed that the search saw: good for "
        "development, but not evidence for a claim.",
    ]


def test_lines_lie_at_the_errors_the_fewest_at_the_bottom_and_double_budget_is_dashed() -> None:
    figure = draw(rows([close()]))
    (axes,) = figure.axes
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["random", "random ×2", "tpe + asha"]  # as they end
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--", "-"]
    assert [np.asarray(line.get_ydata())[-1] for line in axes.lines] == pytest.approx([5.6 / 3, 5.56 / 3, 1.8])
    assert axes.get_xlim() == (0, 10)
    low, high = axes.get_ylim()
    assert low < 1.8 < 10 < high < 50  # the guesses before the first choice are outside
    assert {tick.get_text() for tick in axes.get_yticklabels()} & {"2", "5", "10"}


def test_the_best_there_is_is_a_faint_line_with_a_band() -> None:
    (axes,) = draw(rows([clear(reference=(0.0135, 0.0004))])).axes
    assert [text.get_text() for text in axes.texts] == ["the best there is"]
    assert axes.lines[0].get_color() == style.FAINT
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == pytest.approx([1.35, 1.35])
    assert axes.get_ylim()[0] < 1.35


def test_of_many_the_first_and_the_best_are_drawn() -> None:
    many = [Entrant(sampler=f"s{number}") for number in range(9)]
    errors = {one: [0.1 - number / 100] * 2 for number, one in enumerate(many)}
    found = rows([finals({**errors, TWICE: [0.1, 0.1]})])
    assert [line.name for line in found.panels[0].lines] == ["s0", "s4", "s5", "s6", "s7", "s8", "random ×2"]
    assert found.left_out == 3
    assert "3 of lower rank left out" in draw(found).get_supxlabel()


def test_several_tasks_have_a_panel_each_and_an_entrant_has_one_colour() -> None:
    found = rows([clear(task="a"), finals({RANDOM: [0.02] * 3, TPE_ASHA: [0.03] * 3}, task="b"), close(task="c")])
    figure = draw(found)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == ["a", "b", "c"]
    colours = [{line.get_label(): line.get_color() for line in axes.lines} for axes in shown]
    assert len({one["random"] for one in colours}) == 1
    assert found.looks["random"] != found.looks["tpe + asha"]
    assert figure.get_supxlabel().startswith("a, b, c: 3 to 4 seeds, the same for all; 20,000 unseen images")


ALONE = Entrant(method="first_period")


def test_few_lines_are_named_in_their_panels() -> None:
    figure = draw(rows([clear(), finals({RANDOM: [0.02, 0.03], ALONE: [0.01, 0.01]})]))
    legends = [axes.get_legend() for axes in figure.axes]
    named = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend is not None]
    assert figure.legends == []
    assert "first period, then the best" not in named[0]
    assert set(named[1]) == {"random", "first period, then the best"}


def test_many_lines_are_named_once_who_is_on_one_panel_alone_too() -> None:
    many = {Entrant(sampler=f"s{number}"): [0.1 - number / 100] * 2 for number in range(4)}
    (legend,) = draw(rows([finals(many), finals({**many, ALONE: [0.01, 0.01]})])).legends
    assert [text.get_text() for text in legend.get_texts()][-1] == "first period, then the best"


def test_without_a_choice_there_is_no_picture() -> None:
    failed = [trace((2.0, 0.1)), trace()]
    found = rows([contest({TPE_ASHA: failed, TWICE: [trace((2.0, 0.1))] * 2})])
    assert found.panels[0].incomplete == ("tpe + asha",)
    assert "tpe + asha: no choice with some seed" in draw(found).get_supxlabel()
    with pytest.raises(StudyNotFoundError, match="No search selected a configuration within its budget"):
        rows([contest({TPE_ASHA: [trace()], TWICE: [trace()]})])
