"""Train a list of configurations to their ends, several at once, and resume an earlier run.

For training without a search: nothing is pruned, and the order in which periods end decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search.driver.dispatcher import take_all
from search.driver.retry_policy import POLL, Key, RetryPolicy, failure_of
from search.errors import WorkerError
from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised, why_failed
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One configuration to train to its end with one seed."""

    name: str  # for messages
    identity: str  # SHA-256 of everything that the result depends on: equal identities train to equal bits
    config: Mapping[str, Any]
    seed: int
    costs: tuple[int, ...]  # estimated microseconds of each period

    @property
    def number(self) -> int:
        """The task's number among checkpoints, 48 bits of its identity."""
        return int(self.identity[:12], 16)

    def is_ended_by(self, reports: Sequence[Report]) -> bool:
        """Return whether these reports are all that there will be."""
        return len(reports) == len(self.costs) or (bool(reports) and reports[-1].end is not None)


OnPeriod = Callable[[Task, int, Report, bytes], Report]
"""Gets each period of a task once, with its report and state, and returns the report to keep."""
OnEnd = Callable[[Task, Sequence[Report]], None]
"""Gets a task that has ended, with all its reports."""


def as_it_is(task: Task, period: int, report: Report, state: bytes) -> Report:
    """Return the report; the default of OnPeriod."""
    return report


class TaskStore:
    """The reports of every period of every task, and the state after the latest one, in a folder of checkpoints."""

    def __init__(self, states: CheckpointStore, *, keep_last: bool) -> None:
        """`keep_last`: whether the state of a task that has ended is kept."""
        self._states, self._keep_last = states, keep_last

    def load(self, task: Task) -> tuple[tuple[Report, ...], bytes | None]:
        """Return the reports so far and the state to resume from: the latest one before which no report is lost.

        Reports after it are of no use without a state: their periods are trained again, and so is one for which there
        was too little memory.
        """
        kept: list[tuple[Report, bytes]] = []
        while len(kept) < len(task.costs) and (found := self._states.get(task.number, len(kept) + 1)):
            if found[0].end == "out_of_memory":
                break
            kept.append(found)
        if not task.is_ended_by([report for report, _ in kept]):
            while kept and not kept[-1][1]:
                kept.pop()
        return tuple(report for report, _ in kept), kept[-1][1] if kept else None

    def save(self, task: Task, reports: Sequence[Report], state: bytes) -> None:
        """Keep the newest of the reports and its state; the state before it is given up afterwards."""
        period = len(reports)
        is_needed = self._keep_last or not task.is_ended_by(reports)
        self._states.put(task.number, period, reports[-1], state if is_needed else b"")
        if period > 1:
            self._states.put(task.number, period - 1, reports[-2], b"")


class Training:
    """Keeps an executor busy with tasks until all have ended."""

    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        store: TaskStore,
        on_period: OnPeriod = as_it_is,
        on_end: OnEnd = lambda task, reports: None,
        *,
        stall: float | None = None,
    ) -> None:
        """Train nothing yet; `stall`: see `RetryPolicy`."""
        self._tasks = {task.number: task for task in tasks}
        self._executor, self._store, self._on_period, self._on_end = executor, store, on_period, on_end
        self._retry_policy = RetryPolicy(stall)
        self._waiting: deque[Job] = deque()
        self._running: set[Key] = set()
        self.reports: dict[str, tuple[Report, ...]] = {}  # of every task so far, by identity

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Train until all tasks have ended (True), or until `stopping` says so (False); both leave nothing half done.

        WorkerError if a task makes the trainer fail or memory run out twice, or workers die over it again and again.
        """
        for task in self._tasks.values():
            self.reports[task.identity], state = self._store.load(task)
            self._enqueue(task, state)
        while self._running or (self._waiting and not stopping()):
            if not stopping():
                self._feed()
            take_all(self._executor.wait(POLL), self._take)
        return not self._waiting

    def _enqueue(self, task: Task, state: bytes | None) -> None:
        """Let a task's next period wait for a worker, before those of tasks that have not begun."""
        reports = self.reports[task.identity]
        if not task.is_ended_by(reports):
            job = self._job(task, len(reports) + 1, state)
            # Those that have begun first, so that few are half done when the work is stopped.
            self._waiting.appendleft(job) if reports else self._waiting.append(job)

    def _job(self, task: Task, period: int, state: bytes | None) -> Job:
        stall = self._retry_policy.stall_seconds((task.number, period), task.costs[period - 1])
        return Job(
            trial=task.number, period=period, config=task.config, seed=task.seed, state=state, stall_seconds=stall
        )

    def _feed(self) -> None:
        for _ in range(len(self._waiting)):  # each once: those that may not start now go to the end
            if not self._executor.idle():
                return
            job = self._waiting.popleft()
            if self._retry_policy.may_start((job.trial, job.period), self._running):
                self._executor.submit(job)
                self._running.add((job.trial, job.period))
            else:
                self._waiting.append(job)

    def _take(self, outcome: Outcome) -> None:
        job = outcome.job
        key, task = (job.trial, job.period), self._tasks[job.trial]
        self._running.discard(key)
        failure = failure_of(outcome, in_company=bool(self._running))
        reason = outcome.reason if isinstance(outcome, Lost) else ""
        if failure is not None and not self._retry_policy.failed(key, failure, name=task.name, reason=reason):
            # With the very state that it was given before: a period is a pure call, so a second one changes nothing.
            stall = self._retry_policy.stall_seconds(key, task.costs[job.period - 1])
            self._waiting.appendleft(replace(job, stall_seconds=stall))
            return
        match outcome:  # unlike a trial of a search, every task is needed; if its training fails, the whole work ends
            case Done():
                self._retry_policy.done(key)
                self._take_in(task, outcome.report, outcome.state)
                self._enqueue(task, outcome.state)
            case Raised():
                error = WorkerError(f"{task.name} makes the trainer fail: {why_failed(outcome)}")
                error.add_note(outcome.error)  # for those who ask for the traceback
                raise error
            case Lost():
                raise WorkerError(f"{task.name} needs more memory than there is: two workers ran out of it.")

    def _take_in(self, task: Task, report: Report, state: bytes) -> None:
        report = self._on_period(task, len(self.reports[task.identity]) + 1, report, state)
        self.reports[task.identity] += (report,)
        # Written before the end is announced; else a task whose end is announced and lost would be announced twice.
        self._store.save(task, self.reports[task.identity], state)
        if task.is_ended_by(self.reports[task.identity]):
            self._executor.forget(task.number)
            self._on_end(task, self.reports[task.identity])
