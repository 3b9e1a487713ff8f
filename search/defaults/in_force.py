"""The values in force without an option: of the environment, else of pyproject.toml, else the defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from search.defaults.declared import DECLARED, RESULTS, Declared, T
from search.defaults.pyproject_file import section
from search.errors import UsageError
from search.messages import show


@dataclass(frozen=True, kw_only=True)
class InForce(Generic[T]):
    """A value, and where it is from."""

    value: T
    source: str
    """A variable, a place `pyproject.toml:12`, or "default"."""


def in_force(declared: Declared[T]) -> InForce[T]:
    """Return the value of a default that a command or function uses without an option or argument.

    Raises:
        UsageError: the value in the environment or in pyproject.toml is wrong, or the section there has another fault.
    """
    # An empty variable counts as not set: `MNIST_BENCH_WORKERS= mnist-bench ...` unsets it for one command.
    if text := os.environ.get(declared.variable):
        value = declared.of_text(text)
        if value is None:
            raise UsageError(f"{declared.variable}={show(text)}: give {declared.expected}.")
        return InForce(value=value, source=declared.variable)
    found = section([each.name for each in DECLARED])
    if found is None or declared.name not in found.values:
        return InForce(value=declared.default, source="default")
    place, given = found.place(declared.name), found.values[declared.name]
    value = declared.of_file(given, found.file.parent)
    if value is None:
        shown = "" if declared.name == "storage" else f" {show(given)}"  # which may hold a password
        raise UsageError(f"{place}: {declared.name}{shown}: give {declared.expected}.")
    return InForce(value=value, source=place)


def results_in_force(given: str | Path | None = None) -> Path:
    """Return the folder of studies that is given, or else the one in force; errors as in `in_force`."""
    return in_force(RESULTS).value if given is None else Path(given)
