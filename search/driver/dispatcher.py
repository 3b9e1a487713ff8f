"""Get periods trained: which job the next idle worker gets, which results come back, and which periods are retried."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol, assert_never

from search.driver.period_results import (
    GivenUp,
    Result,
    can_be_stored,
    check_never_trained,
    check_same_weights,
    take_all,
)
from search.driver.retry_policy import POLL, Failure, Key, RetryPolicy, failure_of
from search.event_log import History, TrialRecord
from search.executors import Done, Executor, Job, KeepingExecutor, Lost, Outcome, Raised, RecallingExecutor
from search.trainer_api import Report


class Checkpoints(Protocol):
    """Keeps the trained states; see `search.study.CheckpointStore`."""

    def put(self, trial: int, period: int, report: Report, state: bytes) -> None: ...
    def get(self, trial: int, period: int) -> tuple[Report, bytes] | None: ...
    def drop(self, trial: int, periods: Iterable[int]) -> None: ...


@dataclass(slots=True)
class WorkerTime:
    """How the workers' time was used, in seconds of a lane's time."""

    since: float = field(default_factory=time.monotonic)
    workers: int = 1
    lanes: int = 1
    """Lanes of all workers together."""
    ordering: float = 0.0
    """Idle, while a finished period waited for its turn in the logical order."""

    @property
    def ordering_share(self) -> float:
        """The share of all worker time that the logical order cost, 0..1."""
        total = self.lanes * (time.monotonic() - self.since)
        return self.ordering / total if total else 0.0


class AtWork(Protocol):
    """What the workers do at the moment, and how their time was used."""

    @property
    def time(self) -> WorkerTime: ...
    def at_work(self) -> frozenset[int]: ...
    def ahead(self) -> Mapping[int, int]: ...


class Periods(AtWork, Protocol):
    """The part of `Dispatcher` that the driver uses; a replay has one that trains nothing."""

    def adopt(self, trial: int) -> None: ...
    def obtain(self, wanted: int | None) -> tuple[int, Result] | None: ...
    def keep_busy(self) -> None: ...
    def drain(self) -> None: ...
    def advance_to(self, trial: int, period: int) -> None: ...
    def forget(self, trial: int) -> None: ...


class Dispatcher:
    """Keeps the workers busy with the logically earliest periods, and hands results over one by one.

    A trial starts its next period before the last one has been handled if it cannot be stopped there. Thus no period is
    trained in vain, and no decision depends on it.
    """

    def __init__(
        self,
        executor: Executor,
        states: Checkpoints,
        history: History,
        stopping: Callable[[], bool],
        may_stop_at: Callable[[int], bool] = lambda period: True,
        *,
        trial_timeout: float = math.inf,
        stall: float | None = None,
    ) -> None:
        """Make a dispatcher without trials; `history` is the search's, which the driver changes.

        `may_stop_at` says whether the pruner may stop a trial after a period. `trial_timeout` is the time in seconds
        that a trial may train, all its periods together. `stall` is the time after which a period counts as hung; by
        default it follows from the estimated cost.
        """
        self.executor = executor
        self.states = states
        self.time = WorkerTime(workers=executor.workers, lanes=executor.workers * executor.lanes)
        self._history = history
        self._stopping = stopping
        self._may_stop_at = may_stop_at
        self._trial_timeout = trial_timeout
        self._trials: set[int] = set()
        """Those that have not ended."""
        self._ready: dict[Key, Result] = {}
        """Results that have not been handled, or are being handled: an outage must not train those periods again."""
        self._waiting: list[tuple[int, Key]] = []
        """A heap of periods for which a worker is wanted, by urgency."""
        self._running: set[Key] = set()
        self._busy: set[int] = set()
        """Trials of which a period waits for a worker or is on one."""
        self._latest_states: dict[int, tuple[int, bytes]] = {}
        self._retry_policy = RetryPolicy(stall)
        self._recalling = executor if isinstance(executor, RecallingExecutor) else None

    def adopt(self, trial: int) -> None:
        """Take in a trial that is to be trained, with the periods that an earlier run trained and did not handle."""
        self._trials.add(trial)
        # A driver that was killed between a period's event and `advance_to` has left the state before that period.
        self.states.drop(trial, range(1, len(self._history.trials[trial].reports)))
        while (period := self._next_period(trial)) is not None and self._restore((trial, period)):
            pass
        self._enqueue(trial)

    def obtain(self, wanted: int | None) -> tuple[int, Result] | None:
        """Return a trial and the result of its next period: of the wanted trial, or for None of the first to arrive.

        None if the search is to stop before the result is known.

        Raises:
            WorkerError: workers die over this period again and again, or train to other bits than before.
        """
        # Every result is taken, not only the wanted ones: results of other trials wait for their turn in memory and on
        # disk, and the workers that delivered them get new jobs.
        while (key := self._at_hand(wanted)) is None:
            if self._stopping():
                # A period under way may be the wanted one: it is waited for, and nothing new is begun.
                if not self._running:
                    return None
            else:
                self._feed()
            self._collect(POLL)
        return key[0], self._ready[key]

    def keep_busy(self) -> None:
        """Take the results that workers have delivered and give them jobs, while the driver has other things to do."""
        if self._running:
            self._collect(0)
        self._feed()

    def work_on(self, seconds: float) -> None:
        """Let the workers train for some seconds, while a decision cannot be written."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._feed()
            pause = min(POLL, left)
            take_all(self.executor.wait(pause if self._running else 0), self._take)
            if not self._running:
                time.sleep(pause)

    def drain(self) -> None:
        """Wait for the periods under way, so that their states are on disk when the search stops."""
        while self._running:
            self._collect(POLL)

    def advance_to(self, trial: int, period: int) -> None:
        """Continue a trial whose period was handled, and remove the state before that period."""
        del self._ready[trial, period]
        # The state after this period stays: the trial continues from it, and an ended trial is exported from it.
        # Of the earlier ones only the last is left. To try all of them at every period took 28 s for 3,000 periods.
        if period > 1:
            self.states.drop(trial, [period - 1])
        self._enqueue(trial)

    def forget(self, trial: int) -> None:
        """Let go of a trial that has ended."""
        if isinstance(self.executor, KeepingExecutor):
            self.executor.forget(trial)
        self._latest_states.pop(trial, None)
        if trial in self._trials:
            self._trials.remove(trial)
            for period in range(1, len(self._history.trials[trial].costs) + 1):
                self._ready.pop((trial, period), None)

    def at_work(self) -> frozenset[int]:
        """Return the trials of which a worker trains a period now."""
        return frozenset(trial for trial, _ in self._running)

    def ahead(self) -> Counter[int]:
        """Return, by trial, how many periods are trained whose turn has not come."""
        return Counter(trial for trial, _ in self._ready)

    def _at_hand(self, wanted: int | None) -> Key | None:
        if wanted is None:
            return next(iter(self._ready), None)  # a dict keeps the order in which it was filled: that of arrival
        key = (wanted, self._history.trials[wanted].next_period)
        return key if key in self._ready else None

    def _enqueue(self, trial: int) -> None:
        """Let the trial's next period wait for a worker, if it has one that is not known, and is not busy with it."""
        if trial in self._busy:
            return
        while (period := self._next_period(trial)) is not None and self._recall((trial, period)):
            pass
        if period is not None:
            self._busy.add(trial)
            heappush(self._waiting, (self._urgency(self._history.trials[trial], period), (trial, period)))

    def _urgency(self, trial: TrialRecord, period: int) -> int:
        """Return the key by which periods wait for a worker, the smallest first: their logical beginning.

        By their ends, which order the events, workers would be used less: 99.4% of their time instead of 99.7, in the
        case of `_may_end` (docs/concepts/ordering.md).
        """
        return trial.end_of(period - 1)

    def _next_period(self, trial: int) -> int | None:
        """Return the first period that has not been trained; None if the trial may end before it."""
        period = self._history.trials[trial].next_period
        while (result := self._ready.get((trial, period))) is not None:
            if self._may_end(trial, period, result):
                return None
            period += 1
        return None if self._history.is_decided(trial) else period

    def _may_end(self, trial: int, period: int, result: Result) -> bool:
        # Asha stops trials at rungs alone, so between two rungs they train on before their turn has come. That uses
        # 99.4% of the workers' time instead of 97.7 (simulated: 64 workers, 128 slots, estimates 20% off).
        last = period == len(self._history.trials[trial].costs)
        return last or self._may_stop_at(period) or not isinstance(result, Report) or result.end is not None

    def _feed(self) -> None:
        put_off = []
        while self._waiting and self.executor.idle():  # asked each time: a job may take the places of several
            turn = heappop(self._waiting)
            number, period = turn[1]
            if number not in self._trials:
                continue  # it has ended; the heap is cleared of it only when its turn comes
            job = self._job(number, period)
            if job.stall_seconds <= 0:  # the trial's time was used up by periods that all came back
                self._busy.discard(number)
                self._give_up(number, self._timed_out())
            elif self._retry_policy.may_start((job.trial, job.period), self._running):
                self._running.add((job.trial, job.period))
                self.executor.submit(job)
            else:
                put_off.append(turn)
                if self._retry_policy.needs_all((job.trial, job.period)):
                    break  # or others would be begun for ever, and it never
        for turn in put_off:
            heappush(self._waiting, turn)

    def _restore(self, key: Key) -> bool:
        """Take a period that was finished, but not handled, before the search was last stopped."""
        kept = self.states.get(*key)
        # A report that the log cannot hold ended the search; the trainer may have been mended since.
        if kept is None or not can_be_stored(kept[0], key):
            return False
        report, state = kept
        self._latest_states[key[0]] = (key[1], state)
        self._ready[key] = report
        return True

    def _recall(self, key: Key) -> bool:
        """Take a period that the executor knows from an earlier training."""
        if self._recalling is None:
            return False
        number, period = key
        trial = self._history.trials[number]
        job = Job(trial=number, period=period, config=trial.config, seed=trial.seed, state=None, stall_seconds=math.inf)
        known = self._recalling.recall(job, is_last=period == len(trial.costs))
        if known is None or not can_be_stored(known[0], key):
            return False
        self._ready[key], state = known
        if state is not None:  # as if it had been trained: the trial continues from it, or is exported
            self._keep_state(key, known[0], state)
        return True

    def _job(self, number: int, period: int) -> Job:
        """Return the period as a job, or an earlier one if the state before it is lost."""
        # A checkpoint that is lost or damaged costs time, never the trial: training continues from the newest whole
        # one, at worst from the seed, to the same weights (`check_same_weights` checks it).
        done, state = self._latest_state(number, period - 1)
        trial = self._history.trials[number]
        stall = self._retry_policy.stall_seconds((number, done + 1), trial.costs[done])
        return Job(
            trial=number,
            period=done + 1,
            config=trial.config,
            seed=trial.seed,
            state=state,
            stall_seconds=min(stall, self._seconds_left(number, done + 1)),
        )

    def _seconds_left(self, trial: int, period: int) -> float:
        """Return how long a trial's period may take before the trial has trained for too long."""
        handled = self._history.trials[trial].reports
        waiting = (self._ready.get((trial, number)) for number in range(len(handled) + 1, period))
        reports = [*handled[: period - 1], *(result for result in waiting if isinstance(result, Report))]
        return self._trial_timeout - sum(report.seconds for report in reports if not report.remembered)

    def _timed_out(self) -> GivenUp:
        return GivenUp("timed_out", f"Training took more than {self._trial_timeout:g} s (--trial-timeout).")

    def _give_up(self, trial: int, given_up: GivenUp) -> None:
        """Let the first period of a trial that has not been trained be its last."""
        period = self._history.trials[trial].next_period
        while (trial, period) in self._ready:
            period += 1
        self._ready[trial, period] = given_up

    def _latest_state(self, trial: int, latest: int) -> tuple[int, bytes | None]:
        # In memory, else each period would begin with reading a file that this process has just written.
        held = self._latest_states.get(trial)
        if held and held[0] <= latest:
            return held
        for period in range(latest, 0, -1):
            if kept := self.states.get(trial, period):
                return period, kept[1]
        return 0, None

    def _collect(self, timeout: float) -> None:
        # A worker idles because of the order only while results wait for their turn.
        idle = self.executor.idle() if self._ready else 0
        before = time.monotonic()
        outcomes = self.executor.wait(timeout)
        self.time.ordering += idle * (time.monotonic() - before)
        take_all(outcomes, self._take)

    def _take(self, outcome: Outcome) -> None:
        key = (outcome.job.trial, outcome.job.period)
        self._running.discard(key)
        self._busy.discard(key[0])
        if key[0] not in self._trials:
            return  # it was ended while it trained on
        failure = self._failure(key, outcome)
        reason = outcome.reason if isinstance(outcome, Lost) else ""
        if failure is None or self._retry_policy.failed(key, failure, name=f"trial {key[0]}", reason=reason):
            self._settle(key, outcome)
        self._enqueue(key[0])

    def _failure(self, key: Key, outcome: Outcome) -> Failure | None:
        """Return the failure that an outcome is, or None if the period was trained."""
        match outcome:
            case Lost(cause="stalled", job=job) if job.stall_seconds >= self._seconds_left(*key):
                return "timed_out"  # its limit was not the time for a hang, but the rest of the trial's
            case _:
                return failure_of(outcome, in_company=bool(self._running))

    def _settle(self, key: Key, outcome: Outcome) -> None:
        """Take an outcome as the period's result: it is a success, or the last failure that is allowed."""
        match outcome:
            case Done():
                self._done(key, outcome)
            case Raised():
                check_never_trained(key, outcome, self._history)
                self._ready[key] = GivenUp("crashed", outcome.error)
            case Lost(cause="out_of_memory"):
                error = f"Two workers ran out of memory over period {key[1]}."
                self._give_up(key[0], GivenUp("out_of_memory", error))
            case Lost():
                self._give_up(key[0], self._timed_out())
            case _:
                assert_never(outcome)

    def _done(self, key: Key, done: Done) -> None:
        trial, period = key
        self._retry_policy.done(key)
        handled = self._history.trials[trial].reports
        before = handled[period - 1] if period <= len(handled) else self._ready.get(key)
        if isinstance(before, Report):
            check_same_weights(trial, period, before, done.report)
        else:
            self._ready[key] = done.report
        self._keep_state(key, done.report, done.state)

    def _keep_state(self, key: Key, report: Report, state: bytes) -> None:
        self._latest_states[key[0]] = (key[1], state)
        # On disk before its turn comes: however the process ends, a period that a worker has finished is never trained
        # again.
        self.states.put(*key, report, state)
