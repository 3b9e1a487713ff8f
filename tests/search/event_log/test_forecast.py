"""What is left of a search, foreseen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from search.event_log.forecast import GROWTH, PRIOR_TRIALS, RECENT_TRIALS, Forecast, WorkLeft
from search.event_log.history import History
from support.dose import dose
from support.scripted import PERIODS, Study

NEVER_PRUNED = [10.0] * PERIODS
HALVED = [10.0, 5.0, 5.0, 5.0]


def test_without_pruning_the_rest_is_known_exactly() -> None:
    study = Study(goal=3)
    forecast = Forecast(study.history, NEVER_PRUNED)
    first, second = study.ask(0), study.ask(1, cost=30)
    study.train(first, 3)
    study.train(second)
    left = forecast.remaining({})
    assert (left.total, left.longest) == (10 + 90 + 80, 90)
    study.train(first)
    study.end(first)
    study.ask(0, cost=20)
    assert forecast.remaining({}).total == 90 + 80


def test_periods_that_only_wait_for_their_turn_are_not_left() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, NEVER_PRUNED)
    trial = study.ask(0)
    assert forecast.remaining({trial: 3}).total == 10
    assert forecast.remaining({trial: 4}).total == 0
    assert Forecast(study.history, HALVED).remaining({trial: 1}).total == 0.5 * 30  # it may be stopped after the first


def test_infeasible_trials_take_nothing() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, NEVER_PRUNED)
    study.ask(0, cost=10**6, excess=1.0)
    assert forecast.remaining({}).total == 0
    study.ask(1)
    assert forecast.remaining({}).total == 40


def test_beforehand_the_pruner_is_taken_at_its_word_and_later_at_its_deeds() -> None:
    study = Study(goal=101, concurrent_trials=1)
    forecast = Forecast(study.history, HALVED)
    study.ask(0)
    before = forecast.remaining({}).total / 101
    assert before == pytest.approx(10 + 0.5 * 30)
    for number in range(100):
        study.train(number)
        study.end(number)  # it stops them all
        study.ask(0)
    left = forecast.remaining({})
    assert left.total == left.longest == pytest.approx(10 + 30 * (5 * 0.5) / (RECENT_TRIALS + 5))


def test_before_the_first_trial_typical_costs_are_expected() -> None:
    forecast = Forecast(History(goals=[10]), HALVED, (4.0, 4.0, 4.0, 4.0))
    left = forecast.remaining({})
    assert left.total == pytest.approx(GROWTH * (10 * 4 + 5 * 12))
    assert left.longest == pytest.approx(GROWTH * 16)


def test_typical_costs_weigh_like_a_few_trials() -> None:
    study = Study(goal=11, concurrent_trials=1)
    for number in range(10):
        study.train(study.ask(0), PERIODS)
        study.end(number)
    costs = Forecast(study.history, NEVER_PRUNED, (10.0 / GROWTH,) * PERIODS)
    assert costs.remaining({}).total == pytest.approx(40)
    dear = Forecast(study.history, NEVER_PRUNED, (25.0 / GROWTH,) * PERIODS)
    assert dear.remaining({}).total == pytest.approx((10 * 40 + PRIOR_TRIALS * 100) / (10 + PRIOR_TRIALS))


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (WorkLeft(total=100.0, longest=0.0), 2 * 100 / 2 / 0.5),
        (WorkLeft(total=100.0, longest=10.0), 2 * 105 / 2 / 0.5),  # half a trial, in which one worker idles
        (WorkLeft(total=10.0, longest=10.0), 2 * 15 / 2 / 0.5),
        (WorkLeft(total=0.0, longest=0.0), 0.0),
    ],
)
def test_the_time_of_the_training_that_is_left(left: WorkLeft, seconds: float) -> None:
    assert left.seconds(workers=2, pace=2.0, waiting=0.5) == seconds


def test_a_search_does_not_end_before_its_longest_trial() -> None:
    assert WorkLeft(total=50.0, longest=40.0).seconds(workers=8, pace=1.0) == 40.0


def test_a_trial_further_than_any_was_expected_goes_on() -> None:
    study = Study(goal=1)
    forecast = Forecast(study.history, (1.0, 0.0, 0.0, 0.0))
    study.train(study.ask(0), 2)
    assert forecast.remaining({}).total == 20


@given(data=st.data(), goal=st.integers(1, 30), concurrent_trials=st.integers(1, 4), pruned=st.floats(0, 0.9))
@settings(max_examples=dose(100))
def test_what_is_foreseen_lies_between_nothing_and_everything(
    data: st.DataObject, goal: int, concurrent_trials: int, pruned: float
) -> None:
    study = Study(goal, concurrent_trials)
    forecast = Forecast(study.history, HALVED)
    while study.history.next_slot() is not None and study.history.finished < goal:
        free = [slot.index for slot in study.history.timeline.slots if slot.trial is None]
        if free and study.history.trained < goal:
            study.ask(free[0], cost=data.draw(st.integers(1, 100)))
        else:
            number = data.draw(st.sampled_from(study.history.running())).number
            study.train(number)
            ended = len(study.history.trials[number].reports) == PERIODS
            if ended or data.draw(st.floats(0, 1)) < pruned:
                study.end(number)
        left = forecast.remaining({})
        running = [trial for trial in study.history.trials if trial.state == "RUNNING"]
        most = sum(sum(trial.costs[len(trial.reports) :]) for trial in running)
        most += (goal - study.history.trained) * PERIODS * max(trial.costs[0] for trial in study.history.trials)
        assert 0 <= left.total <= most + 1e-6
        assert 0 <= left.longest <= most + 1e-6
    assert forecast.remaining({}).total == 0
