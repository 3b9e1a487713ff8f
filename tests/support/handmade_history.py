"""A search made by hand, an event at a time."""

from __future__ import annotations

from dataclasses import replace

from search.event_log.events import Asked, Created, GoalSet, Reported, Told
from search.event_log.history import History
from search.trainer_api import Report

PERIODS = 4


class Study:
    """A history that grows; the periods of a trial all cost the same."""

    def __init__(self, goal: int, concurrent_trials: int = 2, periods: int = PERIODS) -> None:
        space = {"name": "made", "settings": {}, "fields": []}
        spec = {"space": space, "concurrent_trials": concurrent_trials, "order": "deterministic"}
        self.history = History.of([Created(name="made", spec=spec), GoalSet(goal=goal)])
        self._periods = periods

    def ask(self, slot: int, cost: int = 10, *, excess: float = 0.0, time: int = 0) -> int:
        number = len(self.history.trials)
        asked = Asked(
            time=time, trial=number, params={}, config={}, costs=(cost,) * self._periods, facts={},
            constraints={"macs": excess}, slot=slot, seed=number, attributes={},
        )  # fmt: skip
        self.history.apply(asked)
        return number

    def train(self, trial: int, periods: int = 1, *, verdict: bool = False) -> None:
        report = Report(value=0.5, metrics={}, weights="0", seconds=1.0)
        for _ in range(periods):
            period = len(self.history.trials[trial].reports) + 1
            reported = Reported(trial=trial, period=period, report=report, prune=False, verdict=verdict, attributes={})
            self.history.apply(reported)

    def end(self, trial: int) -> None:
        pruned = Told(trial=trial, state="PRUNED", reason="pruned", value=0.5, error=None, attributes={})
        is_whole = len(self.history.trials[trial].reports) == self._periods
        self.history.apply(replace(pruned, state="COMPLETE", reason="complete") if is_whole else pruned)
