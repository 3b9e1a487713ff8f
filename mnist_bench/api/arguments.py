"""Arguments that several functions take, in every form that they accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mnist_bench.nets import own_net
from mnist_bench.studies.checked import find_trial
from search.arguments import check_several, check_whole
from search.event_log.records import StudyRecord, TrialRecord

T = TypeVar("T")
P = ParamSpec("P")
OwnNetSource = Callable[..., Any] | str | None
"""Your own network: a function or class at the top of a file, or its name; None for the built-in ones."""


def chosen(study: StudyRecord, trial: TrialRecord | int | None) -> TrialRecord:
    """Return the trial of that number, or the best.

    Raises:
        UsageError: it is not a number.
        StudyNotFoundError: see `find_trial`.
    """
    if isinstance(trial, TrialRecord):
        return trial
    if trial is not None:
        check_whole("trial", trial)
    return find_trial(study, trial)


def several(name: str, given: Iterable[T]) -> tuple[T, ...]:
    """Return an argument of several values as a tuple.

    Raises:
        UsageError: it is a single value, such as a text.
    """
    check_several(name, given)
    return tuple(given)


def as_path(path: str | Path | None) -> Path | None:
    """Return an optional path as a `Path`."""
    return None if path is None else Path(path)


def used(net: OwnNetSource) -> str | None:
    """Load your own network, which can be built from then on, and return its name.

    Raises:
        UsageError: it cannot be loaded; the message gives the reason and the place.
    """
    name = own_net.name_of_function(net)
    own_net.load_code(name)
    return name
