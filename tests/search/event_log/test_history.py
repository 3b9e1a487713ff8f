"""Logical time, and when a search ends before its trial budget: both decided from the history alone."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from search.errors import StorageError, UsageError
from search.event_log.events import Asked, Created, Declined, Event, GoalSet, Reported, Resumed, Stopped, Told
from search.event_log.history import History, StopRules, Timeline
from search.event_log.records import ENDS, EarlyStop
from search.hashed import Reason
from search.trainer_api import Report
from support.dose import dose
from support.scripted import Study


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=5), min_size=1, max_size=6))
@example([[5, 5], [3, 9], [3, 1]])
def test_events_come_in_logical_time_and_at_one_time_by_index(costs: list[list[int]]) -> None:
    timeline, found = Timeline.of(len(costs)), []
    assert (timeline.now(), [turn.time for turn in timeline.turns]) == (0, [0] * len(costs))
    left = [[*accumulate(row)] for row in costs]
    for index, ends in enumerate(left):
        timeline.hold(index, index, ends[0], decided=False)
    while (turn := timeline.next(asking=False)) is not None:
        found.append((left[turn.index].pop(0), turn.index))
        if ends := left[turn.index]:
            timeline.hold(turn.index, turn.index, ends[0], decided=False)
        else:
            timeline.free(turn.index, turn.time)
    assert found == sorted((end, index) for index, row in enumerate(costs) for end in accumulate(row))


def test_by_arrival_what_needs_no_worker_comes_first_and_free_turns_only_while_trials_are_asked_for() -> None:
    timeline = Timeline.of(4, "as-completed")

    def first(*, asking: bool = True) -> int | None:
        turn = timeline.next(asking=asking)
        return None if turn is None else turn.index

    for index in range(3):
        timeline.hold(index, index, 1, decided=False)
    assert first() == 3  # which is free
    timeline.hold(3, 3, 9, decided=False)
    assert first() == 0
    timeline.hold(3, 3, 9, decided=True)
    assert first() == 3  # to be told
    timeline.free(3, 9)
    assert (first(), first(asking=False)) == (3, 0)
    for index in range(3):
        timeline.free(index, 1)
    assert first(asking=False) is None
    timeline.restart(9)
    assert (first(), timeline.now()) == (0, 9)


def test_the_next_event_of_a_trial_is_due_when_its_period_ends_or_at_once_if_it_trains_no_more() -> None:
    study = Study(budget=1)
    assert study.history.turn_of(study.ask(1, excess=1.0, time=10)).time == 10
    trial = study.ask(0, cost=5, time=10)
    assert study.history.turn_of(trial).time == 15
    for verdict in (False, True):
        study.train(trial, verdict=verdict)
        assert study.history.turn_of(trial).time == 20
    assert (study.history.planned_periods, study.history.saved_periods) == (0, 0)
    study.end(trial)
    assert (study.history.planned_periods, study.history.saved_periods) == (4, 2)


def test_a_budget_that_is_raised_again_replaces_that_of_its_segment_alone() -> None:
    history = Study(budget=2).history
    for event in (GoalSet(goal=0), Declined(), GoalSet(goal=1), GoalSet(goal=3)):
        history.apply(event)
    assert (history.budgets, history.budget) == ([0, 3], 3)


Ended = tuple[Reason, float, int]
"""How a trial ended, its value and its cost."""
ENDS_OF_TRIALS = st.lists(
    st.tuples(st.sampled_from(list(ENDS)), st.integers(0, 4).map(float), st.integers(1, 4)), max_size=25
)
COMPLETE_ONES: list[Ended] = [("complete", 4.0, 4), ("complete", 3.0, 3), ("complete", 3.0, 3), ("complete", 1.0, 1)]
"""With two objectives the third and one that costs more than the first are no better than those before them."""
LATE: list[Ended] = [("complete", 2.0, 1), ("complete", 1.0, 1), ("pruned", 1.0, 1), ("complete", 3.0, 1)]
"""A patience of two trials, and a target of 2, have held before the last one."""
SETTINGS: dict[str, dict[str, Any]] = {
    "one": {},
    "minimized": {"direction": "minimize"},
    "two": {"objective": ["val_accuracy", "macs"]},
}
KINDS = st.sampled_from([*SETTINGS])


def begun(budget: int = 100, *values: float, **settings: Any) -> Study:
    """Return a search of one trial at a time, whose complete trials have these values."""
    study = Study(budget, concurrent_trials=1, periods=1, **settings)
    for value in values:
        study.add("complete", value)
    return study


def stopped(study: Study, rules: StopRules) -> EarlyStop | None:
    """Return why a search stops here, if it does, after it has stopped."""
    if (event := rules.stopped(study.history)) is not None:
        study.history.apply(event)
    return study.history.record().stop


def test_patience_counts_trained_trials_since_the_best_and_none_before_one_is_complete() -> None:
    study, rules = begun(), StopRules(patience=3)
    ends: list[tuple[Reason, float]] = [
        *(("pruned", 0.5), ("crashed", 0.5), ("pruned", 0.5), ("pruned", 0.5), ("complete", 0.7)),
        *(("pruned", 0.9), ("infeasible", 0.9), ("crashed", 0.9), ("infeasible", 0.9)),  # however good where pruned
        ("complete", 0.7),  # as good is no better
    ]
    for reason, value in ends:
        assert rules.stopped(study.history) is None
        study.add(reason, value)
    assert rules.stopped(study.history) == Stopped(time=9, rule="patience", limit=3, best=4)


def test_a_target_is_reached_by_a_complete_trial_alone() -> None:
    study = begun()
    study.add("pruned", 0.999)
    study.add("complete", 0.994)
    found = StopRules(target=0.994, patience=1).stopped(study.history)
    assert found == Stopped(time=1, rule="target", limit=0.994, best=1)


def test_before_anything_and_at_its_goal_a_search_ends_by_no_rule_and_without_one_never() -> None:
    rules, study = StopRules(patience=1, target=0.0), begun(budget=2)
    assert rules.stopped(History()) is None
    for stops in (False, True, False):
        assert (rules.stopped(study.history) is not None) == stops
        assert StopRules().stopped(study.history) is None
        study.add("complete", 0.9)


@settings(max_examples=dose(200), deadline=None)
@given(ENDS_OF_TRIALS, st.integers(1, 5), KINDS)
@example([*COMPLETE_ONES, ("complete", 4.0, 4)], 1, "two")
@example([*COMPLETE_ONES, ("complete", 3.5, 4)], 2, "two")
@example([*COMPLETE_ONES, ("infeasible", 0.0, 1)], 3, "minimized")
def test_patience_is_what_its_definition_says(ends: list[Ended], patience: int, kind: str) -> None:
    study, sign, two = begun(100, **SETTINGS[kind]), -1 if kind == "minimized" else 1, kind == "two"
    for reason, value, cost in ends:
        study.add(reason, sign * value, cost)
    trials = list(enumerate(ends))
    better = [
        number
        for number, (reason, value, cost) in trials
        if reason == "complete"
        and not any(
            kind == "complete" and other >= value and (costs <= cost or not two)
            for _, (kind, other, costs) in trials[:number]
        )
    ]
    since = sum(reason != "infeasible" for _, (reason, _, _) in trials[better[-1] + 1 :]) if better else 0
    found = StopRules(patience=patience).stopped(study.history)
    assert (found is not None) == (bool(better) and since >= patience)
    assert found is None or found.best == better[-1]


RULES = st.integers(1, 2).map(lambda patience: StopRules(patience=patience)) | st.integers(1, 3).map(
    lambda target: StopRules(target=target)
)


@settings(max_examples=dose(200), deadline=None)
@given(ENDS_OF_TRIALS, RULES, KINDS)
@example([*LATE, ("pruned", 1.0, 1), ("pruned", 1.0, 1)], StopRules(patience=2), "one")
@example(LATE, StopRules(target=2), "minimized")
def test_a_rule_was_there_from_the_start_where_it_had_not_held_before(
    ends: list[Ended], rules: StopRules, kind: str
) -> None:
    study, sign, verdict, held = begun(100, **SETTINGS[kind]), -1 if kind == "minimized" else 1, None, False
    if rules.target is not None:
        rules = StopRules(target=sign * rules.target)
    for reason, value, cost in ends:
        held = held or verdict is not None
        study.add(reason, sign * value, cost)
        verdict = rules.stopped(study.history)
    if (stop := stopped(study, rules)) is not None:
        best = study.history.trials[stop.best].value
        assert (stop.on_time, stop.value, stop.limit) == (not held, best, rules.patience or rules.target)


def test_a_rule_that_came_after_further_periods_were_trained_came_too_late() -> None:
    """What is under way counts in the digest, too: any other search with the rule stops before these periods."""
    study = begun(100, 0.9)
    study.ask(0)
    stop = stopped(study, StopRules(target=0.8))
    assert stop is not None
    assert not stop.on_time


def test_a_stop_says_why_and_ends_until_the_search_is_resumed() -> None:
    study = begun(100, 0.9)
    study.add("pruned")
    for rules, limit, on_time in ((StopRules(patience=1), 1, True), (StopRules(target=0.5), 0.5, False)):
        stop = stopped(study, rules)
        assert stop is not None
        assert (stop.limit, stop.best, stop.value, stop.since, stop.on_time) == (limit, 0, 0.9, 1, on_time)
        assert not stop.two_objectives
        assert StopRules.of(Stopped(rule=stop.rule, limit=stop.limit, best=0)) == rules
        assert study.history.next_turn() is None
        study.history.apply(Resumed())
        assert study.history.record().stop is None
        assert study.history.next_turn() is not None


CREATED = Created(name="made", spec=begun().history.spec)
ASKED = Asked(trial=0, params={}, config={}, costs=(1,), facts={}, constraints={}, slot=0, seed=0, attributes={})
REPORT = Report(value=0.5, metrics={}, weights="0", measured={"seconds": 1.0})
REPORTED = Reported(trial=0, period=1, report=REPORT, prune=False, verdict=True, attributes={})
PRUNED = Told(trial=0, state="PRUNED", reason="pruned", value=0.5, error=None, attributes={})
COMPLETE = Told(trial=0, state="COMPLETE", reason="complete", value=0.5, error=None, attributes={})
STOPPED = Stopped(rule="patience", limit=1, best=0)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([STOPPED], "its trial is not complete"),
        ([REPORTED, PRUNED, STOPPED], "its trial is not complete"),
        ([Stopped(rule="patience", limit=1, best=7)], "there is no such trial"),
        ([Resumed()], "the search had not ended early"),
        ([REPORTED, COMPLETE, STOPPED, STOPPED], "the search has ended early before"),
        ([REPORTED, COMPLETE, STOPPED, GoalSet(goal=5)], "the search has ended early before"),
        ([CREATED], "the study has begun before"),
        ([replace(ASKED, trial=1)], "its slot is taken"),
        ([replace(REPORTED, period=2)], "it is of another period"),
    ],
)
def test_what_no_search_decides_is_refused(events: list[Event], why: str) -> None:
    with pytest.raises(StorageError, match=rf"was not written by a search \(\w+: {why}\)"):
        History.of([CREATED, GoalSet(goal=3), ASKED, *events])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"patience": 0}, "A patience of 0 trials is too small; give 1 or more."),
        ({"target": 10**400}, f"A target of {10**400} cannot be reached; give a number."),
        ({"target": math.nan}, "A target of nan cannot be reached; give a number."),
        ({"target": math.inf}, "A target of inf cannot be reached; give a number."),
        ({"target": True}, "A target of True cannot be reached; give a number."),
    ],
    ids=lambda given: str(given)[:20],
)
def test_a_rule_that_no_search_can_follow_is_refused(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        StopRules(**rule)
    assert str(refused.value) == said
