"""Which defaults are in force, and where they are set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mnist_bench.doctor.diagnostic import Diagnostic, ok
from search.defaults import DEFAULTS, in_force


def examine(results: Path) -> Iterator[Diagnostic]:
    """Yield the value of each default and its source, as this command has them.

    Raises:
        UsageError: the value of one is wrong; see `search.defaults.in_force`.
    """
    given = {"results": results}
    for default in DEFAULTS:
        known = in_force(default)
        value = given.get(default.name, known)
        source = default.source if value == known else f"--{default.name}"
        yield ok("defaults", f"{default.name}: {default.words(value)} ({source}).")
