"""Which defaults are in force, and where they are set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mnist_bench.doctor.diagnostic import Diagnostic, note, ok
from search import defaults
from search.defaults import DECLARED, in_force


def examine(results: Path, storage: str | None) -> Iterator[Diagnostic]:
    """Yield the value of each default and its source, as this command has them.

    Raises:
        UsageError: the value of one is wrong; see `search.defaults.in_force`.
    """
    given = {"results": results, "storage": storage}
    for declared in DECLARED:
        known = in_force(declared)
        value = given.get(declared.name, known.value)
        is_given = value != known.value
        shown = declared.words(value)
        yield ok("defaults", f"{declared.name}: {shown} ({f'--{declared.name}' if is_given else known.source}).")
    for file in defaults.not_used():
        yield note("defaults", f"{file} belongs to another user, so its [tool.mnist-bench] is not used.")
