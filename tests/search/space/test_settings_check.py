"""Settings of a space that a search of any trainer reads, and those that it leaves to the planner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.driver.run import Search
from search.errors import SpaceError, UsageError
from search.space.space import Space
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from search.trainer_api import TrainerSpec
from support import search_fake as fake

TRAINER = TrainerSpec(factory="support.fake_trainer:Trainer")


def of(results: Path, **settings: Any) -> Search:
    space = Space.of({**fake.SPACE, **settings})
    return Search.of(space, fake.Planner(48), TRAINER, trials=1, periods=fake.PERIODS, results=results)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"search": "random"}, "search: random is not a mapping; give {sampler: curves, pruner: asha}, or one of"),
        ({"search": None}, "search: null is not a mapping"),
        ({"search": {"samplr": "random"}}, "search: it has no samplr; did you mean `sampler`?"),
        ({"search": {"seed": 3}}, "search: it has no seed; give sampler or pruner"),
        ({"search": {"sampler": 3}}, "search.sampler: 3 is neither a name nor a mapping with a `name` and options"),
        ({"search": {"pruner": ["asha"]}}, "search.pruner: [asha] is neither a name nor a mapping with a `name` and"),
        ({"objective": ["v", "size", "z"]}, "objective: [v, size, z] is neither the name of the value nor a list"),
        ({"objective": ["v", 3]}, "objective: [v, 3] is neither the name of the value nor a list of two, [that name,"),
        ({"objective": ["v", "error"]}, "objective: error is a name that a study uses itself; give the fact another"),
        ({"direction": "minimise"}, "direction: minimise is not a direction; did you mean `minimize`?"),
        ({"direction": "up"}, "direction: up is not a direction; give minimize or maximize"),
        ({"directon": "minimize"}, "directon: a search has no such setting; did you mean `direction`?"),
        ({"objective": {"v": 1}, "objectiv": 1}, "objectiv: a search has no such setting; did you mean `objective`?"),
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


def test_a_fault_names_the_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tour.yaml"
    file.write_text("name: tour\nheat:\n  first: {float: [0.1, 1]}\ndirection:   minimum\nsearch: {pruner: [asha]}\n")
    with pytest.raises(SpaceError) as refused:
        Search.of(Space.load(file), fake.Planner(), TRAINER, trials=1, periods=1, results=tmp_path)
    assert [str(problem) for problem in refused.value.problems] == [
        f"{file}:4:14  direction: minimum is not a direction; did you mean `minimize`?",
        f"{file}:5:18  search.pruner: [asha] is neither a name nor a mapping with a `name` and options",
    ]


def test_a_section_takes_the_name_of_the_direction(tmp_path: Path) -> None:
    """The file of such a space could not hold both."""
    space = Space.of({**fake.SPACE, "direction": {"north": {"float": [0.0, 1.0]}}})
    options: dict[str, Any] = {"trials": 1, "periods": fake.PERIODS, "results": tmp_path}
    Search.of(space, fake.Planner(), TRAINER, **options)
    with pytest.raises(
        SpaceError, match="direction is a setting, so that a section cannot have this name; rename the section"
    ):
        Search.of(space, fake.Planner(), TRAINER, direction="minimize", **options)


def test_settings_of_the_planner_stand_beside(tmp_path: Path) -> None:
    search = of(
        tmp_path, limits={"cities": 50}, epochs=6, arch="small", research={"depth": {"int": [1, 3]}},
        objective=["value", "parameters"],
        search={"sampler": {"name": "random"}, "pruner": "none", "start": ["a-table"]},
    )  # fmt: skip
    spec = search.spec_for({"check": ""})
    assert (spec.sampler, spec.pruner, spec.cost) == (Random(), NoPruner(), "parameters")
