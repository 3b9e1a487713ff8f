"""Workers for an objective: one child process a running trial, suspended between its reports."""

from __future__ import annotations

import json
import math
import platform
import selectors
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from search.arguments import check_count
from search.differences import CHECK
from search.errors import UsageError, WorkerError
from search.executors.fleet import Running
from search.executors.processes import ending, outcome_of_end, receive
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.files import open_to_append
from search.hashed import EndReason
from search.messages import number_of
from search.objectives.forks import Child, Forks, Output
from search.objectives.objective import Objective, seed_of
from search.objectives.reports import VALUE, Figures, digest_of, first_difference
from search.space.space import Space
from search.trainer_api import Report

NO_CHECK = "objective"  # takes the place of a numerics check, which no objective has: its reports are compared instead
GRACE = 12.0  # seconds that a child of a pruned trial has to put things in order
MAX_CHECK_DEATHS = 5  # processes that may be killed in a row while they make the first report again


@dataclass(slots=True, eq=False)
class _Run:
    """A child and what it does."""

    child: Child
    trial: int
    expected: Sequence[Figures]
    """The reports of an earlier child of the trial, which this one has to repeat before it continues."""
    place: int = 0  # which worker it computes on, from 0
    running: Running | None = None  # the period that it computes; None while it is suspended
    made: list[Figures] = field(default_factory=list)  # its reports
    seconds: float = 0.0  # time that its last report took
    details: Mapping[str, Any] = field(default_factory=dict)  # what came with its last report
    first: Done | None = None
    """If it makes the first report of the first trial again: what the first one counts as, if this one is the same."""
    ended_since: float | None = None  # since when it is to end, because its trial has


def reports_in(state: bytes) -> list[Figures]:
    """Return the reports that the state of a trial holds."""
    return [Figures.from_json(report) for report in json.loads(state)]


