"""An executor that knows what was trained before: it gives known periods from a memory, and adds those that it trains.

It wraps any executor, and reads and writes in the driver's process alone. So workers need no access to the memory, on
whatever machines they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from search import canonical_json
from search.errors import WorkerError
from search.executors import Done, Executor, Job, KeepingExecutor, Outcome
from search.memory.training_memory import TrainingMemory
from search.trainer_api import Json, Report

Bits = Callable[[Mapping[str, Any]], Sequence[Json]]
"""Returns, given the numerics of the workers, all that a training depends on besides its configuration and seed: plain
JSON values."""


@dataclass(slots=True)
class _Training:
    """What is known of a trial's training."""

    key: str
    size: int = 0
    """See `TrainingMemory.size`, when the reports were read."""
    reports: dict[int, Report] = field(default_factory=dict)
    state: tuple[int, bytes] | None = None
    """The last period that was trained here, and the state after it."""


class RememberingExecutor:
    """Satisfies `search.executors.RecallingExecutor`."""

    def __init__(self, executor: Executor, memory: TrainingMemory, bits: Bits, *, states: bool = True) -> None:
        """Let `executor` train what the memory does not know.

        Without `states`, no state is kept or needed: what comes after the known periods is trained from the seed.
        """
        self._executor = executor
        self._memory = memory
        self._bits_of = bits
        self._bits: Sequence[Json] | None = None
        self._keeps_states = states
        self._known: dict[int, _Training] = {}
        """By trial that has not ended, also those of a search that was stopped."""

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return self._executor.workers

    @property
    def lanes(self) -> int:
        """See `Executor.lanes`."""
        return self._executor.lanes

    def start(self) -> Mapping[str, Any]:
        """See `Executor.start`."""
        numerics = self._executor.start()
        self._bits = self._bits_of(numerics)
        self._memory.open()
        return numerics

    def recall(self, job: Job, *, is_last: bool) -> tuple[Report, bytes | None] | None:
        """See `RecallingExecutor.recall`."""
        training = self._training(job)
        report = training.reports.get(job.period)
        if report is None:
            return None
        state = self._memory.state(training.key, job.period) if self._keeps_states else None
        # The weights of the best trials are kept from their last states.
        is_complete = report.end == "finished" or (is_last and report.end is None)
        if state is None and is_complete and self._keeps_states:
            return None
        return replace(report, remembered=True, worker=None, started=None, handled=None), state

    def idle(self) -> int:
        """See `Executor.idle`."""
        return self._executor.idle()

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        self._executor.submit(job)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`."""
        outcomes = self._executor.wait(timeout)
        for outcome in outcomes:
            # Whether memory suffices depends on the moment, and on other programs.
            if isinstance(outcome, Done) and outcome.report.end != "out_of_memory":
                self._learn(outcome)
        return outcomes

    def forget(self, trial: int) -> None:
        """Keep the last state of a trial that has ended; see `KeepingExecutor.forget`."""
        training = self._known.pop(trial, None)
        if self._keeps_states and training is not None and training.state is not None:
            self._memory.keep(training.key, *training.state)
        if isinstance(self._executor, KeepingExecutor):
            self._executor.forget(trial)

    def stop(self) -> None:
        """See `Executor.stop`."""
        self._executor.stop()

    def _learn(self, done: Done) -> None:
        period, training = done.job.period, self._training(done.job)
        before, now = training.reports.get(period), done.report
        if before is not None and before.weights != now.weights:
            raise WorkerError(
                f"After report {period}, a training has the weights {now.weights[:8]} here and {before.weights[:8]} in "
                f"the memory of trainings in {self._memory.folder}: search without --memory, or with another folder."
            )
        training.state = (period, done.state)
        if before is None:
            self._memory.add(training.key, period, now)
            training.reports[period] = now
            training.size = self._memory.size(training.key)

    def _training(self, job: Job) -> _Training:
        """Return what is known of a job's training, also by other processes that use the memory now."""
        if self._bits is None:
            raise WorkerError("The workers have not been started.")
        key = canonical_json.sha256([job.config, job.seed, *self._bits])
        training = self._known.get(job.trial)
        if training is None or training.key != key:  # the trial of this number in the search before
            training = self._known[job.trial] = _Training(key=key)
            self._memory.used(key)
        if (size := self._memory.size(training.key)) != training.size:
            training.size = size
            training.reports |= self._memory.reports(training.key)
        return training
