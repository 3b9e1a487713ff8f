"""The programs to which a search can be logged, by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal, get_args

from search.arguments import check_choice, check_several
from search.errors import UsageError
from search.messages import lacks

TrackerName = Literal["tensorboard", "mlflow"]
"""A program to which a search can be logged: its package and the extra that installs it have the same name."""
_NAMES: tuple[TrackerName, ...] = get_args(TrackerName)


def trackers(names: Sequence[str]) -> tuple[TrackerName, ...]:
    """Return the programs with these names, each once.

    Raises:
        UsageError: there is no such program, or its package is not installed.
    """
    check_several("log", names)
    known = {str(name): name for name in _NAMES}
    for name in names:
        check_choice("log", name, known)
        if find_spec(name) is None:
            raise UsageError(f"{lacks(f'log={name}', f'the package {name}', name)}.")
    return tuple(dict.fromkeys(known[name] for name in names))
