"""Settings of a space that a search of any trainer reads, and those that it leaves to the planner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.driver.run import Search
from search.errors import UsageError
from search.space.space import Space
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from search.trainer_api import TrainerSpec
from support import search_fake as fake


def of(results: Path, **settings: Any) -> Search:
    trainer = TrainerSpec(factory="support.fake_trainer:Trainer")
    space = Space.of({**fake.SPACE, **settings})
    return Search.of(space, fake.Planner(48), trainer, trials=1, periods=fake.PERIODS, results=results)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"search": "random"}, "search: random is not a mapping; give {sampler: tpe, pruner: asha}, or one of the two"),
        ({"search": None}, "search: null is not a mapping; give {sampler: tpe, pruner: asha}, or one of the two"),
        ({"search": {"samplr": "random"}}, "search: it has no samplr; did you mean `sampler`?"),
        ({"search": {"seed": 3}}, "search: it has no seed; give sampler or pruner"),
        ({"search": {"sampler": 3}}, "search.sampler: 3 is neither a name nor a mapping with a `name` and options"),
        ({"search": {"pruner": ["asha"]}}, "search.pruner: [asha] is neither a name nor a mapping with a `name` and"),
        ({"objective": ["v", "size", "z"]}, "objective: [v, size, z] is neither the name of what is maximised nor"),
        ({"objective": ["v", 3]}, "objective: [v, 3] is neither the name of what is maximised nor a list of two"),
        ({"objective": {"v": 1}, "objectiv": 1}, "objectiv: a search has no such setting; did you mean `objective`?"),
        ({"constrains": ["width < 9"]}, "constrains: a search has no such setting; did you mean `constraints`?"),
        ({"serach": {"sampler": "random"}}, "serach: a search has no such setting; did you mean `search`?"),
    ],
)
def test_a_setting_that_no_search_reads_as_it_is_meant_is_refused(
    tmp_path: Path, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(UsageError) as refused:
        of(tmp_path / "results", **settings)
    assert str(refused.value).startswith(f"space: {fault}")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "results").exists()


def test_settings_of_the_planner_stand_beside(tmp_path: Path) -> None:
    search = of(
        tmp_path, limits={"cities": 50}, epochs=6, arch="small", research={"depth": {"int": [1, 3]}},
        objective=["value", "parameters"],
        search={"sampler": {"name": "random"}, "pruner": "none", "start": ["a-table"]},
    )  # fmt: skip
    spec = search.spec_for({"canary": ""})
    assert (spec.sampler, spec.pruner, spec.cost) == (Random(), NoPruner(), "parameters")
