"""The contract of all kinds: what each module offers, and that no study, however odd, ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import signature

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mnist_bench.plots import style
from mnist_bench.plots.kinds import DATA_KINDS, KINDS, STUDY_KINDS, module_of, picture
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
    "nothing searched": lambda: handmade.study([handmade.trial(n, range(n)) for n in range(12)]),
    "ended by the machine": handmade.ended_by_machine,
    "mixed": handmade.mixed,
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_rows_a_drawing_and_a_picture(kind: str) -> None:
    module = module_of(kind)
    assert module.__doc__
    assert all(callable(getattr(module, name)) for name in ("rows", "draw", "picture"))
    assert module.rows.__doc__
    assert module.draw.__doc__


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].half])
def test_the_picture_of_a_kind_for_half_a_page_takes_a_width(kind: str) -> None:
    assert "width" in signature(module_of(kind).picture).parameters


def test_each_kind_shows_something_else() -> None:
    assert (*STUDY_KINDS, *DATA_KINDS) == tuple(KINDS)
    assert len({kind.shows for kind in KINDS.values()}) == len(KINDS)


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
