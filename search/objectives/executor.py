"""Workers for an objective: one child process a running trial, suspended between its reports."""

from __future__ import annotations

import json
import platform
import selectors
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from search.arguments import check_count
from search.differences import CHECK
from search.errors import UsageError, WorkerError
from search.executors.endings import ending, oom_kills, outcome_of_end
from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised
from search.files import open_to_append
from search.hashed import EndReason
from search.messages import number_of
from search.objectives.configuration import seed_of
from search.objectives.forks import Child, Forks, forks_of
from search.objectives.lines import Message
from search.objectives.objective import Objective
from search.objectives.output import Output
from search.objectives.reports import VALUE, Figures, digest_of, first_difference
from search.trainer_api import Report

NO_CHECK = "objective"
"""Takes the place of a numerics check, which no objective has: its reports are compared instead."""
GRACE = 12.0
"""Seconds that a child of a pruned trial has to put things in order."""
MAX_CHECK_DEATHS = 5
"""Processes that may be killed in a row while they make the first report again."""


@dataclass(slots=True)
class _Run:
    """A child and what it does."""

    child: Child
    trial: int
    place: int = 0
    """Which worker it computes on, from 0."""
    job: Job | None = None
    """The period that it computes; None while it is suspended."""
    expected: Sequence[Figures] = ()
    """The reports of an earlier child of the trial, which this one has to repeat before it continues."""
    made: list[Figures] = field(default_factory=list)
    """Its reports."""
    seconds: float = 0.0
    """Time that its last report took."""
    started: float = field(default_factory=time.time)
    since: float = field(default_factory=time.monotonic)
    oom_kills: int = field(default_factory=oom_kills)
    is_gone: bool = False
    """Whether its process has ended."""
    ended_since: float | None = None
    """Since when it is to end, because its trial has."""


@dataclass(slots=True)
class _Check:
    """The first report of the first trial, made again by a child of another process."""

    done: Done
    """What the first child's report counts as, if the other one makes the same."""
    run: _Run
    forks: Forks


