"""Rows of trials and the digest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from search.event_log.forecast import GROWTH, PRIOR_TRIALS, RECENT_TRIALS, Forecast, WorkLeft
from search.event_log.history import History
from search.event_log.records import StudyRecord, TrialRecord
from search.trainer_api import Report
from support.dose import dose
from support.scripted import PERIODS, Study


def report(value: float | None, errors: int = 0, val_loss: float = 0.0, seconds: float = 1.0) -> Report:
    metrics = {"errors": errors, "val_loss": val_loss}
    return Report(value=value, metrics=metrics, weights=str(value), measured={"seconds": seconds})


def trial(number: int, *reports: Report) -> TrialRecord:
    return TrialRecord(
        number=number, state="COMPLETE", reason="complete", params={"optim.lr": 0.1}, config={}, seed=number, slot=0,
        logical_start=0, costs=(1, 1), reports=reports,
    )  # fmt: skip


def test_ties_are_broken_by_errors_then_loss_then_number() -> None:
    ranked = [trial(5, report(0.9, 1, 0.1)), trial(2, report(0.8, 0, 0.3)), trial(1, report(0.8, 1, 0.1)),
              trial(3, report(0.8, 1, 0.1)), trial(0, report(0.8, 1, 0.2)), trial(4)]  # fmt: skip
    assert sorted(ranked, key=TrialRecord.rank_key) == ranked


def study(*trials: TrialRecord) -> StudyRecord:
    return StudyRecord(name="tour-0", spec={}, totals=(9,), trials=trials)


def test_the_digest_sees_what_decides_and_not_what_varies() -> None:
    one, two = trial(0, report(0.9)), trial(1, report(0.8))
    digest = study(one, two).digest
    assert study(two, replace(one, reports=(report(0.9, seconds=7.0),), slot=3)).digest == digest
    for other in (
        replace(one, params={"optim.lr": 0.2}), replace(one, state="PRUNED"), replace(one, reports=(report(0.91),)),
        replace(one, seed=9), replace(one, reason="pruned"), replace(one, external=True), replace(one, number=7),
    ):  # fmt: skip
        assert study(other, two).digest != digest
    running = replace(one, state="RUNNING", reason="running")
    assert study(running).digest == study(replace(running, reason="paused")).digest


def test_a_study_has_a_first_failed_trial_only_if_all_that_ended_failed_or_were_pruned() -> None:
    infeasible = replace(trial(0), state="PRUNED", reason="infeasible")
    crashed = [replace(trial(n), state="FAIL", reason="crashed", error="Traceback\nNameError: no x.") for n in (1, 2)]
    running = replace(trial(3, report(0.5)), state="RUNNING", reason="running")
    pruned = replace(trial(5, report(0.5)), state="PRUNED", reason="pruned")
    for trials in ((infeasible, *crashed, running), (pruned, *crashed)):
        assert study(*trials).first_failed is crashed[0]
    for trials in ((infeasible, running), (*crashed, trial(4, report(0.5))), (pruned,), ()):
        assert study(*trials).first_failed is None


def test_a_study_and_a_trial_read_in_three_lines_each() -> None:
    pruned = replace(trial(1, report(0.5)), state="PRUNED", reason="pruned")
    some = study(trial(0, report(0.9), report(0.8765432)), pruned)
    crashed = replace(trial(4), state="FAIL", reason="crashed", error="Traceback\nNameError: no x.", params={})
    lines: list[tuple[object, list[str]]] = [
        (some, ["study tour-0: 2 of 9 trials: 1 complete, 1 pruned", "best #0: 0.876543  optim.lr=0.1"]),
        (study(), ["study tour-0: 0 of 9 trials: none has begun", "no complete trial"]),
        (some.trials[0], ["trial #0: complete, 0.876543 after 2 of 2 periods in 2.0 s", "params: optim.lr=0.1"]),
        (crashed, ["trial #4: crashed, – after 0 of 2 periods in 0.0 s", "params: none", "error: NameError: no x"]),
    ]
    for shown, expected in lines:
        assert repr(shown).splitlines()[: len(expected)] == expected
    assert [repr(each).splitlines()[2] for each in (some, some.trials[0])] == [
        f"digest {some.digest}",
        "reports: 0.9, 0.876543",
    ]
    many = replace(trial(0, report(0.9)), params={f"section.parameter{n}": 0.123456 for n in range(99)})
    assert max(map(len, repr(study(many)).splitlines())) <= 100


def test_a_notebook_shows_a_table_in_which_all_is_escaped() -> None:
    params = {"optim.lr": 0.012345, "model.kind": "<script>alert(1)</script>\x1b[31m"}
    shown = [replace(trial(number, report(0.9 - number / 10)), params=params) for number in range(7)]
    page = study(*shown)._repr_html_()
    assert page.count("<tr>") == 1 + 5
    assert "and 2 more complete trials" in page
    assert "<td>0.0123</td>" in page
    for text in (page, shown[0]._repr_html_()):
        assert "&lt;script&gt;" in text
        assert [word for word in ("<script", "\x1b", "color:", "background") if word in text] == []


NEVER_PRUNED = [10.0] * PERIODS
HALVED = [10.0, 5.0, 5.0, 5.0]


def test_without_pruning_the_rest_is_known_exactly_and_infeasible_trials_take_nothing() -> None:
    study = Study(budget=3)
    forecast = Forecast(study.history, NEVER_PRUNED)
    infeasible = study.ask(0, cost=10**6, excess=1.0)
    assert forecast.remaining({}).total == 0
    study.end(infeasible, "infeasible")
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
    study = Study(budget=1)
    forecast = Forecast(study.history, NEVER_PRUNED)
    trial = study.ask(0)
    assert [forecast.remaining({trial: ahead}).total for ahead in (0, 3, 4)] == [40, 10, 0]
    assert Forecast(study.history, HALVED).remaining({trial: 1}).total == 0.5 * 30  # it may be stopped after the first


def test_beforehand_the_pruner_is_taken_at_its_word_and_later_at_its_deeds() -> None:
    study = Study(budget=101, concurrent_trials=1)
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
    forecast = Forecast(History(budgets=[10]), HALVED, (4.0, 4.0, 4.0, 4.0))
    left = forecast.remaining({})
    assert left.total == pytest.approx(GROWTH * (10 * 4 + 5 * 12))
    assert left.longest == pytest.approx(GROWTH * 16)


def test_typical_costs_weigh_like_a_few_trials() -> None:
    study = Study(budget=11, concurrent_trials=1)
    for number in range(10):
        study.train(study.ask(0), PERIODS)
        study.end(number)
    costs = Forecast(study.history, NEVER_PRUNED, (10.0 / GROWTH,) * PERIODS)
    assert costs.remaining({}).total == pytest.approx(40)
    dear = Forecast(study.history, NEVER_PRUNED, (25.0 / GROWTH,) * PERIODS)
    assert dear.remaining({}).total == pytest.approx((10 * 40 + PRIOR_TRIALS * 100) / (10 + PRIOR_TRIALS))


@pytest.mark.parametrize(
    ("total", "longest", "workers", "seconds"),
    [
        (100.0, 0.0, 2, 2 * 100 / 2 / 0.5),
        (100.0, 10.0, 2, 2 * 105 / 2 / 0.5),  # half a trial, in which one worker idles
        (10.0, 10.0, 2, 2 * 15 / 2 / 0.5),
        (0.0, 0.0, 2, 0.0),
        (50.0, 400.0, 8, 2 * 400.0),  # it does not end before its longest trial
    ],
)
def test_the_time_of_the_training_that_is_left(total: float, longest: float, workers: int, seconds: float) -> None:
    assert WorkLeft(total=total, longest=longest).seconds(workers=workers, pace=2.0, waiting=0.5) == seconds


def test_a_trial_further_than_any_was_expected_goes_on() -> None:
    study = Study(budget=1)
    forecast = Forecast(study.history, (1.0, 0.0, 0.0, 0.0))
    study.train(study.ask(0), 2)
    assert forecast.remaining({}).total == 20


@given(data=st.data(), budget=st.integers(1, 30), concurrent_trials=st.integers(1, 4), pruned=st.floats(0, 0.9))
@settings(max_examples=dose(100))
def test_what_is_foreseen_lies_between_nothing_and_everything(
    data: st.DataObject, budget: int, concurrent_trials: int, pruned: float
) -> None:
    study = Study(budget, concurrent_trials)
    forecast = Forecast(study.history, HALVED)
    while study.history.next_turn() is not None and study.history.finished < budget:
        free = [turn.index for turn in study.history.timeline.turns if turn.trial is None]
        if free and study.history.trained < budget:
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
        most += (budget - study.history.trained) * PERIODS * max(trial.costs[0] for trial in study.history.trials)
        assert 0 <= left.total <= most + 1e-6
        assert 0 <= left.longest <= most + 1e-6
    assert forecast.remaining({}).total == 0
