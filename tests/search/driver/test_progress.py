"""Progress: exact at every event, and a forecast that takes a small share of the time however many slots there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from search.driver import progress
from search.driver.dispatcher import WorkerTime
from search.driver.progress import Meter
from search.event_log.forecast import Forecast, Remaining
from search.event_log.history import History
from search.event_log.timeline import Active, Timeline
from support.handmade import trial


@dataclass
class Clock:
    """Stands in for the module `time`."""

    now: float = 0.0

    def monotonic(self) -> float:
        """See `time.monotonic`."""
        return self.now


@dataclass
class NoWorkers:
    """Trains nothing."""

    time: WorkerTime = field(default_factory=WorkerTime)

    def at_work(self) -> frozenset[int]:
        """See `Workers`."""
        return frozenset()

    def ahead(self) -> Mapping[int, int]:
        """See `Workers`."""
        return {}


def test_the_forecast_takes_a_twentieth_of_the_time_and_all_else_is_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, foreseen = Clock(), 0

    def remaining(self: Forecast, ahead: Mapping[int, int]) -> Remaining:
        nonlocal foreseen
        foreseen += 1
        clock.now += 0.005
        return Remaining(cost=foreseen, longest=0.0)

    monkeypatch.setattr(Forecast, "remaining", remaining)
    monkeypatch.setattr(progress, "time", clock)
    history = History.of([])
    history.timeline = Timeline.of(200)
    meter = Meter(history, NoWorkers(), [1])
    for number in range(200):  # an event a millisecond
        history.trials.append(trial(number, periods=1, state="RUNNING"))
        history.timeline.slots[number].trial = Active(number=number, seed=0, costs=(1, 1), start=0, periods_done=1)
        found = meter.read()
        clock.now += 0.001
        assert len(found.running) == number + 1
        assert found.left == Remaining(cost=foreseen, longest=0.0)
    assert foreseen == 3  # at 0, 0.1 and 0.2 seconds, each 0.005 long
