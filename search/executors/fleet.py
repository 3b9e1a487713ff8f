"""A fixed number of workers: how they are started and replaced, and how often that may fail."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from search.arguments import check_count
from search.differences import same_bits
from search.errors import SearchError, WorkerError
from search.executors.protocol import Executor

MAX_BACK_OFF = 10.0
"""Seconds between two starts of workers that do not come up."""
MAX_START = 600.0
"""Seconds after which a worker that has not greeted counts as hung. Many, because it imports PyTorch and loads its data
before."""
MAX_STARTS = 5
"""Starts in a row without a greeting, for each worker, after which the search stops."""


class _Numbered(Protocol):
    index: int


W = TypeVar("W", bound=_Numbered)
"""An executor's workers."""


class Fleet(Executor, Generic[W]):
    """The part that executors with several workers share; a worker that is lost is replaced, with back-off."""

    def __init__(self, workers: int) -> None:
        """Start nothing yet.

        Raises:
            UsageError: there is to be no worker, so that a search would wait for ever.
        """
        check_count("workers", workers)
        self.workers = workers
        self._workers: list[W] = []
        self._numerics: Mapping[str, Any] | None = None
        """Those of the worker that was the first to greet."""
        self._failure: SearchError | None = None
        """The error that ends the search, once all earlier outcomes have been handed on."""
        self._failed_starts = 0
        self._next_start = 0.0

    @abstractmethod
    def _new_worker(self, index: int) -> W:
        """Start a worker that takes this place among all workers."""

    @abstractmethod
    def _let_go(self, worker: W) -> None:
        """End a worker; another one will take its place."""

    def _replenish(self) -> None:
        """Start a worker for each place without one."""
        # One pause for all workers: a cause that keeps one from starting (a full disk, no memory) keeps the others,
        # too.
        if time.monotonic() >= self._next_start:
            taken = {worker.index for worker in self._workers}
            for index in sorted(set(range(self.workers)) - taken):
                self._workers.append(self._new_worker(index))

    def _greeted(self, numerics: Mapping[str, Any], otherwise: Callable[[Mapping[str, Any]], str]) -> None:
        """Take in that a worker came up; `otherwise` says, given the first worker's numerics, how this one differs.

        Raises:
            WorkerError: it computes other bits than the first one.
        """
        self._failed_starts = 0  # of all, though one came up: the machine can start workers
        if self._numerics is None:
            self._numerics = numerics
        elif not same_bits(numerics, self._numerics):
            raise WorkerError(otherwise(self._numerics))

    def _cannot_start(self, worker: W, sentence: str) -> None:
        """Start another one if others came up: the memory that this one lacked, say, may be there then.

        Raises:
            WorkerError: none has come up yet, or too many could not start.
        """
        if self._numerics is None:
            raise WorkerError(sentence)
        self._let_go(worker)
        self._start_failed(sentence)

    def _start_failed(self, sentence: str) -> None:
        """Wait longer before the next start.

        Raises:
            WorkerError: too many starts have failed; the message gives the reason.
        """
        self._failed_starts += 1
        if self._failed_starts >= MAX_STARTS * self.workers:
            raise WorkerError(sentence)
        self._next_start = time.monotonic() + min(MAX_BACK_OFF, 0.1 * 2.0 ** min(self._failed_starts, 10))
