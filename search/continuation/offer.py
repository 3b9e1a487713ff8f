"""The offer to keep the trials of a study, in the message that it was made under other conditions."""

from __future__ import annotations

import shlex

from search.continuation.earlier import free_name
from search.continuation.selection import Selection
from search.messages import command_line, number_of, without_option
from search.study.location import StudyLocation

_REPLACED = ("--study-name", "--continue", "--for")
"""Options that the offered command has with other values, or cannot have."""
_TRIALS = ("--trials", "--n-trials", "-n")


def offered(found: Selection, location: StudyLocation, goal: int, typed: str | None) -> str:
    """Return a sentence with the call that begins a new study with trials of one that exists.

    Args:
        found: the trials of that study which lie in the space that is asked for now.
        location: where that study is.
        goal: the trained trials that are asked for.
        typed: the command that was typed; None of a call from Python.

    Raises:
        StorageError: a database cannot be read.
    """
    name, known = free_name(location), location.name
    more = goal if found.given < goal else found.given + goal
    count = f"{len(found.continues.trials):,} of its {number_of(found.trials, 'trial')}"
    if typed is None:
        raised = "" if more == goal else f", trials={more}"
        return f" Or begin a new study with {count}: another name, and continue_from={known!r}{raised}."
    words = shlex.split(typed)
    for option in _REPLACED if more == goal else (*_REPLACED, *_TRIALS):
        words = [*without_option(option, words)]
    words += [] if more == goal else ["--trials", str(more)]
    command = command_line([*words, "--study-name", name, "--continue", known])
    return f"\nOr begin a new study with {count}:\n  {command}"
