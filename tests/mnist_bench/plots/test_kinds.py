"""No study, however odd, ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mnist_bench.plots import style
from mnist_bench.plots.kinds import STUDY_KINDS, picture
from mnist_bench.plots.subject import Subject
from search.errors import SearchError
from search.study.studies import StoredStudy
from support import handmade

STUDIES: dict[str, Callable[[], StoredStudy]] = {
    "empty": lambda: handmade.study([], goal=5),
    "waiting": lambda: handmade.study([handmade.trial(0, periods=0, state="RUNNING")]),
    "one complete": lambda: handmade.study([handmade.trial(0, range(6), params={"optim.lr": 0.01})]),
    "none complete": lambda: handmade.study(
        [handmade.trial(n, range(90), periods=1, params={"optim.lr": 0.01 * (n + 1)}) for n in range(3)]
    ),
    "all infeasible": lambda: handmade.study(
        [handmade.trial(n, periods=0, reason="infeasible") for n in range(2)], goal=2
    ),
    "all crashed": lambda: handmade.study([handmade.trial(n, periods=0, state="FAIL", error="x") for n in range(2)]),
    "texts like formulas": lambda: handmade.study(
        [replace(handmade.trial(n, range(n)), params={"model.$_y": "$\\frac{$"}) for n in range(3)]
    ),
    "no error": lambda: handmade.study([handmade.trial(0)]),
    "errors unknown": lambda: handmade.study(
        [handmade.with_reports(handmade.trial(n, range(n + 1)), metrics={"errors": None}) for n in range(2)]
    ),
    "nothing searched": lambda: handmade.study([handmade.trial(n, range(n)) for n in range(12)]),
    "ended by the machine": handmade.ended_by_machine,
    "mixed": handmade.mixed,
}


def test_there_is_no_picture_of_an_unknown_kind() -> None:
    with pytest.raises(KeyError, match="letters"):
        picture("letters", Subject(study=handmade.mixed()))


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("kind", STUDY_KINDS)
def test_any_study_is_drawn_or_refused_in_one_sentence(kind: str, study: str) -> None:
    subject = Subject(study=STUDIES[study]())
    try:
        with style.styled():
            figure = picture(kind, subject)
            figure.set_dpi(40)
            FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    except SearchError as error:
        reason = str(error)
    else:
        reason = f"{kind} is drawn."
        assert figure.axes
    assert len(reason.splitlines()) == 1
