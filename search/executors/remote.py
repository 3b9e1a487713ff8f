"""A trainer in the one worker of an executor, for work outside a search that this process cannot do itself."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic

from search.errors import SearchError, WorkerError
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Outcome, why_failed
from search.executors.started import StartedWorkers, started
from search.trainer_api import C, Codec, Report, TrainerSpec

_POLL = 1.0
MakeExecutor = Callable[[Path], Executor]
"""Returns an executor of one worker, for a log file."""


class RemoteTrainer(Generic[C]):
    """Satisfies `search.trainer_api.Trainer` in a process that starts with the first use.

    The process ends with `close`, or with this object. By a specification it is started with the environment of that,
    as a worker of a search is.
    """

    def __init__(self, made: TrainerSpec | MakeExecutor, codec: Codec[C]) -> None:
        """Start nothing yet; `codec` is that of the trainer, which a specification names or an executor has."""
        self.codec = codec
        self._make = partial(_local, made) if isinstance(made, TrainerSpec) else made
        self._open = ExitStack()
        self.close = weakref.finalize(self, self._open.close)
        """Ends the process."""

    @cached_property
    def _workers(self) -> StartedWorkers:
        # Not a method: what is to be closed with this object may not hold it.
        return self._open.enter_context(started(self._make))

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those that the process reports.

        Raises:
            UsageError, WorkerError: it cannot start.
        """
        return self._workers.numerics

    def advance(self, config: C, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period in the process; see `Trainer.advance`.

        Raises:
            UsageError, WorkerError: the process cannot start, the trainer raises, or the process dies.
        """
        job = Job(
            trial=0, period=period, config=self.codec.to_json(config), seed=seed, state=state, stall_seconds=math.inf
        )  # fmt: skip
        match self._outcome(job):
            case Done(state=trained, report=report):
                return trained, report
            case failure:
                raise WorkerError(f"A worker process failed: {why_failed(failure)}")

    def _outcome(self, job: Job) -> Outcome:
        try:
            executor = self._workers.executor
            while not executor.idle():  # a worker that was lost is being replaced
                executor.wait(_POLL)
            executor.submit(job)
            outcomes: list[Outcome] = []
            while not outcomes:
                outcomes = executor.wait(_POLL)
        except SearchError as error:
            self._open.__exit__(type(error), error, error.__traceback__)  # keeps the log if the error names it
            vars(self).pop("_workers", None)
            raise
        return outcomes[0]


def _local(spec: TrainerSpec, log: Path) -> LocalExecutor:
    return LocalExecutor(spec, 1, log)
