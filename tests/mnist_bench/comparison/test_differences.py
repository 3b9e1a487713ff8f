from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.differences import Parting, parting_of, setting_differences, steps_of
from mnist_bench.comparison.sides import Side, side_of
from search.event_log.events import OfTrial
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy, open_study, read_events
from support import handmade

HERE = Path("results")
CHANGES: dict[str, Callable[[TrialRecord], TrialRecord]] = {
    "seed": lambda trial: replace(trial, seed=9),
    "proposal": lambda trial: replace(trial, params={**trial.params, "optim.lr": 0.5}),
    "configuration": lambda trial: replace(trial, config={**trial.config, "epochs": 7}),
    "end": lambda trial: replace(trial, state="FAIL", reason="crashed"),
    "result": partial(handmade.with_reports, period=2, metrics={"train_loss": 0.75}),
    "begin": lambda trial: replace(trial, logical_start=5),
}


def parted(first: StoredStudy, second: StoredStudy) -> Parting | None:
    return parting_of(*(side_of(study, HERE) for study in (first, second)))


def changed(number: int, change: str) -> StoredStudy:
    study = handmade.mixed()
    trials = [CHANGES[change](trial) if trial.number == number else trial for trial in study.trials]
    return replace(study, name="other", trials=tuple(trials))


@pytest.mark.parametrize(
    ("part", "trial", "period", "name", "first", "second"),
    [
        ("result", 1, 2, "train loss", "0.25", "0.75"),
        ("seed", 2, None, "seed", "102", "9"),
        ("proposal", 1, None, "optim.lr", "0.0093", "0.5"),
        ("configuration", 1, None, "epochs", "the default", "7"),
        ("end", 3, None, "state", "PRUNED", "FAIL"),
    ],
)
def test_the_first_difference_is_named(
    part: str, trial: int, period: int | None, name: str, first: str, second: str
) -> None:
    found = parted(handmade.mixed(), changed(trial, part))
    assert found is not None
    assert (found.part, found.trial, found.period, found.name) == (part, trial, period, name)
    assert (found.first, found.second, found.is_result) == (first, second, part == "result")


def test_a_shorter_search_and_another_order_of_events_part_in_the_next_event() -> None:
    def begins(*starts: int) -> StoredStudy:
        return handmade.study([handmade.trial(n, logical_start=start) for n, start in enumerate(starts)])

    shorter, reordered = parted(begins(0), begins(0, 6)), parted(begins(0, 1), begins(0, 2))
    found = [part and (part.part, part.first, part.second, part.before) for part in (shorter, reordered)]
    assert found == [
        ("length", "nothing", "trial 1 begins", 8), ("order", "trial 1 begins", "trial 0 reports period 2", 2)
    ]  # fmt: skip


def test_searches_in_completion_order_are_compared_trial_by_trial_and_runs_period_by_period() -> None:
    first, second = handmade.mixed(), changed(2, "begin")
    assert parted(first, second) is not None
    assert parted(*(handmade.changed(study, order="as-completed") for study in (first, second))) is None
    parting = parting_of(*map(as_run, (handmade.mixed(), changed(1, "result"))))
    assert parting is not None
    assert (parting.part, parting.period, parting.name) == ("result", 2, "train loss")


def test_the_order_of_events_is_that_of_the_log_or_trial_by_trial(canned_studies: Path) -> None:
    study = open_study(canned_studies, "finished")
    kinds = {"ask": "ask", "report": "report", "tell": "end"}
    events = read_events(StudyFolder.of("finished", canned_studies))
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


def as_run(study: StoredStudy) -> Side:
    return replace(side_of(study, HERE), is_study=False)


def differing(*sides: Side | StoredStudy) -> dict[str, tuple[str, str]]:
    first, second = (side if isinstance(side, Side) else side_of(side, HERE) for side in sides)
    return {row.name: row.values for row in setting_differences(first, second)}


def with_spec(**spec: Any) -> StoredStudy:
    return handmade.changed(handmade.mixed(name="b"), **spec)


def searching(*fields: tuple[str, dict[str, Any]]) -> StoredStudy:
    """Return a study of a space with these fields."""
    return with_spec(space={"fields": [list(field) for field in fields]})


def rate(high: float, **more: Any) -> tuple[str, dict[str, Any]]:
    return "optim.lr", {"float": [0.1, high], "log": False, "step": None, **more}


