"""A configuration is an object of the trainer's class for planner and trainer, and JSON in the log and in jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.driver.run import Search
from search.errors import StorageError
from search.trainer_api import Codec, Plan
from support import search_fake as fake
from support.scripted import Clock, Scripted


class Config(dict[str, Any]):
    """A configuration of the trainer's own class, which is not JSON."""


class Planner:
    """Plans as the fake trainer does, and remembers the configurations that it has drawn."""

    def __init__(self, from_json: Callable[[Mapping[str, Any]], Config] = Config) -> None:
        self.codec = Codec(dict, from_json)
        self.drawn: list[Config] = []

    def __call__(self, params: Mapping[str, Any]) -> Plan[Config]:
        """See `search.trainer_api.Planner`."""
        plan = fake.Planner()(params)
        self.drawn.append(Config(plan.config))
        return Plan(config=self.drawn[-1], costs=plan.costs)


def search(results: Path, planner: Planner, executor: Scripted, **options: Any) -> Search:
    return replace(fake.make_search(results, goal=6, executor=executor, **options), planner_for=lambda spec: planner)


def test_what_was_drawn_is_what_is_trained(clock: Clock, tmp_path: Path) -> None:
    planner, executor = Planner(), Scripted(clock, lambda job: None)
    study = search(tmp_path, planner, executor).run().study
    assert all(job.config == planner.drawn[job.trial] for _, job in executor.started)
    assert {type(job.config) for _, job in executor.started} == {dict}
    assert [trial.config for trial in study.trials] == planner.drawn
    assert {type(trial.config) for trial in study.trials} == {dict}


@pytest.mark.slow
def test_a_search_that_goes_on_reads_the_configurations_from_its_log(clock: Clock, tmp_path: Path) -> None:
    undisturbed = search(tmp_path / "undisturbed", Planner(), Scripted(clock, lambda job: None)).run().study
    stopped = search(tmp_path, Planner(), Scripted(clock, lambda job: None), stopping=fake.StopAfter(6))
    assert not stopped.run().reached
    executor = Scripted(clock, lambda job: None)
    study = search(tmp_path, Planner(), executor).run().study
    assert study.digest == undisturbed.digest
    assert all(job.config == study.trials[job.trial].config for _, job in executor.started)


def test_a_configuration_that_the_codec_cannot_read_is_a_sentence(clock: Clock, tmp_path: Path) -> None:
    stopped = search(tmp_path, Planner(), Scripted(clock, lambda job: None), stopping=fake.StopAfter(6))
    assert not stopped.run().reached

    def other(values: Mapping[str, Any]) -> Config:
        return Config(layers=values["layers"])

    advice = "resume with the trainer that began the study"
    with pytest.raises(StorageError, match=rf"^The configuration of trial \d cannot be read \('layers'\); {advice}"):
        search(tmp_path, Planner(other), Scripted(clock, lambda job: None)).run()
