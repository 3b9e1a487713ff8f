"""Why a trial was proposed, stopped or went on, told from the log."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from search.driver.replay import Explanation, explain, proposes_again
from search.event_log.events import Asked, Event, Reported, Told
from search.event_log.records import StudyRecord
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.registry import named_pruner, named_sampler
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from support import golden_searches, own_code, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")
GIVEN = {"model.depth": 1, "model.width": 16, "model.kind": "a", "optim.lr": 0.01}


def searched(folder: Path, **options: Any) -> tuple[StudyRecord, list[Event]]:
    study = fake.run(folder, budget=14, **options).study
    return study, fake.events_of(folder)


def explained(events: list[Event], number: int) -> Explanation:
    return explain(events, number, lambda spec: fake.Planner(48))


@pytest.mark.parametrize(
    ("sampler", "first", "last"),
    [
        (Tpe(n_startup_trials=4), "random", "model"),
        (Random(), "random", "random"),
        (named_sampler("optuna:QMCSampler"), "own code", "own code"),
        (Curves(n_startup_trials=3), "sequence", "model"),
    ],
)
def test_where_a_proposal_comes_from(tmp_path: Path, sampler: Sampler, first: str, last: str) -> None:
    study, events = searched(tmp_path, sampler=sampler)
    assert explained(events, 0).origin == first
    told = explained(events, study.trials[-1].number)
    assert told.origin == last
    assert (told.why is not None) == (sampler.name == "curves")
    assert (explained(events, 0).trained, told.trained) == (0, 13)


def test_a_proposal_repeats_if_the_planner_rules_out_the_same(tmp_path: Path) -> None:
    study, events = searched(tmp_path, sampler=Curves(n_startup_trials=3), enqueued=(GIVEN,))
    numbers = range(len(study.trials))
    assert all(proposes_again(events, number, lambda spec: fake.Planner(48)) for number in numbers)
    others = [proposes_again(events, number, lambda spec: fake.Planner(64)) for number in numbers]
    assert others[0], "it was given"
    assert not all(others)


def test_tpe_draws_at_random_until_as_many_have_ended_and_then_explains_without_the_code_of_the_pruner(
    tmp_path: Path,
) -> None:
    pruner = named_pruner(own_code.write(tmp_path, own_code.PRUNER), {"least": 0.0})
    study, events = searched(tmp_path, sampler=Tpe(n_startup_trials=4), concurrent_trials=8, pruner=pruner)
    (tmp_path / "mine.py").unlink()
    kinds = [explained(events, number).origin for number in range(len(study.trials))]
    ended: list[int] = []
    for event in events:
        if isinstance(event, Told):
            ended.append(event.trial)
        elif isinstance(event, Asked):
            assert kinds[event.trial] == ("model" if len(ended) >= 4 else "random")
    assert set(kinds[4:8]) == {"random"}
    rows = explained(events, study.trials[-1].number).standings
    assert {row.rule for row in rows if row.asked} == {"mine.py:Third decides"}


def test_a_diverged_trial_is_not_said_to_have_gone_on(tmp_path: Path) -> None:
    study, events = searched(tmp_path, behaviour="diverge", pruner=Asha(reduction_factor=2))
    diverged = [trial.number for trial in study.trials if trial.reason == "diverged"]
    assert diverged
    assert not any(explained(events, number).standings[-1].asked for number in diverged)


def test_what_was_given_is_told_as_given(tmp_path: Path) -> None:
    study, events = searched(tmp_path, enqueued=(GIVEN, {**GIVEN, "model.width": 8}))
    assert [explained(events, number).origin for number in range(3)] == ["enqueued", "enqueued", "random"]
    assert [trial.params["model.width"] for trial in study.trials[:2]] == [16, 8]


@pytest.mark.parametrize(
    ("pruner", "rule"),
    [
        (Asha(reduction_factor=2), r"best .+ continues?$"),
        (named_pruner("optuna:HyperbandPruner", {"max_resource": 6}), "^optuna:HyperbandPruner decides$"),
        (Median(n_startup_trials=2), "not worse than the median of those complete continues"),
        (NoPruner(), "^$"),
    ],
)
def test_where_a_trial_stood_when_it_was_stopped_or_went_on(tmp_path: Path, pruner: Pruner, rule: str) -> None:
    study, events = searched(tmp_path, pruner=pruner, sampler=Random())
    for trial in study.trials:
        rows = explained(events, trial.number).standings
        assert [row.value for row in rows] == [report.value for report in trial.reports]
        is_last = [row.period == len(rows) for row in rows]
        assert [row.stopped for row in rows] == [last and trial.reason == "pruned" for last in is_last]
        for row in rows:
            assert 1 <= row.place <= row.arrived
            assert not row.asked or re.search(rule, row.rule)
            if isinstance(pruner, Asha) and row.asked:
                assert row.stopped == (row.place > max(1, row.arrived // 2))


def test_the_median_pruner_stops_what_is_below_the_median_of_the_complete_ones_once_there_are_enough(
    tmp_path: Path,
) -> None:
    study, events = searched(tmp_path, pruner=Median(n_startup_trials=2, n_min_trials=3), sampler=Random())
    found = {trial.number: iter(explained(events, trial.number).standings) for trial in study.trials}
    complete: dict[int, list[float | None]] = {}
    verdicts = []
    for event in events:
        if isinstance(event, Told) and event.state == "COMPLETE":
            complete[event.trial] = [report.value for report in study.trials[event.trial].reports]
        elif isinstance(event, Reported) and event.report.value is not None:
            row, values = next(found[event.trial]), study.trials[event.trial].reports[: event.period]
            is_last = event.period == fake.PERIODS
            assert row.asked == (len(complete) >= 3 and not is_last)
            if row.asked:
                best = max(report.value for report in values if report.value is not None)
                others = [curve[event.period - 1] for curve in complete.values()]
                assert row.stopped == (best < median(value for value in others if value is not None))
                verdicts.append(row.stopped)
            else:
                assert row.rule == ("" if is_last else "stops none before 3 are complete")
                assert not row.stopped
    assert {*verdicts} == {True, False}


def test_with_two_objectives_a_trial_stands_among_those_that_cost_no_more(tmp_path: Path) -> None:
    two = {**fake.SPACE, **golden_searches.TWO}
    study, events = searched(tmp_path, sampler=Random(), pruner=Asha(reduction_factor=2), space_values=two)
    rows = [row for trial in study.trials for row in explained(events, trial.number).standings if row.asked]
    assert {row.stopped for row in rows} == {True, False}
    for row in rows:
        assert f"of {row.arrived} that cost no more the best" in row.rule
        assert row.stopped == (row.place > max(1, row.arrived // 2))
