"""`--set` on a space."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from search.errors import SpaceError, UsageError
from search.space.overrides import override
from search.space.ranges import FloatRange, IntRange
from search.space.space import Space
from search.space.yaml_reader import parse

SPACE = Space.from_document(
    parse("epochs: 6\nlimits: {macs: 9}\na: {b: {int: [1, 2]}, c: {int: [1, 9], when: {b: 2}}}\n", "f.yaml")
)


def value_of(path: str, *assignments: str) -> object:
    return next(field.value for field in override(SPACE, assignments).fields if field.path == path)


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
    changed = override(SPACE, ["z.y=relu", "a.b=1"])
    assert [field.path for field in changed.fields] == ["a.b", "a.c", "z.y"]
    assert changed.resolve({}) == {"a.b": 1, "z.y": "relu"}, "a condition that is idle now is no fault"


def test_settings() -> None:
    changed = override(SPACE, ["epochs=3", "limits.parameters=7", "subset=6000"])
    assert changed.settings == {"epochs": 3, "limits": {"macs": 9, "parameters": 7}, "subset": 6000}
    assert SPACE.settings == {"epochs": 6, "limits": {"macs": 9}}


def test_conditions_of_new_values() -> None:
    changed = override(SPACE, ["a.c={int: [3, 4], when: {b: 1}}"])
    assert [field.distribution for field in changed.fields] == [IntRange(1, 2), IntRange(3, 4)]
    assert changed.resolve({"a.b": 1, "a.c": 3}) == {"a.b": 1, "a.c": 3}


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


@given(st.text(max_size=20), st.text(alphabet="ab1:[]{}, =.\n", max_size=20))
def test_any_assignment_works_or_is_refused(name: str, value: str) -> None:
    try:
        changed = override(SPACE, [f"{name}={value}"])
    except UsageError as error:
        assert isinstance(error, SpaceError) or str(error).startswith("--set ")  # noqa: PT017
    else:
        assert changed != SPACE or name in ("a.b", "a.c")
