"""Searches that a rule ends before their trial budget: at the same event however they are run, and gone on with."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any

import pytest

from search.errors import UsageError
from search.event_log.events import Event, Resumed, Stopped
from support import search_fake as fake
from support.dose import dose
from support.scripted import Clock, Scripted

pytestmark = pytest.mark.usefixtures("log_alone")

BUDGET, PATIENCE = 30, 6
TARGET = 0.85
Ended = tuple[str, list[tuple[int, Event]]]
"""The digest of a search, and where it stopped or was resumed."""


def stops(results: Path) -> list[tuple[int, Event]]:
    return [(seq, event) for seq, event in enumerate(fake.events_of(results)) if isinstance(event, Stopped | Resumed)]


def is_decided_again(results: Path) -> bool:
    events = fake.events_of(results)
    found = fake.decided_again(events)
    return found.difference is None and found.events == len(events)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Return what the search comes to that patience ends and that nothing disturbs."""
    results = tmp_path_factory.mktemp("ended")
    return fake.run(results, budget=BUDGET, patience=PATIENCE).study.digest, stops(results)


def test_patience_ends_a_search_and_leaves_its_trials_paused(tmp_path: Path) -> None:
    run = fake.run(tmp_path, budget=BUDGET, patience=PATIENCE)
    study, stop, best = run.study, run.study.stop, run.study.best
    assert run.reached
    assert stop is not None
    assert best is not None
    assert (stop.rule, stop.limit, stop.since) == ("patience", PATIENCE, PATIENCE)
    assert (stop.best, stop.value) == (best.number, best.value)
    assert len(study.finished()) < BUDGET
    paused = {trial.number for trial in study.trials if trial.reason == "paused"}
    assert paused
    states = (tmp_path / "fake-0" / "states").iterdir()
    trained = {trial.number for trial in study.trials if trial.number in paused and trial.reports}
    assert trained <= {int(path.stem.split("-")[0]) for path in states} <= paused
    assert is_decided_again(tmp_path)


def test_a_target_ends_a_search_at_the_first_complete_trial_that_reaches_it(tmp_path: Path) -> None:
    study = fake.run(tmp_path, budget=BUDGET, target=TARGET, patience=BUDGET).study
    assert study.stop is not None
    assert (study.stop.rule, study.stop.limit, study.stop.since) == ("target", TARGET, 0)
    assert [trial.number for trial in study.complete() if (trial.value or 0) >= TARGET] == [study.stop.best]
    assert is_decided_again(tmp_path)


def test_periods_under_way_are_waited_for_where_a_rule_ends_a_search(tmp_path: Path, clock: Clock) -> None:
    executor = Scripted(clock, workers=3, at_once=1)
    options = {"budget": BUDGET, "patience": PATIENCE, "concurrent_trials": 8}
    assert fake.run(tmp_path, executor=executor, **options).study.stop is not None
    assert executor.idle() == 3