class ObjectiveExecutor(Executor):
    """At most `workers` children compute at a time.

    A trial's state is the text of its reports. A child that is lost is replaced by one that runs from the beginning;
    its reports have to be the same.
    """

    def __init__(
        self, objective: Objective, workers: int, log: Path, *, periods: int, space: Space | None,
        metric: str = VALUE, repeats: bool = True, checked: bool = True, first: Sequence[Figures] = (),
    ) -> None:  # fmt: skip
        """Start nothing yet; UsageError if there is to be no worker.

        Args:
            objective: what is called.
            workers: children that compute at a time.
            log: the file that gets what the objective prints.
            periods: the most reports of a trial.
            space: the space of the configurations; None if the first trial is to find it, which asks for the ranges.
            metric: the name of the value in a report that is a mapping.
            repeats: whether the same configuration and seed have to make the same reports.
            checked: whether the first trial's first report is made twice, in two processes, if it `repeats`.
            first: reports that the first trial has made before, of which the first is compared instead.
        """
        check_count("workers", workers)
        self.workers = workers
        self._objective = objective
        self._periods = periods
        self._metric = metric
        self._repeats = repeats
        self._checked = checked and repeats and not first
        self._first = first
        fields = None if space is None else {"name": space.name, "settings": {}, "fields": space.to_spec()["fields"]}
        self._space = fields  # what a child gets
        self._log_file = log
        self._log: IO[bytes] | None = None
        self._printed = 2  # the descriptor of the log, once it has started
        self._forks: Forks
        self._runs: dict[int, _Run] = {}  # the children of running trials, by trial
        self._leaving: list[_Run] = []  # those of trials that have ended
        self._check: _Run | None = None
        self._check_deaths = 0
        self._selector = selectors.DefaultSelector()

    def start(self) -> Mapping[str, Any]:
        """See `Executor.start`; UsageError if the objective cannot be loaded, or makes one report for several."""
        self._log = open_to_append(self._log_file)
        self._printed = self._log.fileno()
        self._forks = Forks(self._objective, self._metric, self._printed)
        makes_several = self._forks.start()
        if self._space is None and not self._forks.takes_trial:
            raise UsageError(
                f"{self._objective.name}: give a space; only an objective that is written for Optuna, whose parameter "
                "is called `trial`, goes without."
            )
        if not makes_several and self._periods > 1:
            raise UsageError(
                f"{self._objective.name} returns one value, and the search was made for {self._periods} reports; "
                "yield one after each part of the work, or leave out --periods (in Python periods)."
            )
        # No number is compared before a search: a child that runs again has to make the reports that the log holds.
        return {CHECK: NO_CHECK, "python": platform.python_version()}

    def idle(self) -> int:
        checks = int(self._check is not None)  # the first report, which is made again, keeps its worker busy
        return self.workers - checks - sum(run.running is not None for run in self._runs.values())

    def submit(self, job: Job) -> None:
        expected = reports_in(job.state) if job.state is not None else self._first if job.trial == 0 else ()
        run = self._runs.get(job.trial)
        if run is not None and len(run.made) == len(expected):
            run.child.send({"continue": True})
        else:
            self._kill(job.trial)
            run = self._runs[job.trial] = self._started(self._forks, job, expected)
        taken = {other.place for other in self._runs.values() if other.running is not None}
        run.place = min({*range(self.workers)} - taken)
        run.running = Running(job=job)

    def wait(self, timeout: float) -> list[Outcome]:
        for run in self._leaving:
            if run.ended_since is not None and time.monotonic() - run.ended_since > GRACE:
                run.child.kill()
        outcomes: list[Outcome] = []
        end = time.monotonic() + timeout
        while True:
            ready = [key.data for key, _ in self._selector.select(max(0.0, end - time.monotonic()))]
            for output in ready:
                if isinstance(output, Output) and not output.copy():
                    self._selector.unregister(output)
            runs = [run for run in ready if isinstance(run, _Run)]
            for run in runs:
                message = receive(run.child.end)
                outcomes += self._buried(run) if message is None else self._taken(run, message[0])
            # Afterwards: a report that waits for a driver that was held up is no hang.
            outcomes += self._stalled()
            if runs or outcomes or time.monotonic() >= end:  # the driver does not wait for output
                return outcomes

    def forget(self, trial: int) -> None:
        """Let the child put things in order, and end."""
        run = self._runs.get(trial)
        if run is None or run.running is not None:  # it computes, and reads nothing
            self._kill(trial)
            return
        self._end_check(trial)
        run.child.send({"end": True})
        self._leave(run)

    def stop(self) -> None:
        for trial in [*self._runs]:
            self._kill(trial)
        self._end_check()
        while self._leaving:  # those of pruned trials may put things in order
            self.wait(0.1)
        self._selector.close()
        if self._log is not None:
            self._forks.stop()
            self._log.close()

    def _started(self, forks: Forks, job: Job, expected: Sequence[Figures]) -> _Run:
        output = Output(self._printed, f"trial {job.trial}")
        run = _Run(child=forks.fork(output), trial=job.trial, expected=expected)
        self._selector.register(run.child.end, selectors.EVENT_READ, run)
        self._selector.register(output, selectors.EVENT_READ, output)
        run.child.send({
            "config": dict(job.config), "seed": seed_of(job.seed), "objective": self._metric,
            "number": job.trial, "periods": self._periods, "space": self._space,
        })  # fmt: skip
        return run

    def _taken(self, run: _Run, message: Mapping[str, Any]) -> list[Outcome]:
        if run.running is None:
            return []  # its trial has ended meanwhile
        if run.first is not None:
            return self._compared(run, run.first, message)
        if "raised" in message:
            return self._raised(run.running.job, message["raised"])
        if "refused" in message:
            raise UsageError(message["refused"])
        if "returned" in message:
            if not run.made:
                return self._raised(run.running.job, "The objective ended without a report.")
            if len(run.made) < self._periods:
                run.seconds = 0.0  # nothing was computed after the last report
            return self._ended(run, run.running)
        run.made.append(Figures.from_json(message["report"]))
        run.seconds, run.details = message["seconds"], message["details"]
        # For what it may have to do before it answers the job.
        run.running = replace(run.running, since=time.monotonic())
        number = len(run.made)
        if number > self._periods:
            most = number_of(self._periods, "report")
            return self._raised(
                run.running.job, f"The objective made report {number}, and the search was made for {most}."
            )
        if message["is_last"]:
            return self._ended(run, run.running)
        self._check_repeats(run, run.expected[:number])
        # The last report is followed by the objective's end, which shows that there is not one too many.
        if number < run.running.job.period or number == self._periods:
            run.child.send({"continue": True})
            return []
        return self._reported(run, run.running, None)

    def _ended(self, run: _Run, running: Running) -> list[Outcome]:
        """Return the outcome of a job whose child has made its last report."""
        self._check_repeats(run, run.expected)
        is_early = len(run.made) < self._periods and math.isfinite(run.made[-1].value)
        return self._reported(run, running, "finished" if is_early else None)

    def _reported(self, run: _Run, running: Running, end: EndReason | None) -> list[Outcome]:
        """Return the outcome of a job: its child waits, or has returned."""
        run.running, run.expected = None, ()
        last = run.made[-1]
        report = Report(
            value=last.value, metrics=last.metrics, weights=digest_of(run.made), end=end,
            measured={"seconds": run.seconds} if run.seconds else {}, details=run.details, worker=run.place,
            started=running.started,
        )  # fmt: skip
        state = json.dumps([report.to_json() for report in run.made]).encode()
        done = Done(job=running.job, report=report, state=state)
        if self._checked and running.job.trial == 0 and running.job.period == 1:
            self._checked = False
            self._begin_check(done, [*run.made])
            return []
        return [done]

    def _raised(self, job: Job, error: str) -> list[Outcome]:
        self._kill(job.trial)
        return [Failed(job=job, cause="raised", reason=error)]

    def _kill(self, trial: int) -> None:
        """End the child of a trial, which needs it no more."""
        self._end_check(trial)
        if (run := self._runs.get(trial)) is not None:
            run.child.kill()
            self._leave(run)

    def _leave(self, run: _Run) -> None:
        run.running, run.ended_since = None, time.monotonic()
        self._leaving.append(self._runs.pop(run.trial))

    def _buried(self, run: _Run) -> list[Outcome]:
        if run is self._check:
            self._check_again(run)
            return []
        self._unregister(run.child)
        code = run.child.exit_code()
        if run in self._leaving:
            self._leaving.remove(run)
            return []
        del self._runs[run.trial]
        # A child that was suspended is missed when its trial continues; one that has returned is not.
        if run.running is None:
            return []
        job = run.running.job
        if code >= 0:  # unlike a worker's, this process runs nothing but the objective
            return [Failed(job=job, cause="raised", reason=f"The objective ended its process ({ending(code)}).")]
        return [outcome_of_end(job, code, run.running.oom_kills, "The objective's process")]

    def _unregister(self, child: Child) -> None:
        self._selector.unregister(child.end)
        with suppress(KeyError):  # it closed its output before
            self._selector.unregister(child.output)

    def _stalled(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        now = time.monotonic()
        for run in [*self._runs.values(), *([] if self._check is None else [self._check])]:
            if (running := run.running) is None:
                continue
            job = running.job
            if now - running.since > job.stall_seconds:
                self._checked = self._checked or run is self._check  # with the next try
                self._kill(run.trial)
                silence = f"no report in {job.stall_seconds:.0f} s"
                outcomes.append(Failed(job=job, cause="stalled", reason=silence))
        return outcomes

    def _begin_check(self, done: Done, made: Sequence[Figures]) -> None:
        """Let a child of another process make the same report, before this one counts."""
        forks = Forks(self._objective, self._metric, self._printed)
        forks.start()
        self._check = self._started(forks, done.job, made)
        self._check.running, self._check.first = Running(job=done.job), done

    def _compared(self, run: _Run, done: Done, message: Mapping[str, Any]) -> list[Outcome]:
        """Take the report that was made again; the first one counts if it is the same."""
        if "raised" in message:
            raise self._not_repeated(run, f"it reported, and then raised {message['raised'].splitlines()[-1]}")
        if "report" in message:  # else it has returned without one
            run.made.append(Figures.from_json(message["report"]))
        self._check_repeats(run, run.expected)
        self._end_check()
        return [done]

    def _check_again(self, run: _Run) -> None:
        """Let another child make the first report again, because the one that was to do so was killed; WorkerError if
        several were."""
        self._end_check()
        self._check_deaths += 1
        if self._check_deaths == MAX_CHECK_DEATHS:
            raise WorkerError(
                f"{MAX_CHECK_DEATHS} processes in a row were killed that were to make the first report again, perhaps "
                "for lack of memory; --order as-completed, or in Python checked=False, does without."
            )
        if run.first is not None:
            self._begin_check(run.first, run.expected)

    def _end_check(self, trial: int | None = None) -> None:
        """End the child that makes the first report again, if there is one (of this trial)."""
        if (run := self._check) is not None and trial in (None, run.trial):
            self._check = None
            self._unregister(run.child)
            run.child.kill()
            run.child.exit_code()
            run.child.forks.stop()

    def _check_repeats(self, run: _Run, expected: Sequence[Figures]) -> None:
        """Check that a child made the reports of another one, if it has to; UsageError if it did not."""
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
