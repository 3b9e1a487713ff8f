"""Deciding a search once more from its log: it agrees with what was decided, and a log that was changed is noticed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from search.driver.replay import RecordedPlanner, Replay, replay
from search.errors import FingerprintError
from search.event_log.events import Asked, Event, Reported, trial_of
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Curves
from search.study import studies
from search.study.location import StudyLocation
from support import search_fake as fake
from support.forgery import chain_anew
from support.paths import DATABASE
from support.waiting import until

pytestmark = pytest.mark.usefixtures("log_alone")

GOAL = 20


def decided_again(results: Path, widest: int = 48) -> Replay:
    return replay(log(results), lambda spec: fake.Planner(widest))


def log(results: Path) -> list[Event]:
    return studies.read_events(StudyLocation.of("fake-0", results))


@pytest.mark.slow
@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_workers_of_different_speed_are_replayed(tmp_path: Path, order: Any) -> None:
    searched = fake.run(tmp_path, goal=GOAL, workers=3, delay=0.004, order=order)
    assert searched.reached
    assert len(searched.study.finished()) == GOAL
    assert decided_again(tmp_path) == Replay(events=len(log(tmp_path)), difference=None)


def test_plans_can_be_taken_from_the_log(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=GOAL)
    events = log(tmp_path)
    assert replay(events, lambda spec: RecordedPlanner(events)) == Replay(events=len(events), difference=None)
    asked = next(event for event in events if isinstance(event, Asked))
    other = replace(asked, params={**asked.params, "model.width": 1})
    changed = [other if event is asked else event for event in events]
    assert "model.width" in str(replay(changed, lambda spec: RecordedPlanner(changed)).difference)


def test_proposals_can_be_taken_from_the_log(tmp_path: Path) -> None:
    """The planner ruled configurations out, which the log's plans do not show, and curves asks for them."""
    fake.run(tmp_path, goal=GOAL, sampler=Curves(n_startup_trials=4))
    events = log(tmp_path)
    assert decided_again(tmp_path).difference is None
    assert replay(events, lambda spec: RecordedPlanner(events)).difference is not None
    trusted = replay(events, lambda spec: RecordedPlanner(events), proposes=False)
    assert trusted == Replay(events=len(events), difference=None, believed=("curves",))
    reported = next(event for event in events if isinstance(event, Reported) and not event.prune)
    changed = [replace(event, prune=True) if event is reported else event for event in events]
    assert "prune" in str(replay(changed, lambda spec: RecordedPlanner(changed), proposes=False).difference)


@pytest.mark.slow
def test_by_arrival_a_fast_trial_does_not_wait_for_a_slow_one(tmp_path: Path) -> None:
    """Seeds make some trials five times slower than others; their estimates do not know it."""
    fake.run(tmp_path, goal=GOAL, workers=4, delay=0.02, order="as-completed", pruner=NoPruner())
    times = [event.time for event in log(tmp_path) if event.kind == "report"]
    assert times != sorted(times)
    assert decided_again(tmp_path).difference is None


@pytest.mark.slow
@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_a_search_stopped_again_and_again_is_replayed(tmp_path: Path, order: Any) -> None:
    for _ in range(100):
        if fake.run(tmp_path, goal=GOAL, order=order, stopping=fake.StopAfter(7)).reached:
            break
        assert decided_again(tmp_path).difference is None
    assert len(fake.run(tmp_path, goal=GOAL + 5, order=order).study.finished()) == GOAL + 5
    assert decided_again(tmp_path) == Replay(events=len(log(tmp_path)), difference=None)


@pytest.mark.slow
def test_a_search_by_arrival_killed_between_any_two_events_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, deaths = fake.run_killed_between_events(
        tmp_path, monkeypatch, [5] * 100, goal=GOAL, order="as-completed", workers=0
    )
    assert deaths > 10
    assert len(ended.study.finished()) == GOAL
    assert decided_again(tmp_path) == Replay(events=len(log(tmp_path)), difference=None)


