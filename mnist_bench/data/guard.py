"""Close the test set: an audit hook (PEP 578) refuses every opening of a test file outside of `passage`.

Python calls the hook for every file that is opened by name, whichever library opens it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mnist_bench.errors import ClosedDoorError

TEST_FILE = re.compile(r"(t10k|qmnist-test)-(images|labels)[-.]idx\d-(ubyte|int)(\.gz)?")
"""Whole names of test files, of MNIST and its relatives and of QMNIST; some archives write a dot for the hyphen.

A file whose name only begins like that, such as a picture or a space file, is your own.
"""


class _Door:
    guarded = False
    passing = 0


def close_test_set() -> None:
    """From now on, refuse to open any test file in this process, except through `open_test_set`.

    Python cannot remove an audit hook, so this holds for the life of the process. Calling it again has no effect.
    """
    if not _Door.guarded:
        _Door.guarded = True
        sys.addaudithook(_guard)


@contextmanager
def passage() -> Iterator[None]:
    """Allow test files to be opened inside the block; for `open_test_set` and for downloads only."""
    _Door.passing += 1
    try:
        yield
    finally:
        _Door.passing -= 1


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or _Door.passing:
        return
    path = arguments[0]
    if isinstance(path, str | bytes | os.PathLike) and TEST_FILE.fullmatch(os.path.basename(os.fsdecode(path))):
        raise ClosedDoorError(f"{os.fsdecode(path)}: the test set cannot be read here")
