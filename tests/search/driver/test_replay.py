"""Deciding a search once more from its log: it agrees with what was decided, and a log that was changed is noticed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from search.driver.replay import RecordedPlanner, Replay, replay
from search.event_log.events import Asked, Event, Reported, trial_of
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Curves, Random
from support import search_fake as fake
from support.processes import until

pytestmark = pytest.mark.usefixtures("log_alone")

BUDGET = 16
BOTH_ORDERS = pytest.mark.parametrize("order", ["deterministic", "as-completed"])
E = TypeVar("E", Asked, Reported)


def is_decided_again(results: Path) -> bool:
    events = fake.events_of(results)
    return fake.decided_again(events) == Replay(events=len(events), difference=None)


def first(events: Sequence[Event], kind: type[E], trial: int) -> tuple[int, E]:
    """Return the number of the first event of a kind about a trial, and that event."""
    return next((seq, event) for seq, event in enumerate(events) if isinstance(event, kind) and event.trial == trial)


def with_another(events: Sequence[Event], seq: int, event: Event) -> list[Event]:
    return [*events[:seq], event, *events[seq + 1 :]]


@pytest.fixture
def events(tmp_path: Path) -> list[Event]:
    fake.run(tmp_path, budget=BUDGET)
    return fake.events_of(tmp_path)


def test_plans_can_be_taken_from_the_log(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=BUDGET, sampler=Random())
    events = fake.events_of(tmp_path)
    assert replay(events, lambda spec: RecordedPlanner(events)) == Replay(events=len(events), difference=None)
    seq, asked = first(events, Asked, 0)
    changed = with_another(events, seq, replace(asked, params={**asked.params, "model.width": 1}))
    assert "model.width" in str(replay(changed, lambda spec: RecordedPlanner(changed)).difference)


def test_proposals_can_be_taken_from_the_log(tmp_path: Path) -> None:
    """The planner ruled configurations out, which the log's plans do not show, and curves asks for them."""
    fake.run(tmp_path, budget=BUDGET, sampler=Curves(n_startup_trials=4))
    events = fake.events_of(tmp_path)
    assert is_decided_again(tmp_path)
    assert replay(events, lambda spec: RecordedPlanner(events)).difference is not None
    trusted = replay(events, lambda spec: RecordedPlanner(events), proposes=False)
    assert trusted == Replay(events=len(events), difference=None, believed=("curves",))
    seq, reported = first(events, Reported, 0)
    changed = with_another(events, seq, replace(reported, prune=not reported.prune))
    assert "prune" in str(replay(changed, lambda spec: RecordedPlanner(changed), proposes=False).difference)


@pytest.mark.slow
@BOTH_ORDERS
def test_workers_of_different_speed_are_replayed(tmp_path: Path, order: Any) -> None:
    """Seeds make some trials five times slower than others, for which only by arrival the others do not wait."""
    found = fake.run(tmp_path, budget=BUDGET, workers=4, delay=0.01, order=order, pruner=NoPruner())
    assert len(found.study.finished()) == BUDGET
    times = [event.time for event in fake.events_of(tmp_path) if event.kind == "report"]
    assert (times == sorted(times)) == (order == "deterministic")
    assert is_decided_again(tmp_path)


@pytest.mark.slow
@BOTH_ORDERS
def test_a_search_stopped_again_and_again_is_replayed(tmp_path: Path, order: Any) -> None:
    while not fake.run(tmp_path, budget=BUDGET, order=order, stopping=fake.StopAfter(14)).reached:
        assert is_decided_again(tmp_path)
    assert len(fake.run(tmp_path, budget=BUDGET + 5, order=order).study.finished()) == BUDGET + 5
    assert is_decided_again(tmp_path)


@pytest.mark.slow
def test_a_search_by_arrival_killed_between_any_two_events_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, deaths = fake.run_killed_between_events(
        tmp_path, monkeypatch, [5] * 100, budget=BUDGET, order="as-completed"
    )
    assert deaths > 10
    assert len(ended.study.finished()) == BUDGET
    assert is_decided_again(tmp_path)


@pytest.mark.slow
def test_a_search_by_arrival_killed_for_real_goes_on(tmp_path: Path) -> None:
    """Its driver is killed by SIGKILL with its workers at work."""
    command = [sys.executable, fake.__file__, str(tmp_path), "3", "0.02", "as-completed"]
    with subprocess.Popen(command) as process:
        until(lambda: sum(event.kind == "report" for event in fake.events_of(tmp_path)) >= 10)
        process.kill()
    before = fake.events_of(tmp_path)
    assert fake.run(tmp_path, workers=3, order="as-completed").reached
    assert fake.events_of(tmp_path)[: len(before)] == before
    assert is_decided_again(tmp_path)


@BOTH_ORDERS
def test_a_proposal_or_a_verdict_that_was_changed_is_noticed(tmp_path: Path, order: Any) -> None:
    fake.run(tmp_path, budget=BUDGET, order=order)
    events = fake.events_of(tmp_path)
    seq, asked = first(events, Asked, 6)
    found = fake.decided_again(with_another(events, seq, replace(asked, params={**asked.params, "optim.lr": 0.05})))
    assert found.events == seq
    assert str(found.difference).startswith(f"event {seq}: ask of #6: params.optim.lr 0.05 in the log, ")
    seq, reported = first(events, Reported, 5)
    found = fake.decided_again(with_another(events, seq, replace(reported, prune=not reported.prune)))
    assert str(found.difference).startswith(f"event {seq}: report of #5: prune ")


Changed = tuple[int, list[Event], str]
"""How many events are decided as in a log that was changed, that log, and what is said."""


def places_changed(events: list[Event]) -> Changed:
    at = next(
        seq
        for seq, (one, other) in enumerate(pairwise(events))
        if one.kind == other.kind == "report" and trial_of(one) != trial_of(other)
    )
    changed = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
    return at, changed, f"comes when it was #{trial_of(events[at])}'s turn"


def time_changed(events: list[Event]) -> Changed:
    return 1, with_another(events, 1, replace(events[1], time=7)), "event 1: goal: time 7 in the log, 0 when decided"


def gone_on_after_its_end(events: list[Event]) -> Changed:
    return len(events), [*events, events[-1]], "comes when nothing was left to do"


@pytest.mark.parametrize("change", [places_changed, time_changed, gone_on_after_its_end])
def test_a_changed_log_is_noticed(events: list[Event], change: Callable[[list[Event]], Changed]) -> None:
    same, changed, words = change(events)
    found = fake.decided_again(changed)
    assert found.events == same
    assert words in str(found.difference)


def test_another_planner_is_noticed(events: list[Event]) -> None:
    assert "constraints.width" in str(fake.decided_again(events, widest=40).difference)


@pytest.mark.slow
def test_a_planner_that_finds_nothing_feasible_ends_the_replay(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=3, sampler=Curves(), pruner=NoPruner())
    found = fake.decided_again(fake.events_of(tmp_path), widest=0)
    assert "ask of #0 comes when nothing feasible was found any more" in str(found.difference)
