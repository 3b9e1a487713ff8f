"""Searches of spaces with constraints: what misses one is not trained and says by how much, decided the same again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from search.driver.run import Run
from search.errors import StorageError, TooManyFailuresError
from search.event_log.events import Asked
from search.repeatability import rehearse
from search.space.space import constrained
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Random, Tpe
from search.study import studies
from search.trainer_api import Codec, Plan
from support import search_fake as fake
from support.fake_trainer import Config
from support.scripted import Clock, Scripted

BOUND, OTHER = "width <= 16 * depth", "model.extra < 0.5 or kind == 'a'"
SPACE: dict[str, Any] = {
    **fake.SPACE,
    "model": {**fake.SPACE["model"], "kind": {"choice": ["a", "b"]}},
    "constraints": [BOUND, OTHER],
}
pytestmark = pytest.mark.usefixtures("log_alone")


def misses(params: Mapping[str, Any]) -> bool:
    by_kind = params.get("model.extra", 0) >= 0.5 and params["model.kind"] != "a"
    return bool(params["model.width"] > 16 * params["model.depth"]) or by_kind


def test_what_misses_a_constraint_is_not_trained_and_says_by_how_much(tmp_path: Path) -> None:
    study = fake.run(tmp_path, budget=25, widest=64, space_values=SPACE, sampler=Random()).study
    infeasible = [trial.number for trial in study.trials if trial.reason == "infeasible"]
    assert infeasible == [trial.number for trial in study.trials if misses(trial.params)] != []
    assert len(study.trials) - len(infeasible) == 25
    for trial in study.trials:
        params = trial.params
        assert trial.constraints[BOUND] == params["model.width"] - 16 * params["model.depth"]
        assert trial.constraints[OTHER] <= 0 or params["model.depth"] > 1
        assert trial.constraints["width"] <= 0  # the planner's own stays


def test_stopped_and_gone_on_with_it_comes_to_the_same_and_can_be_replayed(tmp_path: Path) -> None:
    options = {"budget": 12, "space_values": SPACE}
    whole = fake.run(tmp_path / "whole", **options).study
    assert whole.spec["space"]["settings"]["constraints"] == [BOUND, OTHER]
    assert fake.run_in_parts(tmp_path / "parts", 20, **options).study.digest == whole.digest
    assert fake.decided_again(fake.events_of(tmp_path / "parts")).difference is None


@pytest.mark.parametrize(
    ("options", "words"),
    [({"widest": 0}, "limits"), ({"space_values": {**SPACE, "constraints": ["width < 8"]}}, "limits and constraints")],
)
def test_where_nothing_meets_them_a_search_ends(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(TooManyFailuresError, match=rf"^200 trials in a row are infeasible under the space's {words}\."):
        fake.run(tmp_path, sampler=Random(), **options)
    assert len(studies.open_study(tmp_path, None).trials) == 200


def test_where_nothing_more_meets_them_what_is_in_work_is_trained_to_its_end(tmp_path: Path) -> None:
    values = {**fake.SPACE, "constraints": ["optim.lr <= 1e-4"]}
    first = {"model.depth": 1, "model.width": 8, "model.kind": "a", "optim.lr": 1e-4}
    options: dict[str, Any] = {"enqueued": (first, {**first, "model.width": 16}), "pruner": NoPruner()}
    for _ in range(2):  # the second one asks for nothing more
        with pytest.raises(TooManyFailuresError, match=r"^200 trials in a row are infeasible"):
            fake.run(tmp_path, space_values=values, sampler=Random(), **options)
        study = studies.open_study(tmp_path, None)
        assert [trial.number for trial in study.complete()] == [0, 1]
        assert len(study.trials) == 202
    assert fake.decided_again(fake.events_of(tmp_path)).difference is None


def test_whoever_drives_a_search_keeps_to_them() -> None:
    spec = fake.make_spec(Tpe(), Asha(), 4, 0, space=fake.space(SPACE))
    asked = [event for event in rehearse(spec, fake.Planner(), 20, 20) if isinstance(event, Asked)]
    assert len(asked) == 20
    for event in asked:
        assert (event.constraints[BOUND] > 0) == (event.params["model.width"] > 16 * event.params["model.depth"])


def test_a_planner_that_knows_them_already_is_none_the_worse() -> None:
    space = fake.space(SPACE)
    params = {"model.depth": 1, "model.width": 64, "model.kind": "b", "optim.lr": 0.1}
    once = constrained(fake.Planner(), space)
    assert constrained(once, space)(params) == once(params)
    assert not once(params).feasible
    assert once({**params, "model.width": 16}).feasible


class Planner:
    """Plans as the fake trainer does, and remembers the configurations that it has drawn."""

    def __init__(self, from_json: Callable[[Mapping[str, Any]], Config] = Config) -> None:
        self.codec = Codec(dict, from_json)
        self.drawn: list[Config] = []

    def __call__(self, params: Mapping[str, Any]) -> Plan[Config]:
        plan = fake.Planner()(params)
        self.drawn.append(Config(plan.config))
        return Plan(config=self.drawn[-1], costs=plan.costs)


def test_what_was_drawn_is_trained_and_what_the_codec_cannot_read_again_is_a_sentence(
    clock: Clock, tmp_path: Path
) -> None:
    def run(folder: Path, planner: Planner, **options: Any) -> tuple[Run, Scripted]:
        executor = Scripted(clock)
        options |= {"executor": executor, "planner_for": lambda _: planner, "sampler": Random()}
        return fake.run(folder, budget=6, **options), executor

    whole, executor = run(tmp_path / "whole", planner := Planner())
    assert all(job.config == planner.drawn[job.trial] for _, job in executor.started)
    assert [trial.config for trial in whole.study.trials] == planner.drawn
    configs = [*(job.config for _, job in executor.started), *(trial.config for trial in whole.study.trials)]
    assert {type(config) for config in configs} == {dict}
    run(tmp_path, Planner(), stopping=fake.StopAfter(6))
    said = r"^The configuration of trial \d cannot be read \('layers'\); resume with the trainer that began the study"
    with pytest.raises(StorageError, match=said):
        run(tmp_path, Planner(lambda values: Config(layers=values["layers"])))
    found, executor = run(tmp_path, Planner())
    assert found.study.digest == whole.study.digest
    assert all(job.config == found.study.trials[job.trial].config for _, job in executor.started)
