"""A search made by hand, an event at a time."""

from __future__ import annotations

from collections.abc import Mapping

from search.event_log.events import Asked, Created, GoalSet, Reported, Told
from search.event_log.history import History
from search.hashed import Reason, State
from search.trainer_api import Report

PERIODS = 4
ENDS: Mapping[bool, tuple[State, Reason]] = {True: ("COMPLETE", "complete"), False: ("PRUNED", "pruned")}
"""State and reason of a trial's end, by whether it was trained to its end."""


class Study:
    """A history that grows; the periods of a trial all cost the same."""

    def __init__(self, goal: int, concurrent_trials: int = 2, periods: int = PERIODS) -> None:
        self.history = History()
        self._periods = periods
        space = {"name": "made", "settings": {}, "fields": []}
        self.history.apply(
            Created(
                name="made", spec={"space": space, "concurrent_trials": concurrent_trials, "order": "deterministic"}
            )
        )
        self.history.apply(GoalSet(goal=goal))

    def ask(self, slot: int, cost: int = 10, *, excess: float = 0.0, time: int = 0) -> int:
        number = len(self.history.trials)
        asked = Asked(
            time=time, trial=number, params={}, config={}, costs=(cost,) * self._periods, facts={},
            constraints={"macs": excess}, slot=slot, seed=number, attributes={},
        )  # fmt: skip
        self.history.apply(asked)
        return number

    def train(self, trial: int, periods: int = 1, *, verdict: bool = False) -> None:
        for _ in range(periods):
            period = len(self.history.trials[trial].reports) + 1
            report = Report(value=0.5, metrics={}, weights="0", seconds=1.0)
            reported = Reported(
                trial=trial, period=period, report=report, prune=False, verdict=verdict, attributes={}
            )  # fmt: skip
            self.history.apply(reported)

    def end(self, trial: int) -> None:
        complete = len(self.history.trials[trial].reports) == self._periods
        state, reason = ENDS[complete]
        self.history.apply(Told(trial=trial, state=state, reason=reason, value=0.5, error=None, attributes={}))
