"""An executor whose workers die and raise where a test says so, by a clock that the test reads.

And a search made by hand, an event at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from search.event_log.events import Asked, Created, GoalSet, Reported, Told
from search.event_log.history import History
from search.event_log.records import ENDS
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.hashed import Reason
from search.trainer_api import Report
from support.fake_trainer import Trainer

TICK = 0.125
"""Seconds that a wait takes."""


@dataclass(slots=True)
class Clock:
    now: float = 0.0

    def set_in(self, monkeypatch: pytest.MonkeyPatch, module: str) -> Clock:
        """Let a module measure time by this clock, and return it."""
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: self.now))
        return self


@dataclass(slots=True)
class Scripted(Executor):
    """Jobs under way come back from each wait, failures first; `fails` says which of them fail, and how."""

    clock: Clock
    fails: Callable[[Job], Outcome | None] = lambda job: None
    workers: int = 1
    at_once: int | None = None  # how many come back from a wait; None for all
    started: list[tuple[float, Job]] = field(default_factory=list)  # every job that was submitted, with its time
    _running: list[Job] = field(default_factory=list)
    _trainer: Trainer = field(default_factory=Trainer)

    def start(self) -> Mapping[str, Any]:
        return self._trainer.numerics

    def idle(self) -> int:
        return self.workers - len(self._running)

    def submit(self, job: Job) -> None:
        self.started.append((self.clock.now, job))
        self._running.append(job)

    def wait(self, timeout: float) -> list[Outcome]:
        self.clock.now += TICK
        jobs = self._running[: self.at_once]
        self._running = self._running[len(jobs) :]
        return sorted((self.fails(job) or self._done(job) for job in jobs), key=lambda outcome: type(outcome) is Done)

    def stop(self) -> None:
        """See `Executor.stop`."""

    def _done(self, job: Job) -> Done:
        state, report = self._trainer.advance(job.config, job.seed, job.period, job.state)
        return Done(job=job, report=report, state=state)


def killed(job: Job) -> Failed:
    return Failed(job=job, cause="killed", reason="SIGKILL")


def raised(job: Job) -> Failed:
    return Failed(job=job, cause="raised", reason="ZeroDivisionError")


PERIODS = 4


class Study:
    """A history that grows; the periods of a trial all cost the same."""

    def __init__(self, budget: int, concurrent_trials: int = 2, periods: int = PERIODS, **settings: Any) -> None:
        """Begin; `settings` are those of the space."""
        space = {"name": "made", "settings": settings, "fields": []}
        spec = {"space": space, "concurrent_trials": concurrent_trials, "order": "deterministic"}
        self.history = History.of([Created(name="made", spec=spec), GoalSet(goal=budget)])
        self._periods = periods

    def ask(self, slot: int, cost: int = 10, *, excess: float = 0.0, time: int = 0, macs: int = 1) -> int:
        number = len(self.history.trials)
        asked = Asked(
            time=time, trial=number, params={}, config={}, costs=(cost,) * self._periods, facts={"macs": macs},
            constraints={"macs": excess}, slot=slot, seed=number, attributes={},
        )  # fmt: skip
        self.history.apply(asked)
        return number

    def train(self, trial: int, periods: int = 1, *, verdict: bool = False, value: float = 0.5) -> None:
        report = Report(value=value, metrics={}, weights="0", measured={"seconds": 1.0})
        for _ in range(periods):
            period = len(self.history.trials[trial].reports) + 1
            reported = Reported(trial=trial, period=period, report=report, prune=False, verdict=verdict, attributes={})
            self.history.apply(reported)

    def end(self, trial: int, reason: Reason | None = None, time: int = 0) -> None:
        """End a trial; by default it is complete if all its periods were trained, else pruned."""
        record = self.history.trials[trial]
        reason = reason or ("complete" if len(record.reports) == self._periods else "pruned")
        ended: dict[str, Any] = {"state": ENDS[reason].state, "reason": reason, "value": record.value}
        self.history.apply(Told(time=time, trial=trial, error=None, attributes={}, **ended))

    def add(self, reason: Reason, value: float = 0.5, macs: int = 1) -> None:
        """Let a trial begin, train its one period if it is complete or pruned, and end, in a search of one slot."""
        trial = self.ask(0, 1, excess=float(reason == "infeasible"), macs=macs)
        if reason in ("complete", "pruned"):
            self.train(trial, verdict=True, value=value)
        self.end(trial, reason, time=trial)
