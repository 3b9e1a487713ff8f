"""When a search ends before its goal, decided from the history alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from search.errors import UsageError
from search.event_log.early_stop import StopRules
from search.event_log.events import Asked, Created, GoalSet, Reported, Resumed, Stopped, Told
from search.event_log.history import History
from search.hashed import Reason, State
from search.trainer_api import Report
from support.dose import dose

ENDS: dict[Reason, State] = {
    "complete": "COMPLETE",
    "pruned": "PRUNED",
    "diverged": "PRUNED",
    "crashed": "FAIL",
    "timed_out": "PRUNED",
    "infeasible": "PRUNED",
}
"""State by reason."""
Ended = tuple[Reason, float, int]
"""How a trial ended, its value and its cost."""
ENDS_OF_TRIALS = st.lists(
    st.tuples(st.sampled_from(list(ENDS)), st.integers(0, 4).map(float), st.integers(1, 4)), max_size=25
)


def study(goal: int = 100, objective: Any = None) -> History:
    """Return a search that has just begun, of one slot."""
    chosen = {} if objective is None else {"objective": objective}
    space = {"name": "made", "settings": chosen, "fields": []}
    spec: dict[str, Any] = {"space": space, "concurrent_trials": 1, "order": "deterministic"}
    return History.of([Created(name="made", spec=spec), GoalSet(goal=goal)])


def end(history: History, reason: Reason, value: float = 0.5, cost: int = 1) -> None:
    """Let a trial begin, train its one period, and end."""
    number = len(history.trials)
    excess = {"macs": 1.0} if reason == "infeasible" else {}
    history.apply(
        Asked(
            trial=number, params={}, config={}, costs=(1,), facts={"macs": cost}, constraints=excess, slot=0, seed=0,
            attributes={},
        )
    )  # fmt: skip
    if reason in ("complete", "pruned"):
        report = Report(value=value, metrics={}, weights="0", seconds=1.0)
        history.apply(Reported(trial=number, period=1, report=report, prune=False, verdict=True, attributes={}))
    history.apply(
        Told(time=number, trial=number, state=ENDS[reason], reason=reason, value=value, error=None, attributes={})
    )


def test_patience_counts_trained_trials_since_the_best_and_none_before_one_is_complete() -> None:
    history, rules = study(), StopRules(patience=3)
    before: list[Reason] = ["pruned", "crashed", "pruned", "pruned"]
    for reason in before:
        end(history, reason)
        assert rules.verdict(history) is None
    end(history, "complete", 0.7)
    after: list[Reason] = ["pruned", "infeasible", "crashed", "infeasible"]
    for reason in after:
        end(history, reason, 0.9)  # however good a trial was where it was pruned
        assert rules.verdict(history) is None
    end(history, "complete", 0.7)  # as good is no better
    assert rules.verdict(history) == Stopped(time=9, rule="patience", limit=3, best=4)


def test_a_better_complete_trial_renews_patience() -> None:
    history, rules = study(), StopRules(patience=2)
    for value in (0.5, 0.4, 0.6, 0.6):
        end(history, "complete", value)
        assert rules.verdict(history) is None
    end(history, "complete", 0.1)
    assert rules.verdict(history) == Stopped(time=4, rule="patience", limit=2, best=2)


def test_a_target_is_reached_by_a_complete_trial_alone() -> None:
    history, rules = study(), StopRules(target=0.994, patience=1)
    end(history, "pruned", 0.999)
    end(history, "complete", 0.994)
    assert rules.verdict(history) == Stopped(time=1, rule="target", limit=0.994, best=1)


def test_a_search_at_its_goal_ends_by_no_rule() -> None:
    history = study(goal=2)
    end(history, "complete", 0.9)
    assert StopRules(target=0.5).verdict(history) is not None
    end(history, "complete", 0.9)
    assert StopRules(target=0.5, patience=1).verdict(history) is None


def test_without_rules_and_before_anything_no_search_ends() -> None:
    assert StopRules(patience=1, target=0.0).verdict(History()) is None
    history = study()
    assert StopRules(patience=1, target=0.0).verdict(history) is None
    for _ in range(5):
        end(history, "complete", 1.0)
    assert StopRules().verdict(history) is None


def test_with_two_objectives_a_trial_is_better_where_none_before_was_as_good_in_both() -> None:
    history, rules = study(objective=["val_accuracy", "macs"]), StopRules(patience=2)
    for value, cost in ((0.9, 50), (0.8, 40), (0.8, 45), (0.7, 10), (0.9, 50)):
        end(history, "complete", value, cost)
        assert rules.verdict(history) is None
    end(history, "complete", 0.85, 60)
    assert rules.verdict(history) == Stopped(time=5, rule="patience", limit=2, best=3)


@settings(max_examples=dose(200), deadline=None)
@given(ENDS_OF_TRIALS, st.integers(1, 5), st.booleans())
def test_patience_is_what_its_definition_says(ends: list[Ended], patience: int, two: bool) -> None:
    history = study(objective=["val_accuracy", "macs"] if two else None)
    for reason, value, cost in ends:
        end(history, reason, value, cost)
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
    found = StopRules(patience=patience).verdict(history)
    assert (found is not None) == (bool(better) and since >= patience)
    assert found is None or found.best == better[-1]


RULES = st.integers(1, 2).map(lambda patience: StopRules(patience=patience)) | st.integers(1, 3).map(
    lambda target: StopRules(target=target)
)


@settings(max_examples=dose(200), deadline=None)
@given(ENDS_OF_TRIALS, RULES, st.booleans())
def test_a_rule_was_there_from_the_start_where_it_had_not_held_before(
    ends: list[Ended], rules: StopRules, two: bool
) -> None:
    history, stopped, held = study(objective=["val_accuracy", "macs"] if two else None), None, False
    for reason, value, cost in ends:
        held = held or stopped is not None
        end(history, reason, value, cost)
        stopped = rules.verdict(history)
    if stopped is not None:
        history.apply(stopped)
        stop = history.record().stop
        assert stop is not None
        assert stop.on_time is not held


@pytest.mark.parametrize("rules", [StopRules(patience=2), StopRules(target=0.8)], ids=["patience", "target"])
def test_a_rule_that_held_before_a_later_improvement_came_too_late(rules: StopRules) -> None:
    history = study()
    for value in (0.8, 0.5, 0.5, 0.9):
        end(history, "complete", value)
    if rules.patience:
        end(history, "pruned")
        end(history, "pruned")
    stopped = rules.verdict(history)
    assert stopped is not None
    history.apply(stopped)
    stop = history.record().stop
    assert stop is not None
    assert (stop.best, stop.since, stop.on_time) == (3, rules.patience or 0, False)


def test_a_rule_that_came_after_further_periods_were_trained_came_too_late() -> None:
    """What is under way counts in the digest, too: any other search with the rule stops before these periods."""
    history, rules = study(), StopRules(target=0.8)
    end(history, "complete", 0.9)
    history.apply(
        Asked(trial=1, params={}, config={}, costs=(1,), facts={}, constraints={}, slot=0, seed=0, attributes={})
    )
    stopped = rules.verdict(history)
    assert stopped is not None
    history.apply(stopped)
    stop = history.record().stop
    assert stop is not None
    assert not stop.on_time


def test_a_stop_says_why_and_whether_any_search_with_its_rule_stops_there() -> None:
    history = study()
    end(history, "complete", 0.9)
    end(history, "pruned")
    for limit, on_time in ((1, True), (0.5, False)):
        rule = StopRules(patience=1) if limit == 1 else StopRules(target=limit)
        stopped = rule.verdict(history)
        assert stopped is not None
        history.apply(stopped)
        stop = history.record().stop
        assert stop is not None
        assert (stop.limit, stop.best, stop.value, stop.since, stop.on_time) == (limit, 0, 0.9, 1, on_time)
        assert StopRules.of(stopped) == rule
        assert history.next_slot() is None
        history.apply(Resumed())
        assert history.record().stop is None
        assert history.next_slot() is not None


def test_what_no_search_decides_is_refused() -> None:
    def events(*more: Any) -> list[Any]:
        history = study()
        asked = Asked(
            trial=0, params={}, config={}, costs=(1,), facts={}, constraints={}, slot=0, seed=0, attributes={}
        )
        return [Created(name="made", spec=history.spec), GoalSet(goal=3), asked, *more]

    stopped = Stopped(rule="patience", limit=1, best=0)
    for wrong in (stopped, Stopped(rule="patience", limit=1, best=7), Resumed()):
        with pytest.raises(Exception, match="was not written by a search"):
            History.of(events(wrong))
    report = Report(value=0.5, metrics={}, weights="0", seconds=1.0)
    ended = (
        Reported(trial=0, period=1, report=report, prune=False, verdict=True, attributes={}),
        Told(trial=0, state="COMPLETE", reason="complete", value=0.5, error=None, attributes={}),
    )
    stop = History.of(events(*ended, stopped)).stop
    assert stop is not None
    assert not stop.two_objectives
    for after in (stopped, GoalSet(goal=5)):
        with pytest.raises(Exception, match="the search has ended early before"):
            History.of(events(*ended, stopped, after))
    told = replace(ended[1], state="PRUNED", reason="pruned")
    with pytest.raises(Exception, match="its trial is not complete"):
        History.of(events(ended[0], told, stopped))
    for begun, why in ((events()[0], "the study has begun before"), (Resumed(), "the search had not ended early")):
        with pytest.raises(Exception, match=why):
            History.of(events(begun))


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"patience": -3}, {"target": math.nan}, {"target": math.inf}])
def test_rules_that_no_search_can_follow_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="give"):
        StopRules(**wrong)
