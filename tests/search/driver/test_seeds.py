"""Seeds that follow from configurations: studies share them, and a configuration that comes again is not trained."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Observer, Progress
from search.driver.replay import RecordedPlanner, replay
from search.errors import UsageError
from search.event_log.events import Event
from search.event_log.records import REPEATED, StudyRecord
from search.space.space import Space
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Curves, Qmc, Random, Tpe
from search.study import studies
from search.study.location import StudyLocation
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

FEW: dict[str, Any] = {
    "name": "fake",
    "seeds": "configuration",
    "model": {"depth": {"int": [1, 3]}, "width": {"int": [8, 64], "step": 8}, "kind": {"choice": ["a", "b"]}},
}
"""Of its 48 configurations, 36 are feasible."""
FEWER: dict[str, Any] = {**FEW, "model": {"depth": {"int": [1, 3]}, "width": {"levels": [8, 16, 64]}}}
"""6 of 9 are feasible."""


def of(results: Path, **options: Any) -> StudyRecord:
    return fake.run(results, **{"space_values": FEW, "goal": 20, **options}).study


def log(results: Path) -> list[Event]:
    return studies.read_events(StudyLocation.of("fake-0", results))


def seeds(study: StudyRecord) -> dict[str, int]:
    return {str(sorted(trial.params.items())): trial.seed for trial in study.trials}


class Notices(Observer):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.last: Progress | None = None

    def on_notice(self, text: str) -> None:
        self.told.append(text)

    def on_progress(self, progress: Progress) -> None:
        self.last = progress


def test_a_configuration_has_one_seed_in_all_studies_of_a_seed(tmp_path: Path) -> None:
    one = seeds(of(tmp_path / "one", sampler=Random()))
    other = seeds(of(tmp_path / "other", sampler=Qmc(), pruner=NoPruner(), slots=2))
    both = one.keys() & other.keys()
    assert len(both) > 3
    assert all(one[configuration] == other[configuration] for configuration in both)
    assert len({*one.values()}) == len(one)
    elsewhere = seeds(of(tmp_path / "elsewhere", sampler=Random(), seed=1))
    shared = one.keys() & elsewhere.keys()
    assert shared
    assert all(one[configuration] != elsewhere[configuration] for configuration in shared)


def test_a_repeated_configuration_is_a_duplicate_and_no_trained_trial(tmp_path: Path) -> None:
    seen = Notices()
    study = of(tmp_path, sampler=Random(), observer=seen)
    first: dict[str, int] = {}
    for trial in study.trials:
        if trial.reason == "infeasible":
            continue
        known = first.setdefault(str(sorted(trial.params.items())), trial.number)
        assert (trial.reason == "duplicate") == (known != trial.number)
        if trial.reason == "duplicate":
            assert (trial.state, trial.value, trial.reports, trial.external) == ("PRUNED", None, (), False)
            assert trial.constraints[REPEATED] > 0
            assert study.original_of(trial) == known
            assert trial.seed == study.trials[known].seed
    duplicates = [trial for trial in study.trials if trial.reason == "duplicate"]
    assert len(duplicates) > 2
    assert len(study.finished()) == len(first) == 20
    assert f"{len(duplicates)} duplicate)" in repr(study)
    assert seen.last is not None
    assert (seen.last.finished, seen.last.duplicate) == (20, len(duplicates))
    assert seen.last.pruned + seen.last.complete == 20
    assert not seen.told


def test_by_default_a_repeated_configuration_is_trained_with_another_seed(tmp_path: Path) -> None:
    for values in ({key: value for key, value in FEW.items() if key != "seeds"}, {**FEW, "seeds": "trial"}):
        study = of(tmp_path / str(len(values)), space_values=values, sampler=Random(), goal=30)
        trained = study.finished()
        assert len({str(trial.params) for trial in trained}) < len(trained) == len({trial.seed for trial in trained})


@pytest.mark.parametrize("sampler", [Random(), Tpe(n_startup_trials=4), Qmc()], ids=lambda way: way.name)
def test_a_space_without_further_configurations_ends_the_search(sampler: Any, tmp_path: Path) -> None:
    seen = Notices()
    run = fake.run(tmp_path, space_values=FEWER, sampler=sampler, observer=seen, goal=20)
    assert run.reached
    assert len(run.study.finished()) == 6
    assert not [trial for trial in run.study.trials if trial.state == "RUNNING"]
    assert seen.told == [
        "The search asks for no more than 6 trials: its last 200 proposals repeated earlier configurations."
    ]
    again = fake.run(tmp_path, space_values=FEWER, sampler=sampler, goal=20)
    assert again.study.trials == run.study.trials
    raised = fake.run(tmp_path, space_values=FEWER, sampler=sampler, goal=30)
    assert raised.reached
    assert len(raised.study.finished()) == 6
    assert replay(log(tmp_path), lambda spec: fake.Planner(48)).difference is None


def test_a_model_that_knows_what_is_feasible_repeats_nothing(tmp_path: Path) -> None:
    study = of(tmp_path, sampler=Curves(n_startup_trials=4), pruner=Asha(), goal=30)
    assert {trial.reason for trial in study.trials} <= {"complete", "pruned"}


@pytest.mark.slow
@pytest.mark.parametrize("order", ["logical", "arrival"])
def test_it_is_replayed_from_its_log_alone(order: Any, tmp_path: Path) -> None:
    study = of(tmp_path, sampler=Random(), workers=2, delay=0.002, order=order, goal=25)
    assert "duplicate" in {trial.reason for trial in study.trials}
    events = log(tmp_path)
    for planner in (fake.Planner(48), RecordedPlanner(events)):
        found = replay(events, lambda spec, planner=planner: planner)  # type: ignore[misc]
        assert (found.difference, found.events) == (None, len(events))


@pytest.mark.slow
def test_killed_between_events_or_with_several_workers_it_has_one_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"space_values": FEW, "goal": 20, "sampler": Tpe(n_startup_trials=4)}
    study = fake.run(tmp_path / "whole", **options).study
    assert "duplicate" in {trial.reason for trial in study.trials}
    assert fake.run(tmp_path / "workers", workers=2, **options).study.digest == study.digest
    run, deaths = fake.run_killed_between_events(tmp_path / "killed", monkeypatch, cycle([4, 7]), **options)
    assert deaths > 3
    assert run.study.digest == study.digest


def test_enqueued_twice_it_is_trained_once(tmp_path: Path) -> None:
    params = {"model.depth": 2, "model.width": 16, "model.kind": "a"}
    study = of(tmp_path, enqueued=(params, params, {**params, "model.depth": 1}), goal=3)
    assert [trial.reason == "duplicate" for trial in study.trials[:3]] == [False, True, False]


def test_a_configuration_that_no_study_can_keep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Values from the planner for trial 3 cannot be kept"):
        fake.make_spec(Random(), Asha(), 4, 0, space=Space.of(FEW)).trial_seed(3, {"lr": float("nan")})
