"""A search that minimizes its value decides as one that maximizes minus the value, and shows the value as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from search.driver.replay import explain
from search.driver.run import Search
from search.errors import FingerprintError
from search.event_log.records import StudyRecord
from search.space.space import Space
from search.strategies.pruners import Asha, NoPruner
from search.strategies.registry import named_sampler
from search.strategies.samplers import Curves
from search.study.spec import fingerprint
from search.trainer_api import TrainerSpec
from support import golden_searches, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

GOLDEN = golden_searches.cases()
PRUNING = Asha(reduction_factor=2)


def minimized(results: Path, **options: Any) -> StudyRecord:
    values = options.pop("space_values", fake.SPACE)
    return fake.run(results / "minimized", space_values={**values, "direction": "minimize"}, **options).study


def negated(results: Path, **options: Any) -> StudyRecord:
    return fake.run(results / "negated", behaviour="negate", **options).study


def decided(study: StudyRecord, sign: int) -> list[Any]:
    """Return all that a search decided, and the values times a sign."""
    return [
        (trial.number, dict(trial.params), trial.seed, trial.reason, dict(trial.constraints),
         [None if report.value is None else sign * report.value for report in trial.reports])
        for trial in study.trials
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["tpe asha", "tpe asha two", "random median", "random median two", "curves asha portable", "tpe asha arrival"],
)
def test_it_decides_as_the_search_that_maximizes_minus_the_value(name: str, tmp_path: Path) -> None:
    options = GOLDEN[name]
    study, twin = minimized(tmp_path, **options), negated(tmp_path, **options)
    assert decided(study, 1) == decided(twin, -1)
    assert {trial.reason for trial in study.trials} >= {"complete"} | ({"pruned"} if "asha" in name else set())
    assert [trial.number for trial in study.complete()] == [trial.number for trial in twin.complete()]
    assert study.best is not None
    assert study.best.value == min(trial.value or 0.0 for trial in study.complete())
    assert decided(fake.run(tmp_path, **options).study, 1) != decided(study, 1)


@pytest.mark.integration
def test_a_sampler_of_optunas_proposes_as_for_minus_the_value(tmp_path: Path) -> None:
    gp = named_sampler("optuna:GPSampler", {"n_startup_trials": 4})
    options: dict[str, Any] = {"sampler": gp, "pruner": NoPruner(), "budget": 7}
    assert decided(minimized(tmp_path, **options), 1) == decided(negated(tmp_path, **options), -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["curves asha", "tpe asha two"])
def test_killed_between_events_or_with_several_workers_it_has_one_digest(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**GOLDEN[name], "budget": 14}
    study = minimized(tmp_path, **options)
    options["space_values"] = {**options["space_values"], "direction": "minimize"}
    assert fake.run(tmp_path / "workers", workers=2, **options).study.digest == study.digest
    run, deaths = fake.run_killed_between_events(tmp_path / "killed", monkeypatch, cycle([5, 9]), **options)
    assert deaths > 3
    assert run.study.digest == study.digest
    assert fake.decided_again(fake.events_of(tmp_path / "minimized")).difference is None


def test_a_rule_ends_it_at_the_same_trial(tmp_path: Path) -> None:
    study, twin = (search(tmp_path, budget=20, pruner=PRUNING, patience=3) for search in (minimized, negated))
    assert decided(study, 1) == decided(twin, -1)
    assert study.stop is not None
    assert twin.stop is not None
    assert study.best is not None
    assert study.stop.value == study.best.value == -twin.stop.value


@pytest.mark.slow
def test_an_explanation_is_in_values(tmp_path: Path) -> None:
    study = minimized(tmp_path, budget=14, sampler=Curves(n_startup_trials=3), pruner=PRUNING)
    events = fake.events_of(tmp_path / "minimized")
    why = explain(events, study.trials[-1].number, lambda spec: fake.Planner(48)).why
    assert why is not None
    assert why.low <= why.expected <= why.high
    assert why.best is not None
    assert why.best in {trial.value for trial in study.complete()}
    assert min(trial.value or 0.0 for trial in study.trials) - 0.5 < why.expected < 1.5  # minus that is below zero
    for trial in study.trials:
        for row in explain(events, trial.number, lambda spec: fake.Planner(48)).standings:
            assert row.value == trial.reports[row.period - 1].value
            if row.asked:
                assert row.stopped == (row.place > max(1, row.arrived // 2))


def test_the_argument_stands_in_for_the_setting(tmp_path: Path) -> None:
    minimizing = {**fake.SPACE, "direction": "minimize"}

    def of(values: Mapping[str, Any] = fake.SPACE, **options: Any) -> Search:
        trainer = TrainerSpec(factory="support.fake_trainer:Trainer")
        given: dict[str, Any] = {"trials": 4, "periods": fake.PERIODS, "results": tmp_path, **options}
        return Search.of(Space.of(values), fake.Planner(48), trainer, **given)

    prints = [
        fingerprint(search.spec_for({"check": ""}).to_json())
        for search in (of(), of(direction="maximize"), of(minimizing), of(direction="minimize"))
    ]
    assert prints[0] == prints[1] != prints[2] == prints[3]
    assert of(minimizing, direction="maximize").spec_for({"check": ""}).direction == "maximize"
    of(direction="minimize").run()
    with pytest.raises(FingerprintError, match="direction: minimize then, - now"):
        of().run()
    assert replace(of(minimizing), budget=5).run().study.direction == "minimize"
