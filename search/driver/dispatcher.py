"""Get periods trained: which job the next idle worker gets, which results come back, and which periods are retried."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from search.driver.retry_policy import POLL, End, Failure, Key, RetryPolicy, failure_of
from search.errors import WorkerError
from search.event_log.events import Reported, to_row
from search.event_log.history import History
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report, finite


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The period will not be trained, and ends its trial; `error`: last lines of a traceback, or a sentence."""

    reason: End
    error: str


Result = Report | GivenUp


class Dispatcher:
    """Keeps the workers busy with the logically earliest periods, and hands results over one by one.

    A trial starts its next period before the last one has been handled if it cannot be stopped there. Thus no period is
    trained in vain, and no decision depends on it.
    """

    def __init__(
        self,
        executor: Executor,
        states: CheckpointStore,
        history: History,
        stopping: Callable[[], bool],
        may_stop_at: Callable[[int], bool] = lambda period: True,
        trial_timeout: float = math.inf,
        stall: float | None = None,
    ) -> None:
        """Take no trial yet; `history` is the search's, which the driver changes.

        `may_stop_at` says whether the pruner may stop a trial after a period. `trial_timeout` is the time in seconds
        that a trial may train; `stall` that after which a period counts as hung.
        """
        self.executor, self.states = executor, states
        self.since = time.monotonic()
        self.ordering = 0.0  # seconds of workers' time, idle while a finished period waited for its turn
        self._history, self._stopping, self._may_stop_at = history, stopping, may_stop_at
        self._trial_timeout = trial_timeout
        self._retry_policy = RetryPolicy(stall)
        self.meanwhile: Callable[[], None] = lambda: None  # what else is to be done while workers are waited for
        self._trials: set[int] = set()  # those that have not ended
        self._ready: dict[Key, Result] = {}  # that came back and are not handled yet, or are being handled
        # A heap of periods for which a worker is wanted, by logical beginning.
        self._waiting: list[tuple[int, Key]] = []
        self._running: set[Key] = set()
        self._busy: set[int] = set()  # trials of which a period waits for a worker or is on one
        self._latest_states: dict[int, tuple[int, bytes]] = {}

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

        None if the search is to stop before it is known; WorkerError if workers die over it again and again.
        """
        # Every result is taken, not only the wanted ones: results of other trials wait for their turn in memory and on
        # disk, and the workers that delivered them get new jobs.
        while (key := self._at_hand(wanted)) is None:
            if not self._stopping():
                self._feed()
            elif not self._running:  # else the wanted period may be under way: it is waited for, nothing new is begun
                return None
            self.meanwhile()
            self._collect(POLL)
        return key[0], self._ready[key]

    def keep_busy(self) -> None:
        """Take the results that workers have delivered and give them jobs, while the driver has other things to do."""
        if self._running:
            self._collect(0)
        self._feed()

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
        self.executor.forget(trial)
        self._latest_states.pop(trial, None)
        if trial in self._trials:
            self._trials.remove(trial)
            for period in range(1, len(self._history.trials[trial].costs) + 1):
                self._ready.pop((trial, period), None)

    @property
    def ordering_share(self) -> float:
        """The share of all worker time that the logical order cost, 0..1."""
        total = self.executor.workers * (time.monotonic() - self.since)
        return self.ordering / total if total else 0.0

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
        if (period := self._next_period(trial)) is not None:
            self._busy.add(trial)
            # By their ends, which order the events, workers would be used less: 99.4% of their time instead of 99.7
            # (docs/concepts/ordering.md).
            heappush(self._waiting, (self._history.trials[trial].end_of(period - 1), (trial, period)))

    def _next_period(self, trial: int) -> int | None:
        """Return the first period that has not been trained; None if the trial may end before it."""
        record = self._history.trials[trial]
        period = record.next_period
        while (result := self._ready.get((trial, period))) is not None:
            # Asha stops trials at rungs alone, so between two rungs they train on before their turn has come. That uses
            # 99.4% of the workers' time instead of 97.7 (simulated: 64 workers, 128 trials, estimates 20% off).
            ends = not isinstance(result, Report) or result.end is not None
            if ends or period == len(record.costs) or self._may_stop_at(period):
                return None
            period += 1
        return None if self._history.is_decided(trial) else period

    def _feed(self) -> None:
        put_off = []
        while self._waiting and self.executor.idle():
            turn = heappop(self._waiting)
            number, period = turn[1]
            if number not in self._trials:
                continue  # it has ended; the heap is cleared of it only when its turn comes
            job = self._job(number, period)
            key = (job.trial, job.period)
            if job.stall_seconds <= 0:  # the trial's time was used up by periods that all came back
                self._busy.discard(number)
                self._give_up(number, "timed_out")
            elif self._retry_policy.may_start(key, self._running):
                self._running.add(key)
                self.executor.submit(job)
            else:
                put_off.append(turn)
                if self._retry_policy.needs_all(key):
                    break  # or others would be begun for ever, and it never
        for turn in put_off:
            heappush(self._waiting, turn)

    def _restore(self, key: Key) -> bool:
        """Take a period that was finished, but not handled, before the search was last stopped."""
        kept = self.states.get(*key)
        # A report that the log cannot hold ended the search; the trainer may have been mended since.
        if kept is None or not can_be_stored(kept[0], key):
            return False
        self._ready[key], state = kept
        self._latest_states[key[0]] = (key[1], state)
        return True

    def _job(self, number: int, period: int) -> Job:
        """Return the period as a job, or an earlier one if the state before it is lost."""
        # A checkpoint that is lost or damaged costs time, never the trial: training continues from the newest whole
        # one, at worst from the seed, to the same weights.
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
        return self._trial_timeout - sum(report.seconds for report in reports)

    def _give_up(self, trial: int, reason: End, error: str = "") -> None:
        """Let the first period of a trial that has not been trained be its last."""
        period = self._history.trials[trial].next_period
        while (trial, period) in self._ready:
            period += 1
        error = error or f"Training took more than {self._trial_timeout:g} s (--trial-timeout)."
        self._ready[trial, period] = GivenUp(reason, error)

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
        self.ordering += idle * (time.monotonic() - before)
        take_all(outcomes, self._take)

    def _take(self, outcome: Outcome) -> None:
        key = (outcome.job.trial, outcome.job.period)
        self._running.discard(key)
        self._busy.discard(key[0])
        if key[0] not in self._trials:
            return  # it was ended while it trained on
        failure: Failure | None = failure_of(outcome, in_company=bool(self._running))
        if failure == "stalled" and outcome.job.stall_seconds >= self._seconds_left(*key):
            failure = "timed_out"  # its limit was not the time for a hang, but the rest of the trial's
        reason = outcome.reason if isinstance(outcome, Failed) else ""
        end = failure and self._retry_policy.failed(key, failure, name=f"trial {key[0]}", reason=reason)
        if isinstance(outcome, Done):
            if failure is None or end is not None:
                self._take_trained(key, outcome)
        elif end is not None:
            self._take_failed(key, end, outcome.reason)
        self._enqueue(key[0])

    def _take_trained(self, key: Key, outcome: Done) -> None:
        (trial, period), handled = key, self._history.trials[key[0]].reports
        self._retry_policy.done(key)
        report = outcome.report
        before = handled[period - 1] if period <= len(handled) else self._ready.setdefault(key, report)
        if isinstance(before, Report) and before.weights != report.weights:
            raise WorkerError(
                f"Trial {trial} trained period {period} again and got other weights ({before.weights[:8]} "
                f"then, {report.weights[:8]} now): this machine does not compute reproducibly."
            )
        if not isinstance(before, Report):
            self._ready[key] = report
        self._latest_states[trial] = (period, outcome.state)
        # On disk before its turn comes: however the process ends, a period that a worker has finished is never trained
        # again.
        self.states.put(trial, period, report, outcome.state)

    def _take_failed(self, key: Key, end: End, reason: str) -> None:
        """Let a failure that was the last one allowed end the trial."""
        trial, period = key
        if end == "out_of_memory":
            self._give_up(trial, end, f"Two workers ran out of memory over period {period}.")
        elif end == "timed_out":
            self._give_up(trial, end)
        elif period < self._history.trials[trial].next_period:
            raise WorkerError(f"Trial {trial} trained period {period} before and cannot now: {reason}")
        else:
            self._ready[key] = GivenUp(end, reason)


def take_all(outcomes: Sequence[Outcome], take: Callable[[Outcome], None]) -> None:
    """Take all outcomes that arrived together, also if one of them ends the work; the first such error is raised."""
    errors: list[WorkerError] = []
    for outcome in outcomes:
        try:
            take(outcome)
        except WorkerError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def as_stored(report: Report, *, with_details: bool) -> Report:
    """Return a report as the log has it: metrics that are not finite become None, because JSON has no NaN."""
    metrics = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.metrics.items()
    }
    return replace(report, metrics=metrics, details=report.details if with_details else {})


def can_be_stored(report: Report, key: Key) -> bool:
    """Return whether the event log can hold the report of a trial's period, which may be the trial's last."""
    try:
        stored = as_stored(finite(report), with_details=True)
        event = Reported(trial=key[0], period=key[1], report=stored, prune=False, verdict=True, attributes={})
        to_row(event)
    except (TypeError, ValueError):
        return False
    return True