def depending(high: float, *allowed: int) -> StoredStudy:
    blocks = {"int": [1, 3], "log": False, "step": 1}
    return searching(("model.blocks", blocks), rate(high, when={"model.blocks": list(allowed)}))


CHECK = handmade.spec()["numerics"]["check"]


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        (with_spec(), with_spec(), {}),
        (
            with_spec(), with_spec(seed=1, sampler={"name": "random"}),
            {"sampler.name": ("tpe", "random"), "seed": ("0", "1")},
        ),
        (searching(rate(1.0)), searching(rate(2.0)), {"optim.lr": ("0.1 to 1.0", "0.1 to 2.0")}),
        (
            searching(rate(1.0)), searching(("optim.lr", {"levels": [1, 2]})),
            {"optim.lr": ("0.1 to 1.0", "levels 1, 2")},
        ),
        (
            searching(("optim.optimizer", {"choice": ["adam", "sgd_nesterov"]})),
            searching(("optim.optimizer", {"value": "adam"})),
            {"optim.optimizer": ("adam or sgd_nesterov", "adam")},
        ),
        (
            searching(rate(1.0)), searching(("optim.momentum", {"value": 0.9})),
            {"optim.lr": ("0.1 to 1.0", "-"), "optim.momentum": ("-", "0.9")},
        ),
        (
            depending(1.0, 1), depending(2.0, 1, 2),
            {"optim.lr": ("0.1 to 1.0", "0.1 to 2.0"), "optim.lr.when.model.blocks": ("[1]", "[1, 2]")},
        ),
        (with_spec(), with_spec(numerics={"cpu": "another"}), {}),  # only a check matters
        (
            with_spec(), with_spec(numerics={"check": "1d93", "cpu": "another"}),
            {"numerics.check": (CHECK[:59] + "…", "1d93"), "numerics.cpu": ("-", "another")},
        ),
    ],
)  # fmt: skip
def test_each_setting_of_two_studies_is_a_row_and_a_range_one_in_words(
    first: StoredStudy, second: StoredStudy, rows: dict[str, tuple[str, str]]
) -> None:
    assert differing(first, second) == rows


@pytest.mark.parametrize(
    ("spec", "follows"),
    [
        (
            {"context": {"costs": {"mac_ps": 1}, "data": {"subset": 5}}, "driver_arithmetic": "02bf"},
            {"costs": True, "data.subset": False, "driver_arithmetic": True},
        ),
        ({"context": {"trainer_revision": 2}}, {"trainer_revision": False}),
        (
            {"context": {"trainer_revision": 2}, "numerics": {"check": "f" * 64, "kind": "cpu-fp32"}},
            {"trainer_revision": True, "numerics.check": False, "numerics.kind": True},
        ),
    ],
)
def test_what_follows_from_other_settings_is_marked(spec: dict[str, Any], follows: dict[str, bool]) -> None:
    sides = (side_of(each, HERE) for each in (with_spec(), with_spec(**spec)))
    assert {row.name: row.follows for row in setting_differences(*sides)} == follows


def test_trials_differ_in_their_configurations_and_seeds_and_a_study_is_its_best_one() -> None:
    study = handmade.mixed()
    first, second = (as_run(replace(study, trials=(trial,))) for trial in study.trials[:2])
    rows = {"model.blocks": ("2", "3"), "optim.lr": ("0.01", "0.0093"), "seed": ("100", "101")}
    assert differing(first, second) == differing(first, study) == rows
    values = [as_run(handmade.value_study([handmade.value_trial(n, [0.1, 0.2, 0.3, 0.4])])) for n in range(2)]
    assert [*differing(*values)] == ["parameters.ridge.kind", "parameters.ridge.rate", "seed"]


def test_a_setting_without_an_effect_has_a_dash() -> None:
    def trained(**params: Any) -> Side:
        params = {f"model.{name}": value for name, value in params.items()}
        return as_run(handmade.study([handmade.trial(0, range(6), params=params)]))

    shallow, deep = trained(hidden_layers=0, hidden_units=58), trained(hidden_layers=1, hidden_units=64)
    assert differing(shallow, deep)["model.hidden_units"] == ("–", "64")
    assert "model.hidden_dropout" not in differing(shallow, deep)  # equal, but without an effect on one side
    assert "model.hidden_units" not in differing(shallow, trained(hidden_layers=0, hidden_units=64))
