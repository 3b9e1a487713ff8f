"""How far a search has come, by a clock of the test's own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from search.driver.dispatcher import Dispatcher
from search.driver.progress import MAX_EXPECTED_TRIALS, Meter, expected_survivors, seconds_left
from search.event_log.events import Asked, Reported
from search.event_log.forecast import GROWTH, Forecast, WorkLeft
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Random
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report
from support import search_fake as fake
from support.scripted import Clock, Scripted


def meter_of(folder: Path, budget: int, expected: float = 1.0, costs: Sequence[float] = (), **time: Any) -> Meter:
    """Return the meter of a search that has just begun, of which nothing is pruned; `time` is how workers spent it."""
    history = fake.begun(fake.make_spec(Random(), NoPruner(), 1, 0), budget)
    executor = Scripted(Clock(), workers=time.get("workers", 1))
    dispatcher = Dispatcher(executor, CheckpointStore(folder), history, lambda: False)
    dispatcher.since, dispatcher.ordering = time.get("since", dispatcher.since), time.get("ordering", 0.0)
    return Meter(history, dispatcher, (expected,) * fake.PERIODS, costs)


def reported(seconds: float, **more: Any) -> Report:
    return Report(value=0.5, metrics={}, weights="", measured={"seconds": seconds}, **more)


@pytest.mark.parametrize(
    ("left", "longest", "ordering", "seconds"),
    [(40.0, 10.0, 0.0, 9.0), (40.0, 30.0, 0.0, 12.0), (40.0, 10.0, 100.0, 18.0), (40.0, 0.0, 200.0, 80.0)],
)
def test_the_time_left_is_that_of_the_longest_trial_or_of_all_lanes_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: float, longest: float, ordering: float, seconds: float
) -> None:
    monkeypatch.setattr(Forecast, "remaining", lambda forecast, ahead: WorkLeft(total=left, longest=longest))
    meter = meter_of(tmp_path, 1, since=time.monotonic() - 100, workers=2, ordering=ordering)
    begun = meter.read()
    assert begun.seconds_left is None
    assert begun.order_cost == pytest.approx(ordering / 200, rel=0.01)
    for took in (1.0, 3.0):
        meter.count(5, reported(took))
    assert meter.read().seconds_left == pytest.approx(seconds, rel=0.01)


def test_trials_to_come_are_expected_to_cost_as_much_as_typical_ones(tmp_path: Path) -> None:
    meter = meter_of(tmp_path, 10, 10.0, [100.0] * fake.PERIODS)
    meter.count(100, reported(50.0))
    assert meter.read().seconds_left == pytest.approx(0.5 * GROWTH * 10 * 100 * fake.PERIODS, rel=0.01)


def test_survivors_are_those_of_the_goals_trials_and_of_so_many_that_it_takes_no_time() -> None:
    spec = fake.make_spec(Random(), Asha(), 1, 0)
    assert expected_survivors(spec, 2) == [2, 1.5, 1.5, 1.5]  # the second passes the first rung if it is better
    assert expected_survivors(spec, 10**9)[0] == MAX_EXPECTED_TRIALS


def test_foreseeing_the_rest_takes_a_twentieth_of_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Clock().set_in(monkeypatch, "search.driver.progress")
    foreseen: list[float] = []

    def remaining(forecast: Forecast, ahead: Mapping[int, int]) -> WorkLeft:
        foreseen.append(clock.now)
        clock.now += 1
        return WorkLeft(total=float(len(foreseen)), longest=0.0)

    monkeypatch.setattr(Forecast, "remaining", remaining)
    meter = meter_of(tmp_path, 12)
    meter.count(1, reported(1.0))
    while clock.now < 100:
        assert meter.read().seconds_left == len(foreseen)
        clock.now += 1
    assert foreseen == [0, 20, 40, 60, 80]


def test_a_search_that_is_read_takes_the_time_of_its_reports_so_far() -> None:
    spec = fake.make_spec(Random(), NoPruner(), 1, 0)
    history = fake.begun(spec, 2)
    assert seconds_left(history, spec) is None
    params = {"model.depth": 1, "model.width": 8}
    history.apply(
        Asked(time=0, trial=0, slot=0, params=params, config=params, seed=1, costs=(100,) * 4, facts={}, constraints={},
              attributes={})
    )  # fmt: skip
    trained = reported(50.0, worker=0)
    history.apply(Reported(time=100, trial=0, period=1, report=trained, prune=False, verdict=False, attributes={}))
    assert seconds_left(history, spec) == pytest.approx(0.5 * (300 + 400), rel=0.01)
