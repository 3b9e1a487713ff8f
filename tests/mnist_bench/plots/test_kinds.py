"""The contract of all kinds: what each module offers, and that no study, however odd, ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import handmade
from mnist_bench.cli.plot import ALL_KINDS, DATA_KINDS
from mnist_bench.plots import style
from mnist_bench.plots.kinds import KINDS, picture
from mnist_bench.plots.subject import Subject
from search.errors import SearchError
from search.records import StudyRecord

STUDIES: dict[str, Callable[[], StudyRecord]] = {
    "empty": lambda: handmade.study([], goal=5),
    "waiting": lambda: handmade.study([handmade.trial(0, periods=0, state="RUNNING")]),
    "one complete": lambda: handmade.study([handmade.trial(0, range(6), params={"optim.lr": 0.01})]),
    "none complete": lambda: handmade.study(
        [handmade.trial(n, range(90), periods=1, state="PRUNED", params={"optim.lr": 0.01 * (n + 1)}) for n in range(3)]
    ),
    "all infeasible": lambda: handmade.study(
        [handmade.trial(n, periods=0, state="PRUNED", reason="infeasible") for n in range(2)], goal=2
    ),
    "all crashed": lambda: handmade.study([handmade.trial(n, periods=0, state="FAIL", error="x") for n in range(2)]),
    "texts like formulas": lambda: handmade.study(
        [replace(handmade.trial(n, range(n)), params={"model.$_y": "$\\frac{$"}) for n in range(3)]
    ),
    "nothing searched": lambda: handmade.study([handmade.trial(n, range(n)) for n in range(12)]),
    "mixed": handmade.mixed,
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_rows_a_drawing_and_a_picture(kind: str) -> None:
    module = import_module(f"mnist_bench.plots.{kind}")
    assert module.__doc__
    assert all(callable(getattr(module, name)) for name in ("rows", "draw", "picture"))
    assert module.rows.__doc__
    assert module.draw.__doc__


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_each_kind_of_the_data_has_rows_and_a_drawing(kind: str) -> None:
    module = import_module(f"mnist_bench.plots.{kind}")
    assert module.rows.__doc__
    assert module.draw.__doc__


def test_names_and_what_they_show_are_told_apart() -> None:
    assert len(ALL_KINDS) == len(KINDS) + len(DATA_KINDS)
    assert len({*ALL_KINDS.values()}) == len(ALL_KINDS)


def test_there_is_no_picture_of_an_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="digits"):
        picture("digits", Subject(study=handmade.mixed(), folder=tmp_path))


def test_a_kinds_picture_is_that_of_its_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    subject, figure = Subject(study=handmade.mixed(), folder=tmp_path), Figure()
    asked: list[Subject] = []
    monkeypatch.setattr("mnist_bench.plots.distortions.picture", lambda about: asked.append(about) or figure)
    assert picture("distortions", subject) is figure
    assert asked == [subject]


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_study_is_drawn_or_refused_in_one_sentence(kind: str, study: str, tmp_path: Path) -> None:
    subject = Subject(study=STUDIES[study](), folder=tmp_path)
    try:
        (file,) = style.save(lambda: picture(kind, subject), tmp_path / kind, ["png"])
    except SearchError as error:
        reason = str(error)
    else:
        reason = f"{file.name} is drawn."
        assert file.stat().st_size > 5000
    assert len(reason.splitlines()) == 1
