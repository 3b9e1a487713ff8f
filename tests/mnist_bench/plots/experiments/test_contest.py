from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.experiments.contest.trace import Entrant
from mnist_bench.plots.experiments.contest import draw, rows
from search.errors import StudyNotFoundError
from support.handmade_contest import RANDOM, TPE_ASHA, TWICE, clear, close, contest, finals, trace


def test_a_line_is_the_mean_over_the_seeds_from_where_all_have_a_complete_trial() -> None:
    early, late = trace((2.0, 0.9), (5.0, 0.96), spent=10), trace((4.0, 0.94), spent=10)
    (line, _) = rows(contest({RANDOM: [early, late], TWICE: [early, late]})).drawn
    assert line.name == "random"
    assert line.spent.tolist() == pytest.approx(np.arange(40, 101) / 10)
    assert line.mean.tolist() == pytest.approx([0.92] * 10 + [0.95] * 51)
    assert line.error.tolist() == pytest.approx([0.02] * 10 + [0.01] * 51)  # half of the distance of two


def test_the_heading_says_the_finding_and_the_remarks_on_what() -> None:
    figure = draw(rows(clear()))
    assert figure.get_suptitle() == "tpe + asha finds 1.00 points more than random at the same budget"
    assert figure.get_supxlabel().splitlines() == [
        "space mini: 4 seeds, the same for all; 1,000 validation images · bands: one standard error",
        "random ×2 has spent 2 times what the axis says",
    ]


def test_lines_lie_at_the_errors_and_double_budget_is_dashed() -> None:
    (axes,) = draw(rows(close())).axes
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["tpe + asha", "random", "random ×2"]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-", "--"]
    assert [np.asarray(line.get_ydata())[-1] for line in axes.lines] == pytest.approx([1.8, 5.6 / 3, 1.8])
    assert axes.get_xlim() == (0, 10)


def test_of_many_the_first_and_the_best_are_drawn() -> None:
    many = [Entrant(sampler=f"s{number}", pruner="none") for number in range(9)]
    bests = {one: [0.9 + number / 100] * 2 for number, one in enumerate(many)}
    found = rows(finals({**bests, TWICE: [0.9, 0.9]}))
    assert [line.name for line in found.drawn] == ["s0", "s4", "s5", "s6", "s7", "s8", "random ×2"]
    assert found.left_out == 3
    assert "3 of lower rank left out" in draw(found).get_supxlabel()


def test_without_a_complete_trial_there_is_no_picture() -> None:
    failed = [trace((2, 0.9)), trace((30, 0.9))]
    found = rows(contest({TPE_ASHA: failed, TWICE: [trace((2, 0.9))] * 2}))
    assert ([line.name for line in found.drawn], found.incomplete) == (["random ×2"], ("tpe + asha",))
    assert "tpe + asha: no complete trial with some seed" in draw(found).get_supxlabel()
    with pytest.raises(StudyNotFoundError, match="No way of searching completed a trial with every seed"):
        rows(contest({TPE_ASHA: failed, TWICE: failed}))
