"""Searches whose log is in memory; `simulate` runs one in virtual time until it has spent a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from search.driver.dispatcher import Dispatcher
from search.driver.driver import Driver
from search.errors import TooManyFailuresError
from search.event_log.events import Created, Event, GoalSet, Reported
from search.event_log.history import History
from search.event_log.records import StudyRecord
from search.executors.protocol import Done, Executor, Job, Outcome
from search.strategies.optuna_study import OptunaStudy
from search.study.checkpoint_store import CheckpointStore
from search.study.spec import StudySpec
from search.trainer_api import Planner, Trainer

MAX_TRIALS = 100_000  # A search that has not spent its budget by then is given up
Seconds = Callable[[Job], float]  # returns how long a worker takes for a job


class VirtualExecutor(Executor):
    """Any number of workers of this process. Instead of waiting, `wait` moves a clock to the end of the next period.

    A job is trained when it is submitted, and delivered in its time; an exception of the trainer comes through.
    """

    def __init__(self, trainer: Trainer[Any], workers: int, seconds: Seconds) -> None:
        self.workers = workers
        self.now = 0.0  # virtual seconds since the start
        self._trainer = trainer
        self._seconds = seconds
        self._under_way: list[tuple[float, int, Done]] = []

    def start(self) -> Mapping[str, Any]:
        return self._trainer.numerics

    def idle(self) -> int:
        return self.workers - len(self._under_way)

    def submit(self, job: Job) -> None:
        config = self._trainer.codec.from_json(job.config)
        state, report = self._trainer.advance(config, job.seed, job.period, job.state)
        # Of two that end at once the earlier trial is delivered first.
        end = self.now + self._seconds(job)
        heappush(self._under_way, (end, job.trial, Done(job=job, report=report, state=state)))

    def wait(self, timeout: float) -> list[Outcome]:
        """Let time pass until a period ends; with a timeout of 0, return those that have."""
        if timeout and self._under_way:
            self.now = max(self.now, self._under_way[0][0])
        found: list[Outcome] = []
        while self._under_way and self._under_way[0][0] <= self.now:
            found.append(heappop(self._under_way)[2])
        return found

    def stop(self) -> None:
        self._under_way.clear()


class _NoFiles(CheckpointStore):
    """Keeps nothing."""

    def __init__(self) -> None: ...
    def put(self, *_: object) -> None: ...
    def get(self, *_: object) -> None: ...
    def drop(self, *_: object) -> None: ...


def search_in_memory(
    spec: StudySpec,
    planner: Planner[Any],
    executor: Executor,
    history: History,
    *,
    on_event: Callable[[Event], None],
    stopping: Callable[[], bool],
    study: OptunaStudy | None = None,
) -> None:
    """Continue a search after a history, to which its events are applied, until its trial budget is reached, or
    `stopping` says so before an event.

    `on_event` gets each event before it is applied. `study` is that in memory; by default the specification's.

    TooManyFailuresError if hardly any configuration is feasible, or configurations crash one after the other.
    """
    dispatcher = Dispatcher(executor, _NoFiles(), history, lambda: False, spec.may_stop_at)
    driver = Driver(
        spec=spec, history=history, append=on_event, planner=planner, dispatcher=dispatcher, optuna_study=study
    )
    driver.run(stopping)


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """A search in virtual time, at its end."""

    study: StudyRecord
    spent: tuple[int, ...]
    """Logical cost of all periods taken up so far, after each, in the order in which they were taken up."""
    reported: tuple[tuple[int, int], ...]  # trial and period (from 1) of each
    seconds: float  # virtual time, until the last of them was taken up
    failed: TooManyFailuresError | None  # why it ended before its budget: hardly any configuration was feasible


def simulate(
    spec: StudySpec,
    planner: Planner[Any],
    trainer: Trainer[Any],
    *,
    budget: int,
    seconds: Seconds,
    workers: int | None = None,
    study: OptunaStudy | None = None,
) -> Simulated:
    """Return the state of a search in logical order after the first period with which it has spent `budget`, a logical
    cost.

    Decisions depend on the specification and the trainer alone; `workers` (by default as many as concurrent trials)
    and `seconds` say only how long it takes. The trainer answers at once, and its exceptions are not caught. `study` is
    as in `search_in_memory`.
    """
    history = History.of([Created(name="simulated", spec=spec.to_json()), GoalSet(goal=MAX_TRIALS)])
    executor = VirtualExecutor(trainer, workers or spec.concurrent_trials, seconds)
    spent: list[int] = [0]
    reported: list[tuple[int, int]] = []

    def count(event: Event) -> None:
        if isinstance(event, Reported):
            spent.append(spent[-1] + history.trials[event.trial].costs[event.period - 1])
            reported.append((event.trial, event.period))

    failed = None
    try:
        search_in_memory(
            spec, planner, executor, history, on_event=count, stopping=lambda: spent[-1] >= budget, study=study
        )
    except TooManyFailuresError as error:
        failed = error
    return Simulated(
        study=history.record(), spent=tuple(spent[1:]), reported=tuple(reported), seconds=executor.now, failed=failed
    )
