"""Defaults that a user sets once, in environment variables. None of them changes a result or a digest."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from search.errors import UsageError
from search.messages import show

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)  # with slots Python refuses Default[Path](...)
class Default(Generic[T]):
    """A default that a user can set."""

    name: str  # the option without its dashes
    variable: str
    built_in: T  # the value if the variable is not set
    expected: str  # the possible values, for messages
    of_text: Callable[[str], T | None]  # returns the value that the variable's text names; None if it names none
    words: Callable[[T], str] = str  # returns a value as `doctor` shows it

    @property
    def source(self) -> str:
        """Where the value in force is from: the variable, or "default"."""
        # An empty variable counts as not set: `MNIST_BENCH_WORKERS= mnist-bench ...` unsets it for one command.
        return self.variable if os.environ.get(self.variable) else "default"


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 else None


RESULTS = Default[Path](
    name="results",
    variable="MNIST_BENCH_RESULTS",
    built_in=Path("results"),
    expected='a folder, such as "runs"',
    of_text=Path,
)
WORKERS = Default[int | None](
    name="workers",
    variable="MNIST_BENCH_WORKERS",
    built_in=None,
    expected="a whole number of at least 1",
    of_text=_count,
    words=lambda count: "one per core, or one on a GPU" if count is None else str(count),
)
DEFAULTS: tuple[Default[Any], ...] = (RESULTS, WORKERS)


def in_force(default: Default[T]) -> T:
    """Return the value that a command or function uses without an option or argument.

    Raises:
        UsageError: the value in the environment is wrong.
    """
    if default.source == "default":
        return default.built_in
    text = os.environ[default.variable]
    value = default.of_text(text)
    if value is None:
        raise UsageError(f"{default.variable}={show(text)}: give {default.expected}.")
    return value


def results_in_force(given: str | Path | None = None) -> Path:
    """Return the folder of studies that is given, or else the one in force; errors as in `in_force`."""
    return in_force(RESULTS) if given is None else Path(given)
