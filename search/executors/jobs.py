"""Jobs for an executor's workers outside a search: measurements, and a trainer that this process cannot run itself."""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

from search.errors import SearchError, WorkerError
from search.executors.local import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Outcome
from search.files import passing_folder
from search.trainer_api import C, Codec, Json, Report, TrainerSpec

LOG = "measurement.log"
STALL = 600.0  # seconds after which a job of a measurement counts as hung
_POLL = 1.0  # seconds; what arrives ends a wait at once
MakeExecutor = Callable[[Path], Executor]  # returns an executor for a log file


def outcomes(executor: Executor, jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Let each worker do the next job when it is free, and yield what they come to, in the order of arrival."""
    waiting, under_way = deque(jobs), 0
    while waiting or under_way:
        while waiting and executor.idle():
            executor.submit(waiting.popleft())
            under_way += 1
        for outcome in executor.wait(_POLL):  # a worker that was lost is replaced meanwhile
            under_way -= 1
            yield outcome


@dataclass(frozen=True, kw_only=True)
class StartedWorkers:
    """Workers that are ready."""

    executor: Executor
    numerics: Mapping[str, Any]  # their reports about themselves

    def share(self, configs: Sequence[Mapping[str, Json]]) -> list[Report]:
        """Return the reports of the configurations, in their order; WorkerError if a worker fails."""
        reports: dict[int, Report] = {}
        jobs = (
            Job(trial=number, period=1, config=config, seed=0, state=None, stall_seconds=STALL)
            for number, config in enumerate(configs)
        )
        for outcome in outcomes(self.executor, jobs):
            if not isinstance(outcome, Done):
                raise WorkerError(f"A worker failed during the measurement: {outcome.last_line}")
            reports[outcome.job.trial] = outcome.report
        return [reports[number] for number in range(len(configs))]


@contextmanager
def started(make: MakeExecutor) -> Iterator[StartedWorkers]:
    """Start the workers of an executor and yield them when all are ready; UsageError, WorkerError if one cannot start.

    The log stays if an error that ends the block names it.
    """
    with passing_folder() as folder:
        executor = make(folder / LOG)
        try:
            workers = StartedWorkers(executor=executor, numerics=executor.start())
            while executor.idle() < executor.workers:
                executor.wait(_POLL)
            yield workers
        finally:
            executor.stop()


class RemoteTrainer(Generic[C]):
    """Satisfies `search.trainer_api.Trainer` in the one worker of an executor, which starts with the first use.

    The process ends with `close`, or with this object. By a specification it is started with the environment of that,
    as a worker of a search is.
    """

    def __init__(self, made: TrainerSpec | MakeExecutor, codec: Codec[C]) -> None:
        """Start nothing yet; `codec` is that of the trainer, which a specification names or an executor has."""
        self.codec = codec
        self._make = (lambda log: LocalExecutor(made, 1, log)) if isinstance(made, TrainerSpec) else made
        self._open = ExitStack()
        self.close = weakref.finalize(self, self._open.close)
        """Ends the process."""

    @cached_property
    def _workers(self) -> StartedWorkers:
        # Not a method: what is to be closed with this object may not hold it.
        return self._open.enter_context(started(self._make))

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those that the process reports; UsageError or WorkerError if it cannot start."""
        return self._workers.numerics

    def advance(self, config: C, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period in the process; see `Trainer.advance`; UsageError, WorkerError if the process cannot start,
        the trainer raises, or the process dies."""
        given = self.codec.to_json(config)
        job = Job(trial=0, period=period, config=given, seed=seed, state=state, stall_seconds=math.inf)
        try:
            (outcome,) = outcomes(self._workers.executor, [job])
        except SearchError as error:
            self._open.__exit__(type(error), error, error.__traceback__)  # keeps the log if the error names it
            vars(self).pop("_workers", None)
            raise
        if isinstance(outcome, Done):
            return outcome.state, outcome.report
        raise WorkerError(f"A worker process failed: {outcome.last_line}")