def test_the_same_command_again_is_done_at_once(ended: Ended, tmp_path: Path) -> None:
    fake.run(tmp_path, budget=BUDGET, patience=PATIENCE)
    for options in ({}, {"budget": BUDGET + 20}, {"budget": 3}, {"patience": 2}, {"target": 0.1, "patience": 50}):
        again = fake.run(tmp_path, executor=fake.NoWorkers(), **{"budget": BUDGET, "patience": PATIENCE, **options})
        assert again.reached
        assert again.study.stop is not None
        assert (again.study.digest, stops(tmp_path)) == ended


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"target": 0.9}, {"patience": PATIENCE + 1}, {"budget": BUDGET + 8}], ids=str)
def test_gone_on_with_a_search_comes_to_the_digest_of_one_that_never_stopped(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    fake.run(tmp_path / "stopped", budget=BUDGET, patience=PATIENCE)
    on = fake.run(tmp_path / "stopped", **{"budget": BUDGET, **options})
    assert on.reached
    assert is_decided_again(tmp_path / "stopped")
    kinds = ["stop", "resume"]
    if "patience" in options:
        kinds += ["stop"]
        assert fake.run(tmp_path / "other", budget=BUDGET, **options).study.digest == on.study.digest
    assert [event.kind for _, event in stops(tmp_path / "stopped")] == kinds
    whole = fake.run(tmp_path / "never", budget=options.get("budget", BUDGET)).study
    on = fake.run(tmp_path / "stopped", budget=options.get("budget", BUDGET))
    assert (on.study.stop, on.study.digest) == (None, whole.digest)


@pytest.mark.slow
def test_a_search_that_had_stopped_asking_ends_its_segment_first(tmp_path: Path) -> None:
    """Stopped when all trials had begun, gone on with to a larger trial budget: as one that reached the first."""
    fake.run(tmp_path / "never", budget=20)
    grown = fake.run(tmp_path / "never", budget=26).study
    fake.run(tmp_path / "cut", budget=20, patience=8)
    kinds = [event.kind for event in fake.events_of(tmp_path / "cut")]
    assert kinds[-2:] == ["tell", "stop"]
    assert "decline" in kinds
    on = fake.run(tmp_path / "cut", budget=26).study
    assert (on.totals, on.digest) == (grown.totals, grown.digest)
    assert is_decided_again(tmp_path / "cut")


def test_a_search_that_ended_early_is_not_cut_short_without_its_rule_and_goes_on(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=BUDGET, patience=PATIENCE)
    with pytest.raises(UsageError, match="not reached its trial budget of 30 trials"):
        fake.run(tmp_path, budget=5)
    fake.run(tmp_path, budget=BUDGET, stopping=fake.StopAfter(3))
    (at, stopped), (_, resumed) = stops(tmp_path)
    assert fake.events_of(tmp_path)[at - 1].time == stopped.time == resumed.time > 0
    assert is_decided_again(tmp_path)


@pytest.mark.slow
def test_by_arrival_a_rule_given_later_holds_at_once_and_the_log_is_decided_again(tmp_path: Path) -> None:
    options: dict[str, Any] = {"budget": BUDGET, "order": "as-completed"}
    for more in ({"stopping": fake.StopAfter(90)}, {"patience": 2}, {}):
        study = fake.run(tmp_path, **options, **more).study
        assert (study.stop is not None) == ("patience" in more)
        assert is_decided_again(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [{"patience": 2}, {"target": 0.8}], ids=["patience", "target"])
def test_a_rule_is_called_on_time_only_where_any_search_with_it_has_the_digest(
    tmp_path: Path, rule: dict[str, Any]
) -> None:
    first = fake.run(tmp_path / "first", budget=BUDGET, **rule).study
    assert first.stop is not None
    assert first.stop.on_time
    late = 0
    for events in (10, 50, 110):
        results = tmp_path / str(events)
        fake.run(results, budget=BUDGET, stopping=fake.StopAfter(events))
        study = fake.run(results, budget=BUDGET, **rule).study
        assert study.stop is not None
        assert study.stop.on_time is (study.digest == first.digest)
        late += not study.stop.on_time
    assert 0 < late < 3


@pytest.mark.slow
def test_with_any_workers_and_killed_between_any_two_events_a_search_stops_at_the_same_one(
    ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = fake.run(tmp_path, budget=BUDGET, workers=5, delay=0.002, patience=PATIENCE).study.digest
    assert (digest, stops(tmp_path)) == ended
    at = ended[1][0][0]
    for name, lives in {"each": chain([at - 12], repeat(1)), "some": cycle([5, 9])}.items():  # each of the last twelve
        results = tmp_path / name
        with monkeypatch.context() as patched:
            run, deaths = fake.run_killed_between_events(results, patched, lives, budget=BUDGET, patience=PATIENCE)
        assert deaths > 8
        assert (run.study.digest, stops(results)) == ended


@pytest.mark.integration
@pytest.mark.dosed
def test_a_search_killed_for_real_stops_at_the_same_event(ended: Ended, tmp_path: Path) -> None:
    """Its driver is killed by SIGKILL at random moments, a few periods apart, until it has come to its end."""
    command = [sys.executable, fake.__file__, str(tmp_path), "2", "0.01", "patience", str(PATIENCE)]
    moments, kills, wanted = random.Random(2), 0, max(3, dose(10))
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            before = len(fake.events_of(tmp_path))
            further = before + moments.randint(1, 1 + 80 // wanted)
            while kills < wanted and process.poll() is None and len(fake.events_of(tmp_path)) < further:
                time.sleep(0.005)
            if kills < wanted and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            printed, _ = process.communicate()
        if process.returncode == 0:
            break
    assert kills >= 3
    assert (printed.decode().strip(), stops(tmp_path)) == ended


def test_a_stop_that_its_rule_did_not_bring_about_is_noticed(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=BUDGET, patience=PATIENCE)
    events = fake.events_of(tmp_path)
    ((at, stopped),) = stops(tmp_path)
    assert isinstance(stopped, Stopped)
    for otherwise, words in (
        (replace(stopped, limit=PATIENCE + 1), f"event {at}: stop comes when its patience of 7 did not end the search"),
        (replace(stopped, time=stopped.time + 1), f"event {at}: stop: time "),
    ):
        found = fake.decided_again([*events[:at], otherwise])
        assert words in str(found.difference)