class ObjectiveExecutor(Executor):
    """At most `workers` children compute at a time.

    A trial's state is the text of its reports. A child that is lost is replaced by one that runs from the beginning;
    its reports have to be the same.
    """

    def __init__(
        self, objective: Objective, workers: int, log: Path, *, periods: int, metric: str = VALUE, repeats: bool = True,
        checked: bool = True,
    ) -> None:  # fmt: skip
        """Start nothing yet.

        Args:
            objective: what is called.
            workers: children that compute at a time.
            log: the file that gets what the objective prints.
            periods: the most reports of a trial.
            metric: the name of the value in a report that is a mapping.
            repeats: whether the same configuration and seed have to make the same reports.
            checked: whether the first trial's first report is made twice, in two processes, if it `repeats`.

        Raises:
            UsageError: there is to be no worker.
        """
        check_count("workers", workers)
        self.workers = workers
        self._objective = objective
        self._periods = periods
        self._metric = metric
        self._repeats = repeats
        self._checked = checked and repeats
        self._log_file = log
        self._log: IO[bytes] | None = None
        self._forks: Forks | None = None
        self._runs: dict[int, _Run] = {}
        """The children of running trials, by trial."""
        self._leaving: list[_Run] = []
        self._check: _Check | None = None
        self._check_deaths = 0
        self._selector = selectors.DefaultSelector()

    def start(self) -> Mapping[str, Any]:
        """See `Executor.start`.

        Raises:
            UsageError: the objective cannot be loaded, or makes one report and the search was made for several.
        """
        self._log = open_to_append(self._log_file)
        self._forks = self._new_forks()
        if not self._forks.start() and self._periods > 1:
            raise UsageError(
                f"{self._objective.name} returns one value, and the search was made for {self._periods} reports; "
                "yield one after each part of the work, or leave out --periods (in Python periods)."
            )
        # No number is compared before a search: a child that runs again has to make the reports that the log holds.
        return {CHECK: NO_CHECK, "python": platform.python_version()}

    def idle(self) -> int:
        checks = int(self._check is not None)  # the first report, which is made again, keeps its worker busy
        return self.workers - checks - sum(run.job is not None for run in self._runs.values())

    def submit(self, job: Job) -> None:
        expected = _figures(job.state)
        run = self._runs.get(job.trial)
        if run is not None and (run.is_gone or len(run.made) != len(expected)):
            self._end(self._runs.pop(job.trial))
            run = None
        if run is None:
            run = self._runs[job.trial] = self._started(job, expected)
        else:
            run.child.send({"continue": True})
        taken = {other.place for other in self._runs.values() if other.job is not None}
        run.place = min({*range(self.workers)} - taken)
        run.job, run.started, run.since, run.oom_kills = job, time.time(), time.monotonic(), oom_kills()

    def wait(self, timeout: float) -> list[Outcome]:
        self._end_late()
        outcomes: list[Outcome] = []
        end = time.monotonic() + timeout
        while True:
            ready = [key.data for key, _ in self._selector.select(max(0.0, end - time.monotonic()))]
            for output in ready:
                if isinstance(output, Output) and not output.copy():
                    self._selector.unregister(output)
            runs = [run for run in ready if isinstance(run, _Run)]
            for run in runs:
                messages = run.child.lines.received()
                if messages is None:
                    outcomes += self._bury(run)
                for message in messages or ():
                    outcomes += self._take(run, message)
            # Afterwards: a report that waits for a driver that was held up is no hang.
            outcomes += self._stalled()
            if runs or outcomes or time.monotonic() >= end:  # the driver does not wait for output
                return outcomes

    def forget(self, trial: int) -> None:
        """Let the child put things in order, and end."""
        if self._check is not None and self._check.run.trial == trial:
            self._end_check()
        if (run := self._runs.pop(trial, None)) is None or run.is_gone:
            return
        if run.job is not None:
            self._end(run)  # it computes, and reads nothing
            return
        run.child.send({"end": True})
        run.ended_since = time.monotonic()
        self._leaving.append(run)

    def stop(self) -> None:
        for run in [*self._runs.values()]:
            self._end(run)
        self._runs.clear()
        self._end_check()
        while self._leaving:  # those of pruned trials may put things in order
            self.wait(0.1)
        if self._forks is not None:
            self._forks.stop()
        self._selector.close()
        if self._log is not None:
            self._log.close()

    def _new_forks(self) -> Forks:
        return forks_of(self._objective, self._metric, self._log or 2, lambda: [run.child for run in self._everyone()])

    def _everyone(self) -> list[_Run]:
        return [*self._runs.values(), *self._leaving, *([self._check.run] if self._check else [])]

    def _started(self, job: Job, expected: Sequence[Figures], forks: Forks | None = None) -> _Run:
        forks = forks or self._forks
        if forks is None:
            raise WorkerError("The workers have not been started.")
        output = Output(2 if self._log is None else self._log.fileno(), f"trial {job.trial}")
        run = _Run(child=forks.fork(output), trial=job.trial, expected=expected)
        self._selector.register(run.child.lines, selectors.EVENT_READ, run)
        self._selector.register(output, selectors.EVENT_READ, output)
        # 31 bits, because some libraries take no larger seed.
        run.child.send({"config": dict(job.config), "seed": seed_of(job.seed), "objective": self._metric})
        return run

    def _take(self, run: _Run, message: Message) -> list[Outcome]:
        if "group" in message:
            run.child.groups.add(message["group"])
            return []
        if run.job is None:
            return []  # its trial has ended meanwhile
        if self._check is not None and run is self._check.run:
            return self._compared(self._check, message)
        if "raised" in message:
            return self._raised(run, message["raised"])
        if "returned" in message:
            return self._returned(run)
        run.made.append(Figures.from_json(message["report"]))
        run.seconds = message["seconds"]
        number = len(run.made)
        if number > self._periods:
            most = number_of(self._periods, "report")
            return self._raised(run, f"The objective made report {number}, and the search was made for {most}.")
        self._check_repeats(run, run.expected[:number])
        # The last report is followed by the objective's end, which shows that there is not one too many.
        if number < run.job.period or number == self._periods:
            run.child.send({"continue": True})
            return []
        return self._reported(run, None)

    def _returned(self, run: _Run) -> list[Outcome]:
        if not run.made:
            return self._raised(run, "The objective ended without a report.")
        self._check_repeats(run, run.expected)
        return self._reported(run, None if len(run.made) == self._periods else "finished")

    def _reported(self, run: _Run, end: EndReason | None) -> list[Outcome]:
        """Return the outcome of a job: its child waits, or has returned."""
        job, run.job, run.expected = run.job, None, ()
        if job is None:
            return []
        last = run.made[-1]
        report = Report(
            value=last.value, metrics=last.metrics, weights=digest_of(run.made), end=end,
            seconds=0.0 if end else run.seconds, worker=run.place, started=run.started,
        )  # fmt: skip
        done = Done(job=job, report=report, state=_state(run.made))
        if self._checked and job.trial == 0 and job.period == 1:
            self._checked = False
            self._begin_check(done)
            return []
        return [done]

    def _begin_check(self, done: Done) -> None:
        """Let a child of another process make the same report, before this one counts."""
        forks = self._new_forks()
        forks.start()
        run = self._started(done.job, _figures(done.state), forks)
        run.job = done.job
        self._check = _Check(done=done, run=run, forks=forks)

    def _compared(self, check: _Check, message: Message) -> list[Outcome]:
        """Take the report that was made again; the first one counts if it is the same."""
        if "raised" in message:
            raise self._not_repeated(check.run, f"it reported, and then raised {message['raised'].splitlines()[-1]}")
        if "report" in message:  # else it has returned without one
            check.run.made.append(Figures.from_json(message["report"]))
        self._check_repeats(check.run, check.run.expected)
        self._end_check()
        return [check.done]

    def _check_again(self, check: _Check) -> None:
        """Let another child make the first report again, because the one that was to do so was killed.

        Raises:
            WorkerError: several were.
        """
        self._end_check()
        self._check_deaths += 1
        if self._check_deaths == MAX_CHECK_DEATHS:
            raise WorkerError(
                f"{MAX_CHECK_DEATHS} processes in a row were killed that were to make the first report again, perhaps "
                "for lack of memory; --unchecked (in Python checked=False) does without."
            )
        self._begin_check(check.done)

    def _end_check(self) -> None:
        if self._check is None:
            return
        check, self._check = self._check, None
        check.run.job = None
        self._unregister(check.run.child)
        check.run.child.kill()
        check.run.child.exit_code()
        check.forks.stop()

    def _check_repeats(self, run: _Run, expected: Sequence[Figures]) -> None:
        """Check that a child made the reports of another one, if it has to.

        Raises:
            UsageError: it did not.
        """
        if not self._repeats:
            return
        if (difference := first_difference(expected, run.made)) is not None:
            raise self._not_repeated(run, difference)
        if len(expected) > len(run.made):
            raise self._not_repeated(run, f"it made {number_of(len(expected), 'report')}, and then {len(run.made)}")

    def _not_repeated(self, run: _Run, difference: str) -> UsageError:
        return UsageError(
            f"{self._objective.name} does not repeat: called twice with the configuration and seed of trial "
            f"{run.trial}, {difference}. Draw random numbers from config.seed, report no times, and leave nothing to "
            "threads. Or use --order as-completed (in Python order='as-completed'), with which two runs may differ."
        )

    def _raised(self, run: _Run, error: str) -> list[Outcome]:
        job = run.job
        self._end(self._runs.pop(run.trial))
        return [] if job is None else [Raised(job=job, error=error)]

    def _end(self, run: _Run) -> None:
        """Kill a child, whose trial needs it no more."""
        run.job = None
        if not run.is_gone:
            run.child.kill()
            run.ended_since = time.monotonic()
            self._leaving.append(run)

    def _bury(self, run: _Run) -> list[Outcome]:
        if self._check is not None and run is self._check.run:
            self._check_again(self._check)
            return []
        self._unregister(run.child)
        code = run.child.exit_code()
        run.is_gone = True
        if run in self._leaving:
            self._leaving.remove(run)
        # A child that was suspended is missed when its trial continues; one that has returned is not.
        if run.job is None:
            return []
        job, run.job = run.job, None
        self._runs.pop(run.trial)
        if code >= 0:  # unlike a worker's, this process runs nothing but the objective
            return [Raised(job=job, error=f"The objective ended its process ({ending(code)}).")]
        return [outcome_of_end(job, code, run.oom_kills, "The objective's process")]

    def _unregister(self, child: Child) -> None:
        self._selector.unregister(child.lines)
        with suppress(KeyError):  # it closed its output before
            self._selector.unregister(child.output)

    def _stalled(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        now = time.monotonic()
        for run in [*self._runs.values(), *([] if self._check is None else [self._check.run])]:
            job = run.job
            if job is not None and now - run.since > job.stall_seconds * (1 + len(run.expected)):
                if self._check is not None and run is self._check.run:
                    self._end_check()
                    self._checked = True  # with the next try
                self._end(self._runs.pop(run.trial))
                outcomes.append(Lost(job=job, reason=f"no report in {job.stall_seconds:.0f} s", cause="stalled"))
        return outcomes

    def _end_late(self) -> None:
        for run in self._leaving:
            if run.ended_since is not None and time.monotonic() - run.ended_since > GRACE:
                run.child.kill()


def _state(reports: Sequence[Figures]) -> bytes:
    return json.dumps([report.to_json() for report in reports]).encode()


def _figures(state: bytes | None) -> list[Figures]:
    return [] if state is None else [Figures.from_json(report) for report in json.loads(state)]
