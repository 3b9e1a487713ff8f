"""Run a search in virtual time, until it has spent a budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from search.driver import Dispatcher, Driver, Observer, restored
from search.event_log import Created, Event, GoalSet, History, Reported, StudyRecord
from search.simulation.executor import Seconds, VirtualExecutor
from search.strategies import OptunaStudy
from search.study import StudySpec
from search.trainer_api import C, Planner, Report, Trainer

MAX_TRIALS = 100_000
"""A search that has not spent its budget by then is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """What a search came to."""

    study: StudyRecord
    spent: tuple[int, ...]
    """Logical cost of all periods taken up so far, after each, in the order in which they were taken up."""
    reported: tuple[tuple[int, int], ...]
    """Trial and period (from 1) of each."""
    seconds: float
    """Virtual time, until the last of them was taken up."""


class _Memory:
    """The event log of one search, which forgets all but the order of its reports."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.spent: list[int] = []
        self.reported: list[tuple[int, int]] = []

    def append(self, event: Event) -> None:
        """Count what a report has cost."""
        if isinstance(event, Reported):
            cost = self._history.trials[event.trial].costs[event.period - 1]
            self.spent.append(cost + (self.spent[-1] if self.spent else 0))
            self.reported.append((event.trial, event.period))

    def show(self, event: Event) -> None:
        """Do nothing: there are no tables of Optuna's."""


class _NoCheckpoints:
    """Keeps no state: a search in memory is not gone on with."""

    def put(self, trial: int, period: int, report: Report, state: bytes) -> None: ...
    def drop(self, trial: int, periods: Iterable[int]) -> None: ...

    def get(self, trial: int, period: int) -> None:
        """Return that there is none."""


def simulate(
    spec: StudySpec,
    planner: Planner[C],
    trainer: Trainer[C],
    *,
    budget: int,
    seconds: Seconds,
    workers: int | None = None,
    study: OptunaStudy | None = None,
) -> Simulated:
    """Return what a search comes to by the first period with which it has spent `budget`.

    Decisions depend on the specification and the trainer alone, as in any search in logical order; `workers` and
    `seconds` say only how long it takes.

    Args:
        spec: the search; in logical order.
        planner: its planner.
        trainer: answers at once; an exception of it comes through.
        budget: logical cost.
        seconds: how long a worker takes for a job.
        workers: as many as slots if left out.
        study: the study in memory, new; left out, that of any search.

    Raises:
        TooManyFailuresError: hardly any configuration is feasible.
    """
    history = History.of([Created(name="simulated", spec=spec.to_json()), GoalSet(goal=MAX_TRIALS)])
    memory = _Memory(history)
    executor = VirtualExecutor(trainer, workers or spec.slots, seconds)
    dispatcher = Dispatcher(executor, _NoCheckpoints(), lambda: False, spec.pruner.may_stop_at)
    driver = Driver(
        spec=spec,
        history=history,
        recorder=memory,
        planner=planner,
        dispatcher=dispatcher,
        observer=Observer(),
        on_trial_end=lambda trial: None,
        optuna_study=restored(spec, history, planner) if study is None else study,
    )
    driver.run(lambda: bool(memory.spent) and memory.spent[-1] >= budget)
    return Simulated(
        study=history.record(), spent=tuple(memory.spent), reported=tuple(memory.reported), seconds=executor.now
    )
