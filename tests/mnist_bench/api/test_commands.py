"""The commands' names in Python: functions, of which five are packages as well."""

from __future__ import annotations

import inspect
import re
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import mnist_bench
import search
from mnist_bench.api.arguments import attended
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer
from search.errors import Interrupted, UsageError
from support import experiments, handmade

PACKAGES = ("doctor", "export", "leaderboard", "report", "studies")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_with_a_commands_name_is_called_and_imported(name: str) -> None:
    package: Any = import_module(f"mnist_bench.{name}")
    assert isinstance(package, ModuleType)
    assert package is sys.modules[f"mnist_bench.{name}"] is getattr(mnist_bench, name)
    function = package.__wrapped__
    assert function.__module__.startswith("mnist_bench.api.")
    assert package.__doc__ == function.__doc__
    assert inspect.signature(package) == inspect.signature(function)


def test_a_function_says_what_its_options_are_and_shows_their_types_alone() -> None:
    text, signature = mnist_bench.search.__doc__ or "", inspect.signature(mnist_bench.search)
    assert "\n    patience: stop after N trials without improvement.\n" in text
    assert str(signature.parameters["patience"]) == "patience: int | None = None"
    assert {*signature.parameters} == set(re.findall(r"^    (\w+): ", text.partition("Raises:")[0], re.MULTILINE))


def test_sides_are_studies_or_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.studies.open_study", lambda results, name: handmade.mixed(name=name))
    found = mnist_bench.compare(handmade.mixed(), "conv-9")
    assert [side.label for side in found.sides] == ["conv-0", "conv-9"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda: mnist_bench.compare(handmade.mixed()), "compare takes two"),
        (lambda: mnist_bench.leaderboard(handmade.mixed(), top=0), "top="),
        (lambda: mnist_bench.leaderboard(handmade.mixed(), top="all"), "top="),  # type: ignore[arg-type]
        (lambda: mnist_bench.doctor(None, repair=True), "repair=True needs a study"),
        (lambda: mnist_bench.doctor(None, replay=True), "replay=True needs a study"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        asked()


def test_a_study_and_a_trial_of_it_are_shown() -> None:
    study = handmade.mixed()
    assert mnist_bench.show(study) is study
    assert mnist_bench.show(study, 1) is study.trials[1]


@pytest.mark.parametrize(
    ("package", "name", "near"),
    [(mnist_bench, "plt", "plot"), (mnist_bench, "leaderbord", "leaderboard"), (search, "Spce", "Space")],
)
def test_a_mistyped_name_is_answered_with_the_closest(package: Any, name: str, near: str) -> None:
    with pytest.raises(AttributeError, match=rf"has no attribute {name}; did you mean `{near}`\?"):
        getattr(package, name)
    with pytest.raises(AttributeError, match=r"has no attribute zzzz$"):
        _ = package.zzzz


def test_results_read_in_a_few_lines_and_are_tables_in_a_notebook() -> None:
    found, board = experiments.found(), mnist_bench.leaderboard(handmade.mixed())
    for result in (found, board):
        lines = repr(result).splitlines()
        assert 2 <= len(lines) <= 3
        assert max(map(len, lines)) <= 120
        assert "<table><tr><th>" in result._repr_html_()
    assert "#1" in repr(found)
    assert "on the test images (mean of 8 seeds)" in repr(found)
    assert repr(board).splitlines()[2] == f"digest {handmade.mixed().digest}"


def test_an_experiment_asks_the_callers_observer_whether_to_stop_and_ctrl_c_says_that_the_same_call_continues() -> None:
    class Asked(Observer):
        def stopping(self) -> bool:
            return True

    def experiment(asked: Observer | None) -> None:
        with attended(asked, progress=None) as observer:
            if asked is None:
                assert not observer.stopping()
                signal.raise_signal(signal.SIGINT)
            assert observer.stopping()
            raise Stopped

    with pytest.raises(Stopped):
        experiment(Asked())
    with pytest.raises(Interrupted, match="the same call continues"):
        experiment(None)
