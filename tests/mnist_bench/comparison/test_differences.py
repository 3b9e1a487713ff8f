from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.differences import Parting, parting_of, steps_of
from mnist_bench.comparison.sides import side_of
from search.event_log.events import OfTrial
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy, open_study, read_events
from support import canned, handmade


def parted(first: StoredStudy, second: StoredStudy) -> Parting | None:
    return parting_of(*(side_of(study, Path("results")) for study in (first, second)))


def changed(number: int, change: Callable[[TrialRecord], TrialRecord]) -> StoredStudy:
    study = handmade.mixed()
    trials = [change(trial) if trial.number == number else trial for trial in study.trials]
    return replace(study, name="other", trials=tuple(trials))


@pytest.mark.parametrize(
    ("number", "change", "found"),
    [
        (
            1,
            partial(handmade.with_reports, period=2, metrics={"train_loss": 0.75}),
            ("result", 1, 2, "train loss", "0.25", "0.75"),
        ),
        (2, lambda trial: replace(trial, seed=9), ("seed", 2, None, "seed", "102", "9")),
        (
            1,
            lambda trial: replace(trial, params={**trial.params, "optim.lr": 0.5}),
            ("proposal", 1, None, "optim.lr", "0.0093", "0.5"),
        ),
        (
            1,
            lambda trial: replace(trial, config={**trial.config, "epochs": 7}),
            ("configuration", 1, None, "epochs", "the default", "7"),
        ),
        (
            3,
            lambda trial: replace(trial, state="FAIL", reason="crashed"),
            ("end", 3, None, "state", "PRUNED", "FAIL"),
        ),
    ],
)
def test_the_first_difference_is_named(
    number: int, change: Callable[[TrialRecord], TrialRecord], found: Sequence[Any]
) -> None:
    parting = parted(handmade.mixed(), changed(number, change))
    assert parting is not None
    assert (
        parting.part, parting.trial, parting.period, parting.name, parting.first, parting.second
    ) == tuple(found)  # fmt: skip
    assert parting.is_result == (found[0] == "result")


def test_a_shorter_search_is_a_beginning_of_the_longer_one() -> None:
    one = handmade.study([handmade.trial(0, range(6))])
    two = handmade.study([handmade.trial(0, range(6)), handmade.trial(1, range(5), logical_start=6)])
    parting = parted(one, two)
    assert parting is not None
    assert (parting.part, parting.first, parting.second, parting.before) == ("length", "nothing", "trial 1 begins", 8)


def test_another_order_of_events_is_named() -> None:
    def begins(*starts: int) -> StoredStudy:
        trials = [handmade.trial(n, logical_start=start) for n, start in enumerate(starts)]
        return handmade.study(trials)

    parting = parted(begins(0, 1), begins(0, 2))
    assert parting is not None
    assert (parting.part, parting.first, parting.second) == ("order", "trial 1 begins", "trial 0 reports period 2")


def test_searches_in_completion_order_are_compared_trial_by_trial() -> None:
    first, second = handmade.mixed(), changed(2, lambda trial: replace(trial, logical_start=5))
    assert parted(first, second) is not None
    as_completed = [replace(study, spec={**study.spec, "order": "as-completed"}) for study in (first, second)]
    assert parted(*as_completed) is None


def test_two_runs_part_in_a_period() -> None:
    other = changed(1, partial(handmade.with_reports, period=3, metrics={"train_loss": 0.75}))
    sides = [replace(side_of(study, Path("results")), is_study=False) for study in (handmade.mixed(), other)]
    parting = parting_of(*sides)
    assert parting is not None
    assert (parting.part, parting.period, parting.name) == ("result", 3, "train loss")


def test_the_order_of_events_is_that_of_the_log_or_trial_by_trial() -> None:
    study = open_study(canned.studies(), "finished")
    kinds = {"ask": "ask", "report": "report", "tell": "end"}
    events = read_events(StudyFolder.of("finished", canned.studies()))
    logged = [(kinds[event.kind], event.trial) for event in events if isinstance(event, OfTrial)]
    assert [(step.kind, step.trial) for step in steps_of(study)] == logged
    by_trial = [(step.kind, step.trial, step.period) for step in steps_of(study, by_time=False)]
    assert by_trial == [
        step
        for trial in study.trials
        for step in (
            ("ask", trial.number, None),
            *(("report", trial.number, period) for period in range(1, len(trial.reports) + 1)),
            ("end", trial.number, None),
        )
    ]