@pytest.mark.slow
def test_a_search_by_arrival_killed_for_real_goes_on(tmp_path: Path) -> None:
    """Its driver is killed by SIGKILL with its workers at work."""
    command = [sys.executable, fake.__file__, str(tmp_path), "3", "0.02", "as-completed"]
    with subprocess.Popen(command) as process:
        until(lambda: sum(event.kind == "report" for event in log(tmp_path)) >= 10)
        process.kill()
    before = log(tmp_path)
    assert fake.run(tmp_path, workers=3, order="as-completed").reached
    assert log(tmp_path)[: len(before)] == before
    assert decided_again(tmp_path).difference is None


@pytest.mark.parametrize(("first", "second"), [("deterministic", "as-completed"), ("as-completed", "deterministic")])
def test_a_study_is_searched_in_one_order(tmp_path: Path, first: Any, second: Any) -> None:
    fake.run(tmp_path, goal=3, order=first)
    with pytest.raises(FingerprintError, match=f"order: {first} then, {second} now"):
        fake.run(tmp_path, goal=5, order=second)


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_a_proposal_that_was_changed_is_noticed(tmp_path: Path, order: Any) -> None:
    fake.run(tmp_path, goal=GOAL, order=order)
    seq = change(tmp_path, "ask", 6, lambda ask: ask["params"].update({"optim.lr": 0.05}))
    found = decided_again(tmp_path)
    assert found.events == seq
    assert found.difference is not None
    assert f"event {seq}: ask of #6: params.optim.lr 0.05 in the log, " in found.difference


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_a_verdict_that_was_changed_is_noticed(tmp_path: Path, order: Any) -> None:
    fake.run(tmp_path, goal=GOAL, order=order)
    seq = change(tmp_path, "report", 5, lambda report: report.update(prune=not report["prune"]))
    assert f"event {seq}: report of #5: prune " in str(decided_again(tmp_path).difference)


def test_in_logical_order_events_that_changed_places_are_noticed(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=GOAL)
    events = log(tmp_path)
    at = next(
        seq
        for seq, (one, other) in enumerate(pairwise(events))
        if one.kind == other.kind == "report" and trial_of(one) != trial_of(other)
    )
    events[at], events[at + 1] = events[at + 1], events[at]
    found = replay(events, lambda spec: fake.Planner(48))
    assert found.events == at
    assert f"comes when it was #{trial_of(events[at + 1])}'s turn" in str(found.difference)


def test_an_event_that_was_changed_is_named_from_the_first_on(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=3)
    created, goal, asked, *rest = log(tmp_path)
    late = replay([created, replace(goal, time=7), asked, *rest], lambda spec: fake.Planner(48))
    assert (late.events, late.difference) == (1, "event 1: goal: time 7 in the log, 0 when decided again")


def test_a_log_that_goes_on_after_its_end_is_noticed(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=3)
    events = log(tmp_path)
    found = replay([*events, events[-1]], lambda spec: fake.Planner(48))
    assert "comes when nothing was left to do" in str(found.difference)


def test_another_planner_is_noticed(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=GOAL)
    assert "constraints.width" in str(decided_again(tmp_path, widest=40).difference)


@pytest.mark.slow
def test_a_planner_that_finds_nothing_feasible_ends_the_replay(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=3, sampler=Curves(), pruner=NoPruner())
    found = replay(log(tmp_path), lambda spec: fake.Planner(0))
    assert "ask of #0 comes when nothing feasible was found any more" in str(found.difference)


def change(results: Path, kind: str, trial: int, how: Callable[[dict[str, Any]], Any]) -> int:
    """Change what the first event of a kind says of a trial, as a forger does, and return its number."""
    database = StudyLocation.of("fake-0", results).folder / DATABASE
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT seq, payload FROM search_events WHERE kind = ? AND trial = ? ORDER BY seq LIMIT 1"
        seq, text = connection.execute(query, (kind, trial)).fetchone()
        payload = json.loads(text)
        how(payload)
        connection.execute("UPDATE search_events SET payload = ? WHERE seq = ?", (json.dumps(payload), seq))
        connection.commit()
    chain_anew(database)
    return int(seq)
