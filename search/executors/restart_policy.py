"""When workers are started, and how often they may fail to."""

from __future__ import annotations

import time
from collections.abc import Iterable

from search.arguments import check_count
from search.errors import WorkerError

MAX_BACK_OFF = 10.0
"""Seconds between two starts of workers that do not come up."""
MAX_START = 600.0
"""Seconds after which a worker that has not greeted is taken for hung. Long, for it imports
PyTorch and loads its data before."""
MAX_STARTS = 5
"""Starts in a row without a greeting, for each worker, before the search gives up."""


class RestartPolicy:
    """The starts of a number of workers, known by an index each."""

    def __init__(self, workers: int) -> None:
        """Note the number, which is to be 1 or more: without a worker, a search would wait for ever.

        Raises:
            UsageError: it is less, or no whole number.
        """
        check_count("workers", workers)
        self._workers = workers
        self._failed = 0
        self._next = 0.0

    def due(self, taken: Iterable[int]) -> list[int]:
        """Return the indices for which a worker is to be started now; those taken have one."""
        # One pause for all workers: what keeps one from starting (a full disk, no memory) keeps the others, too.
        return sorted(set(range(self._workers)).difference(taken)) if time.monotonic() >= self._next else []

    def succeeded(self) -> None:
        """Note that a worker came up."""
        self._failed = 0  # of all, though one came up: the machine can start workers

    def failed(self, sentence: str) -> None:
        """Note that one did not, and wait longer with the next.

        Raises:
            WorkerError: too many have not; with the sentence, which says why.
        """
        self._failed += 1
        if self._failed >= MAX_STARTS * self._workers:
            raise WorkerError(sentence)
        self._next = time.monotonic() + min(MAX_BACK_OFF, 0.1 * 2.0 ** min(self._failed, 10))
