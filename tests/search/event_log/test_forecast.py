"""What is left of a search, foreseen."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings, strategies as st

from search.event_log.events import Asked, Created, GoalSet, Reported, Told
from search.event_log.forecast import RECENT_TRIALS, Forecast
from search.event_log.history import History
from search.event_log.records import Reason, State
from search.trainer_api import Report
from support.dose import dose

PERIODS = 4
NEVER_PRUNED = [10.0] * PERIODS
HALVED = [10.0, 5.0, 5.0, 5.0]
ENDS: Mapping[bool, tuple[State, Reason]] = {True: ("COMPLETE", "complete"), False: ("PRUNED", "pruned")}
"""State and reason of a trial's end, by whether it was trained to its end."""


class Study:
    """A search made by hand, an event at a time."""

    def __init__(self, goal: int, slots: int = 2) -> None:
        self.history = History()
        space = {"name": "made", "settings": {}, "fields": []}
        self.history.apply(Created(name="made", spec={"space": space, "slots": slots, "order": "logical"}))
        self.history.apply(GoalSet(goal=goal))

    def ask(self, slot: int, cost: int = 10, *, excess: float = 0.0) -> int:
        number = len(self.history.trials)
        asked = Asked(
            trial=number, params={}, config={}, costs=(cost,) * PERIODS, facts={}, constraints={"macs": excess},
            slot=slot, seed=number, attributes={},
        )  # fmt: skip
        self.history.apply(asked)
        return number

    def train(self, trial: int, periods: int = 1) -> None:
        for _ in range(periods):
            period = len(self.history.trials[trial].reports) + 1
            report = Report(value=0.5, metrics={}, weights="0", seconds=1.0)
            self.history.apply(
                Reported(trial=trial, period=period, report=report, prune=False, verdict=False, attributes={})
            )

    def end(self, trial: int) -> None:
        complete = len(self.history.trials[trial].reports) == PERIODS
        state, reason = ENDS[complete]
        self.history.apply(Told(trial=trial, state=state, reason=reason, value=0.5, error=None, attributes={}))


def test_without_pruning_the_rest_is_known_exactly() -> None:
    study = Study(goal=3)
    forecast = Forecast(study.history, NEVER_PRUNED)
    first, second = study.ask(0), study.ask(1, cost=30)
    study.train(first, 3)
    study.train(second)
    left = forecast.remaining({})
    assert (left.cost, left.longest) == (10 + 90 + 80, 90)
    study.train(first)
    study.end(first)
    study.ask(0, cost=20)
    assert forecast.remaining({}).cost == 90 + 80


def test_periods_that_only_wait_for_their_turn_are_not_left() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, NEVER_PRUNED)
    trial = study.ask(0)
    assert forecast.remaining({trial: 3}).cost == 10
    assert forecast.remaining({trial: 4}).cost == 0


def test_infeasible_trials_take_nothing() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, NEVER_PRUNED)
    study.ask(0, cost=10**6, excess=1.0)
    assert forecast.remaining({}).cost == 0
    study.ask(1)
    assert forecast.remaining({}).cost == 40


def test_beforehand_the_pruner_is_taken_at_its_word_and_later_at_its_deeds() -> None:
    study = Study(goal=101, slots=1)
    forecast = Forecast(study.history, HALVED)
    study.ask(0)
    before = forecast.remaining({}).cost / 101
    assert before == pytest.approx(10 + 0.5 * 30)
    for number in range(100):
        study.train(number)
        study.end(number)  # it stops them all
        study.ask(0)
    left = forecast.remaining({})
    assert left.cost == left.longest == pytest.approx(10 + 30 * (5 * 0.5) / (RECENT_TRIALS + 5))


def test_a_trial_further_than_any_was_expected_goes_on() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, (1.0, 0.0, 0.0, 0.0))
    study.train(study.ask(0), 2)
    assert forecast.remaining({}).cost == 20


@given(data=st.data(), goal=st.integers(1, 30), slots=st.integers(1, 4), pruned=st.floats(0, 0.9))
@settings(max_examples=dose(100))
def test_what_is_foreseen_lies_between_nothing_and_everything(
    data: st.DataObject, goal: int, slots: int, pruned: float
) -> None:
    study = Study(goal, slots)
    forecast = Forecast(study.history, HALVED)
    while study.history.next_slot() is not None and study.history.finished < goal:
        free = [slot.index for slot in study.history.timeline.slots if slot.trial is None]
        if free and study.history.trained < goal:
            study.ask(free[0], cost=data.draw(st.integers(1, 100)))
        else:
            active = data.draw(st.sampled_from(list(study.history.timeline.actives())))
            study.train(active.number)
            ended = len(study.history.trials[active.number].reports) == PERIODS
            if ended or data.draw(st.floats(0, 1)) < pruned:
                study.end(active.number)
        left = forecast.remaining({})
        running = [trial for trial in study.history.trials if trial.state == "RUNNING"]
        most = sum(sum(trial.costs[len(trial.reports) :]) for trial in running)
        most += (goal - study.history.trained) * PERIODS * max(trial.costs[0] for trial in study.history.trials)
        assert 0 <= left.longest <= left.cost <= most + 1e-6
    assert forecast.remaining({}).cost == 0
