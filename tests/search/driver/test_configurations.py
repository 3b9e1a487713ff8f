"""A configuration is an object of the trainer's class for planner and trainer, and JSON in the log and in jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from search.driver.run import Run
from search.errors import StorageError
from search.trainer_api import Codec, Plan
from support import search_fake as fake
from support.fake_trainer import Config
from support.scripted import Clock, Scripted

pytestmark = pytest.mark.usefixtures("log_alone")


class Planner:
    """Plans as the fake trainer does, and remembers the configurations that it has drawn."""

    def __init__(self, from_json: Callable[[Mapping[str, Any]], Config] = Config) -> None:
        self.codec = Codec(dict, from_json)
        self.drawn: list[Config] = []

    def __call__(self, params: Mapping[str, Any]) -> Plan[Config]:
        plan = fake.Planner()(params)
        self.drawn.append(Config(plan.config))
        return Plan(config=self.drawn[-1], costs=plan.costs)


def run(results: Path, planner: Planner, **options: Any) -> tuple[Run, Scripted]:
    executor = Scripted(Clock())
    return fake.run(results, goal=6, executor=executor, planner_for=lambda spec: planner, **options), executor


def test_what_was_drawn_is_what_is_trained(clock: Clock, tmp_path: Path) -> None:
    found, executor = run(tmp_path, planner := Planner())
    assert all(job.config == planner.drawn[job.trial] for _, job in executor.started)
    assert {type(job.config) for _, job in executor.started} == {dict}
    assert [trial.config for trial in found.study.trials] == planner.drawn
    assert {type(trial.config) for trial in found.study.trials} == {dict}


@pytest.mark.slow
def test_a_search_that_goes_on_reads_the_configurations_from_its_log(clock: Clock, tmp_path: Path) -> None:
    undisturbed, _ = run(tmp_path / "undisturbed", Planner())
    run(tmp_path, Planner(), stopping=fake.StopAfter(6))
    found, executor = run(tmp_path, Planner())
    assert found.study.digest == undisturbed.study.digest
    assert all(job.config == found.study.trials[job.trial].config for _, job in executor.started)


def test_a_configuration_that_the_codec_cannot_read_is_a_sentence(clock: Clock, tmp_path: Path) -> None:
    run(tmp_path, Planner(), stopping=fake.StopAfter(6))
    advice = "resume with the trainer that began the study"
    with pytest.raises(StorageError, match=rf"^The configuration of trial \d cannot be read \('layers'\); {advice}"):
        run(tmp_path, Planner(lambda values: Config(layers=values["layers"])))
