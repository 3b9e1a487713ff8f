"""`--set` on a space; settings that a search of any trainer reads, and those that it leaves to the planner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from search.driver.run import Search
from search.errors import SpaceError, UsageError
from search.space.ranges import FloatRange, IntRange
from search.space.settings import check_settings, override
from search.space.space import Space
from search.space.yaml_text import parse
from search.trainer_api import TrainerSpec
from support import search_fake as fake

SPACE = Space.from_document(
    parse("epochs: 6\nlimits: {macs: 9}\na: {b: {int: [1, 2]}, c: {int: [1, 9], when: {b: 2}}}\n", "f.yaml")
)


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["a.b=1"], 1),
        (["a.b = [1, 2]"], [1, 2]),
        (["a.b={float: [1e-3, 1e-2], log: true}"], FloatRange(1e-3, 1e-2, log=True)),
        (["a.b=1", "a.b=2"], 2),
    ],
)
def test_fields_take_constants_and_ranges(assignments: list[str], expected: object) -> None:
    assert override(SPACE, assignments).fields[0].value == expected


def test_the_order_of_the_file_stays_and_what_is_new_comes_last() -> None:
    changed = override(SPACE, ["z.y=relu", "a.b=1", "epochs=3", "limits.parameters=7", "subset=6000"])
    assert [field.path for field in changed.fields] == ["a.b", "a.c", "z.y"]
    assert changed.resolve({}) == {"a.b": 1, "z.y": "relu"}, "a condition that is idle now is no fault"
    assert changed.settings == {"epochs": 3, "limits": {"macs": 9, "parameters": 7}, "subset": 6000}
    assert SPACE.settings == {"epochs": 6, "limits": {"macs": 9}}
    conditional = override(SPACE, ["a.c={int: [3, 4], when: {b: 1}}"])
    assert [field.distribution for field in conditional.fields] == [IntRange(1, 2), IntRange(3, 4)]
    assert conditional.resolve({"a.b": 1, "a.c": 3}) == {"a.b": 1, "a.c": 3}


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("a.b", "--set a.b: give NAME=VALUE"),
        ("=1", "--set =1: give NAME=VALUE"),
        ("a.b.c=1", "--set a.b.c=1: give NAME=VALUE"),
        ("a.=1", "--set a.=1: give NAME=VALUE"),
        ("narrowed=true", "--set narrowed: a file says this of its ranges"),
        ("name.x=3", "--set name: the name of a space is set in its file"),
        ("epochs.x=3", "--set epochs.x: epochs is a setting without fields; give --set epochs=VALUE"),
        ("a.b=[1", "--set a.b:1:1  not valid YAML"),
        ("a.b={int: [2, 1]}", "--set a.b:1:7  a.b: low 2 is above high 1"),
        ("a.b={value: 1, when: {c: 3}}", "a.b: its condition leads back to itself"),
        ("a.c={value: 1, when: {b: 7}}", "a.c: a.b is never 7"),
    ],
)
def test_faults_name_the_option(assignment: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(SPACE, [assignment])
    assert expected in str(caught.value)


def test_a_setting_that_the_search_refuses_is_where_it_was_set() -> None:
    space = override(Space.of({"search": {"pruner": "none"}}), ["search.sampler=[tpe]"])
    with pytest.raises(SpaceError, match=r"^--set search\.sampler:1:1  search\.sampler: \[tpe\] is neither a name nor"):
        check_settings(space)


@given(st.text(max_size=20), st.text(alphabet="ab1:[]{}, =.\n", max_size=20))
def test_any_assignment_works_or_is_refused(name: str, value: str) -> None:
    try:
        changed = override(SPACE, [f"{name}={value}"])
    except UsageError as error:
        assert isinstance(error, SpaceError) or str(error).startswith("--set ")  # noqa: PT017
    else:
        assert changed != SPACE or name in ("a.b", "a.c")


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
        ({"search": {"sampler": "nosuch"}}, "search: no sampler 'nosuch'; there are "),
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
