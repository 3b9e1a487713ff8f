"""Getting periods trained: which job goes to the next idle worker, what comes back, and what is tried again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import assert_never

from search.driver.period_results import Exhausted, Result, check_never_trained, check_same_weights, take_all
from search.driver.retry_policy import Key, RetryPolicy
from search.event_log import Active, History
from search.executors import Done, Executor, Job, Lost, Outcome, Raised
from search.study import CheckpointStore

_POLL = 0.2


@dataclass(slots=True)
class WorkerTime:
    """What became of the workers' time, in seconds of a lane's time."""

    since: float = field(default_factory=time.monotonic)
    workers: int = 1
    lanes: int = 1
    """Of all workers together."""
    ordering: float = 0.0
    """Idle, while a finished period waited for its turn in the logical order."""

    @property
    def ordering_share(self) -> float:
        """The share of all worker time that the logical order cost, 0..1."""
        total = self.lanes * (time.monotonic() - self.since)
        return self.ordering / total if total else 0.0


class Dispatcher:
    """Keeps the workers busy with the logically earliest periods, and hands results over one by one.

    A trial trains on past a period before that period's turn has come where it will surely not be stopped there:
    nothing is trained in vain, and nothing of what is decided depends on it.
    """

    def __init__(
        self,
        executor: Executor,
        states: CheckpointStore,
        stopping: Callable[[], bool],
        may_stop_at: Callable[[int], bool] = lambda period: True,
        *,
        trial_timeout: float = math.inf,
    ) -> None:
        """Make a dispatcher without trials.

        `may_stop_at` says whether the pruner may stop a trial after a period; `trial_timeout` are the seconds that a
        trial may train, in all its periods together.
        """
        self.executor = executor
        self.states = states
        self.time = WorkerTime(workers=executor.workers, lanes=executor.workers * executor.lanes)
        self._stopping = stopping
        self._may_stop_at = may_stop_at
        self._trial_timeout = trial_timeout
        self._trials: dict[int, Active] = {}
        self._ready: dict[Key, Result] = {}
        """What has been trained and not been handled; what is being handled, too: an outage must not train it again."""
        self._waiting: list[tuple[int, Key]] = []
        """A heap of periods for which a worker is wanted, by urgency."""
        self._running: set[Key] = set()
        self._busy: set[int] = set()
        """Trials of which a period waits for a worker or is on one."""
        self._latest_states: dict[int, tuple[int, bytes]] = {}
        self._retry_policy = RetryPolicy()

    def adopt(self, active: Active) -> None:
        """Take in a trial that is to be trained, with what was finished of it, but not handled, in an earlier run."""
        self._trials[active.number] = active
        while (period := self._next_period(active)) is not None and self._restore((active.number, period)):
            pass
        self._enqueue(active)

    def obtain(self, wanted: Active | None, history: History) -> tuple[Active, Result] | None:
        """Return what the next period of the wanted trial brought, where none is, what came first; and of which trial.

        None where the search is to stop before it is known.

        Raises:
            WorkerError: workers die over this period again and again, or train to other bits than before.
        """
        while (key := self._at_hand(wanted)) is None:
            if self._stopping():
                if not self._running:
                    return None
            else:
                self._feed(history)
            self._collect(history, _POLL)
        return self._trials[key[0]], self._ready[key]

    def keep_busy(self, history: History) -> None:
        """Take what the workers have delivered, and give them what waits, while the driver has other things to do."""
        if self._running:
            self._collect(history, 0)
        self._feed(history)

    def work_on(self, history: History, seconds: float) -> None:
        """Let the workers train what is known to come, for so many seconds, while a decision cannot be written."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._feed(history)
            pause = min(_POLL, left)
            self._take_all(self.executor.wait(pause if self._running else 0), history)
            if not self._running:
                time.sleep(pause)

    def drain(self, history: History) -> None:
        """Wait for the periods under way, so that their states are on disk when the search stops."""
        while self._running:
            self._collect(history, _POLL)

    def advance_to(self, trial: int, period: int) -> None:
        """Go on with a trial whose period was handled, and remove the states that this has made superfluous."""
        del self._ready[trial, period]
        self.states.drop(trial, before=period)
        self._enqueue(self._trials[trial])

    def forget(self, trial: int) -> None:
        """Let go of a trial that has ended."""
        self._latest_states.pop(trial, None)
        if (active := self._trials.pop(trial, None)) is not None:
            for period, _ in enumerate(active.plan.costs, 1):
                self._ready.pop((trial, period), None)

    def _at_hand(self, wanted: Active | None) -> Key | None:
        if wanted is None:
            return next(iter(self._ready), None)
        key = (wanted.number, wanted.periods_done + 1)
        return key if key in self._ready else None

    def _enqueue(self, active: Active) -> None:
        """Let the trial's next period, where it has one and is not busy with it, wait for a worker."""
        period = self._next_period(active)
        if period is not None and active.number not in self._busy:
            self._busy.add(active.number)
            heappush(self._waiting, (self._urgency(active, period), (active.number, period)))

    def _urgency(self, active: Active, period: int) -> int:
        """Return what orders the periods that wait for a worker, the most urgent first: their logical beginning.

        By their ends, which order the events, workers would be used less (simulated, benchmarks/event_order.py).
        """
        return active.end_of(period - 1)

    def _next_period(self, active: Active) -> int | None:
        """Return the first period that has not been trained, None where the trial may end before it."""
        period = active.periods_done + 1
        while (result := self._ready.get((active.number, period))) is not None:
            if self._may_end(active, period, result):
                return None
            period += 1
        return None if active.verdict else period

    def _may_end(self, active: Active, period: int, result: Result) -> bool:
        last = period == len(active.plan.costs)
        return last or self._may_stop_at(period) or not isinstance(result, Done) or result.report.end is not None

    def _feed(self, history: History) -> None:
        put_off = []
        while self._waiting and self.executor.idle():  # asked each time: a job may take the places of several
            turn = heappop(self._waiting)
            number, period = turn[1]
            if number not in self._trials:
                continue
            job = self._job(self._trials[number], period, history)
            if job.stall_seconds <= 0:
                self._busy.discard(number)
                self._exhaust(number, history, self._timed_out())
            elif self._retry_policy.may_start((job.trial, job.period), self._running):
                self._running.add((job.trial, job.period))
                self.executor.submit(job)
            else:
                put_off.append(turn)
        for turn in put_off:
            heappush(self._waiting, turn)

    def _restore(self, key: Key) -> bool:
        """Take a period that was finished, but not handled, before the search was last stopped."""
        kept = self.states.get(*key)
        if kept is None:
            return False
        report, state = kept
        self._latest_states[key[0]] = (key[1], state)
        job = Job(trial=key[0], period=key[1], config={}, seed=0, state=None, stall_seconds=0)
        self._ready[key] = Done(job=job, report=report, state=state)
        return True

    def _job(self, active: Active, period: int, history: History) -> Job:
        """Return the period as a job, or an earlier one where the state before it is lost."""
        done, state = self._latest_state(active.number, period - 1)
        stall = self._retry_policy.stall_seconds((active.number, done + 1), active.plan.costs[done])
        return Job(
            trial=active.number,
            period=done + 1,
            config=active.plan.config,
            seed=active.seed,
            state=state,
            stall_seconds=min(stall, self._seconds_left(active.number, done + 1, history)),
        )

    def _seconds_left(self, trial: int, period: int, history: History) -> float:
        """Return how long a trial's period may take before the trial has trained for too long."""
        handled = history.trials[trial].reports
        waiting = (self._ready.get((trial, number)) for number in range(len(handled) + 1, period))
        reports = [*handled[: period - 1], *(one.report for one in waiting if isinstance(one, Done))]
        return self._trial_timeout - sum(report.seconds for report in reports)

    def _timed_out(self) -> Exhausted:
        return Exhausted("timed_out", f"Training took more than {self._trial_timeout:g} s (--trial-timeout).")

    def _exhaust(self, trial: int, history: History, result: Exhausted) -> None:
        """Let the first period of a trial that has not been trained be its last."""
        period = len(history.trials[trial].reports) + 1
        while (trial, period) in self._ready:
            period += 1
        self._ready[trial, period] = result

    def _latest_state(self, trial: int, latest: int) -> tuple[int, bytes | None]:
        held = self._latest_states.get(trial)
        if held and held[0] <= latest:
            return held
        for period in range(latest, 0, -1):
            if kept := self.states.get(trial, period):
                return period, kept[1]
        return 0, None

    def _collect(self, history: History, timeout: float) -> None:
        idle = self.executor.idle() if self._ready else 0
        before = time.monotonic()
        outcomes = self.executor.wait(timeout)
        self.time.ordering += idle * (time.monotonic() - before)
        self._take_all(outcomes, history)

    def _take_all(self, outcomes: Sequence[Outcome], history: History) -> None:
        take_all(outcomes, lambda outcome: self._take(outcome, history))

    def _take(self, outcome: Outcome, history: History) -> None:
        key = (outcome.job.trial, outcome.job.period)
        self._running.discard(key)
        self._busy.discard(key[0])
        if key[0] not in self._trials:
            return  # it was ended while it trained on
        match outcome:
            case Done() if self._may_lack_for_others(key, outcome):
                pass
            case Done():
                self._done(key, outcome, history)
            case Raised() if self._retry_policy.raised(key):
                check_never_trained(key, outcome, history)
                self._ready[key] = outcome
            case Lost():
                self._lost(key, outcome, history)
        self._enqueue(self._trials[key[0]])

    def _may_lack_for_others(self, key: Key, done: Done) -> bool:
        """Return whether others under way may have had the memory that a period lacked: once; then it runs alone."""
        lacked = done.report.end == "out_of_memory"
        return lacked and bool(self._running) and not self._retry_policy.starved(key)

    def _lost(self, key: Key, lost: Lost, history: History) -> None:
        """Let a period be trained again, unless the trial has used up its time or twice all memory."""
        trial, period = key
        match lost.cause:
            case "stalled" if lost.job.stall_seconds >= self._seconds_left(trial, period, history):
                self._exhaust(trial, history, self._timed_out())
            case "out_of_memory" if self._retry_policy.starved(key):
                why = f"Two workers ran out of memory over period {period}."
                self._exhaust(trial, history, Exhausted("out_of_memory", why))
            case "killed" | "stalled" | "out_of_memory":
                self._retry_policy.lost(key, f"trial {trial}", lost.reason)
            case _:
                assert_never(lost.cause)

    def _done(self, key: Key, done: Done, history: History) -> None:
        trial, period = key
        self._retry_policy.done(key)
        handled = history.trials[trial].reports
        if period <= len(handled):
            check_same_weights(trial, period, handled[period - 1], done.report)
        else:
            self._ready[key] = done
        self._latest_states[trial] = (period, done.state)
        self.states.put(trial, period, done.report, done.state)
