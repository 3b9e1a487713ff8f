"""The contract of all kinds: what each module offers, and that no study, however odd, ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import cast

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mnist_bench.plots import style
from mnist_bench.plots.kinds import DATA_KINDS, KINDS, STUDY_KINDS, module_of, picture
from mnist_bench.plots.subject import Subject
from search.errors import SearchError
from search.study.studies import StoredStudy
from support import handmade
from support.handmade_predictions import predictions

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


def timed(study: StoredStudy) -> StoredStudy:
    """Return the study with a place and a time to each report."""
    starts = [(trial, 10.0 * trial.number) for trial in study.trials]
    trials = [handmade.with_reports(trial, worker=trial.number % 2, started=at, handled=at + 9) for trial, at in starts]
    return replace(study, trials=tuple(trials))


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


def test_a_kinds_picture_is_that_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, figure = Subject(study=handmade.mixed()), Figure()
    asked: list[Subject] = []

    def drawn(about: Subject) -> Figure:
        asked.append(about)
        return figure

    monkeypatch.setattr("mnist_bench.plots.study.history.picture", drawn)
    assert picture("history", subject) is figure
    assert asked == [subject]


def captioned(study: StoredStudy, kind: str) -> Figure:
    """Return a kind's picture, of answers made by hand where it shows a net's."""
    if kind in ("confusion", "mistakes"):
        found = predictions([(4, 9, 0.51 + row / 100) for row in range(41)], study=study.name, recorded_errors=2)
        module = module_of(kind)
        return cast("Figure", module.draw(module.rows(found)))
    return picture(kind, Subject(study=study))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["confusion", "history", "mistakes", "pareto", "timeline"])
def test_no_caption_is_cut_off_however_long_the_studys_name(kind: str) -> None:
    study = timed(handmade.mixed(name="study-of-digits-" * 4))
    with style.styled():
        figure = captioned(study, kind)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        texts = [text for text in figure.texts if text.get_text()]
        right = [text.get_window_extent(canvas.get_renderer()).x1 for text in texts]  # type: ignore[no-untyped-call]
    assert f"study {study.name}" in figure.get_supxlabel()
    assert len(right) >= 2
    assert max(right) <= figure.bbox.width


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
