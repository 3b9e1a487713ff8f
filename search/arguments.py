"""Checks of keyword arguments; calls from Python pass no option parser.

Every `check_...` raises UsageError, which names the argument, if the value is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Any, TypeGuard

from search.errors import UsageError
from search.messages import MAX_LENGTH, did_you_mean, listing, on_one_line, shortened

MAX_SEED = 2**32 - 1
MAX_BUDGET = 10**9  # trials of a search
CONCURRENT_TRIALS = 8  # of a search, unless another number is given


def _refusal(name: str, value: Any, right: str) -> UsageError:
    """Return the error that a value is wrong; `right` describes what would be right."""
    return UsageError(f"{name}={_spelt(value)}: give {right}.")


def _spelt(value: Any) -> str:
    return shortened(on_one_line(repr(value)), MAX_LENGTH)


def check_count(name: str, value: Any, most: int | None = None, *, least: int = 1) -> None:
    """Check that an argument is an integer from `least` to `most`."""
    if type(value) is not int or value < least or (most is not None and value > most):
        fitting = f"of at least {least}" if most is None else f"from {least} to {most:,}"
        raise _refusal(name, value, f"an integer {fitting}")


def check_whole(name: str, value: Any) -> None:
    """Check that an argument is an integer."""
    if type(value) is not int:
        raise _refusal(name, value, "an integer")


def check_seed(name: str, value: Any) -> None:
    """Check that an argument is a seed that the commands take, too: an integer from 0 to 4,294,967,295."""
    check_count(name, value, MAX_SEED, least=0)


def check_seconds(name: str, value: Any) -> None:
    """Check that an argument is a number of seconds, from 0 up to infinity."""
    if not is_number(value) or not value >= 0:  # nor nan, which is not below 0 either
        raise _refusal(name, value, "seconds, a number of at least 0")


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a number, which includes NumPy's floats and excludes truth values."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Check that an argument is one of the known names."""
    if value not in known:
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        raise UsageError(f"{name}={_spelt(value)}: give {listing(known)}{near or '.'}")


def check_text(name: str, value: Any, what: str) -> None:
    """Check that an argument is a text; `what` describes it."""
    if not isinstance(value, str):
        raise _refusal(name, value, what)


def check_utf8(name: str, *values: Any) -> None:
    """Check that texts and paths are UTF-8, like all that is stored; other values pass."""
    for value in values:
        try:
            if isinstance(value, str | PurePath):
                str(value).encode()
        except UnicodeEncodeError:
            message = f"{name}={_spelt(str(value))}: the name is not UTF-8, as all that a study keeps has to be."
            raise UsageError(message) from None


def check_several(name: str, value: Any) -> None:
    """Check that an argument is a list-like collection, not a single value: a text would be read letter by letter."""
    if isinstance(value, str | bytes | Mapping | PurePath) or not isinstance(value, Iterable):
        raise _refusal(name, value, "a list of them, [...]")
