"""Closing the test set: an audit hook (PEP 578) that refuses every opening of a test file outside a passage."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mnist_bench.errors import ClosedDoorError

MARKS = ("t10k-", "qmnist-test-")
"""How names of test files start."""


class _Door:
    guarded = False
    passing = 0


def close_test_set() -> None:
    """Make every opening of a test file fail from now on in this process, except by `open_test_set`.

    The audit hook (PEP 578) stays for the life of the process; closing twice is the same as once.
    """
    if not _Door.guarded:
        _Door.guarded = True
        sys.addaudithook(_guard)


@contextmanager
def passage() -> Iterator[None]:
    """Let test files be opened within the block; for `open_test_set` and the download only."""
    _Door.passing += 1
    try:
        yield
    finally:
        _Door.passing -= 1


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or _Door.passing:
        return
    path = arguments[0]
    if isinstance(path, str | bytes | os.PathLike) and os.path.basename(os.fsdecode(path)).startswith(MARKS):
        raise ClosedDoorError(f"{os.fsdecode(path)}: the test set is closed here")
