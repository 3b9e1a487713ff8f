"""Getting periods trained: which job goes to the next idle worker, what comes back, and what is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from search.clock import Active, Timeline
from search.errors import WorkerError
from search.executors import Done, Executor, Job, Lost, Outcome, Raised
from search.history import History
from search.patience import Key, Patience
from search.states import StateStore
from search.trainer import Report

_POLL = 0.2


@dataclass(slots=True)
class WorkerTime:
    """What became of the workers' time, in seconds of worker time."""

    since: float = field(default_factory=time.monotonic)
    workers: int = 1
    ordering: float = 0.0
    """Idle, while a finished period waited for its turn in the logical order."""

    @property
    def ordering_share(self) -> float:
        """The share of all worker time that the logical order cost, 0..1."""
        total = self.workers * (time.monotonic() - self.since)
        return self.ordering / total if total else 0.0


class Dispatcher:
    """Keeps the workers busy with the logically earliest periods, and hands results over one by one."""

    def __init__(self, executor: Executor, states: StateStore, stopping: Callable[[], bool]) -> None:
        self.executor = executor
        self.states = states
        self.time = WorkerTime(workers=executor.workers)
        self._stopping = stopping
        self._ready: dict[Key, Done | Raised] = {}
        self._running: set[Key] = set()
        self._memory: dict[int, tuple[int, bytes]] = {}
        self._patience = Patience()
        self._handed_over: Key | None = None
        """The period that is being handled."""

    def obtain(self, active: Active, history: History) -> Done | Raised | None:
        """Return what the next period of a trial brought; None where the search is to stop before it is known.

        Raises:
            WorkerError: workers die over this period again and again, or train to other bits than before.
        """
        key = (active.number, active.periods_done + 1)
        while key not in self._ready:
            if self._stopping():
                if not self._running:
                    return None
            else:
                self._feed(history.timeline)
            self._collect(history)
        self._handed_over = key
        return self._ready.pop(key)

    def work_on(self, history: History, seconds: float) -> None:
        """Let the workers train what is known to come, for so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._feed(history.timeline)
            if not self._running:
                time.sleep(left)
                return
            for outcome in self.executor.wait(min(_POLL, left)):
                self._take(outcome, history)

    def drain(self, history: History) -> None:
        """Wait for the periods under way, so that their states are on disk when the search stops."""
        while self._running:
            self._collect(history)

    def forget(self, trial: int) -> None:
        """Let go of the state of a trial that has ended."""
        self._memory.pop(trial, None)

    def advance_to(self, trial: int, period: int) -> None:
        """Remove the states that a handled period has made superfluous."""
        self.states.drop(trial, before=period)

    def _feed(self, timeline: Timeline) -> None:
        for _, active in timeline.training():
            key = (active.number, active.periods_done + 1)
            busy = any(trial == active.number for trial, _ in self._running)
            known = key in self._ready or key == self._handed_over
            if known or busy or self._restore(key) or not self.executor.idle():
                continue
            job = self._job(active)
            if self._patience.may_start((job.trial, job.period)):
                self._running.add((job.trial, job.period))
                self.executor.submit(job)

    def _restore(self, key: Key) -> bool:
        """Take a period that was finished, but not handled, before the search was last stopped."""
        if self._patience.has_raised(key) or key[0] in self._memory:
            return False
        kept = self.states.get(*key)
        if kept is None:
            return False
        report, state = kept
        self._memory[key[0]] = (key[1], state)
        job = Job(trial=key[0], period=key[1], config={}, seed=0, state=None, stall_seconds=0)
        self._ready[key] = Done(job=job, report=report, state=state)
        return True

    def _job(self, active: Active) -> Job:
        """Return the trial's next period, or an earlier one where the state before it is lost."""
        done, state = self._latest_state(active)
        return Job(
            trial=active.number,
            period=done + 1,
            config=active.plan.config,
            seed=active.seed,
            state=state,
            stall_seconds=self._patience.stall_seconds((active.number, done + 1), active.plan.costs[done]),
        )

    def _latest_state(self, active: Active) -> tuple[int, bytes | None]:
        held = self._memory.get(active.number)
        if held and held[0] <= active.periods_done:
            return held
        for period in range(active.periods_done, 0, -1):
            if kept := self.states.get(active.number, period):
                return period, kept[1]
        return 0, None

    def _collect(self, history: History) -> None:
        idle = self.executor.idle() if self._ready else 0
        before = time.monotonic()
        outcomes = self.executor.wait(_POLL)
        self.time.ordering += idle * (time.monotonic() - before)
        for outcome in outcomes:
            self._take(outcome, history)

    def _take(self, outcome: Outcome, history: History) -> None:
        key = (outcome.job.trial, outcome.job.period)
        self._running.discard(key)
        match outcome:
            case Done():
                self._done(key, outcome, history)
            case Raised() if self._patience.raised(key):
                _check_new(key, outcome, history)
                self._ready[key] = outcome
            case Lost():
                self._patience.lost(key, f"trial {key[0]}", outcome.reason)

    def _done(self, key: Key, done: Done, history: History) -> None:
        trial, period = key
        self._patience.done(key)
        handled = history.trials[trial].reports
        if period <= len(handled):
            _check_same(trial, period, handled[period - 1], done.report)
        else:
            self._ready[key] = done
        self._memory[trial] = (period, done.state)
        self.states.put(trial, period, done.report, done.state)


def _check_new(key: Key, raised: Raised, history: History) -> None:
    trial, period = key
    if period <= len(history.trials[trial].reports):
        raise WorkerError(f"Trial {trial} trained period {period} before and cannot now: {raised.error}")


def _check_same(trial: int, period: int, before: Report, now: Report) -> None:
    if before.weights != now.weights:
        raise WorkerError(
            f"Trial {trial} trained period {period} again and got other weights "
            f"({before.weights[:8]} then, {now.weights[:8]} now): this machine does not compute reproducibly."
        )
