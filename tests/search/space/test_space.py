"""Spaces: forms, conditions, sampling, and the specification that a study is known by."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from search import canonical_json
from search.errors import SpaceError
from search.space.ranges import IntRange
from search.space.space import Space
from search.space.yaml_text import parse
from support.dose import dose

TEXT = """\
name: tiny
epochs: 3
limits: {macs: 1e6}
model:
  units: {int: [8, 64], log: true, when: {layers: [1, 2]}}   # stands before what it depends on
  layers: {int: [0, 2]}
  rate: {value: 0.5, when: {layers: 2}}
  filters: [8, 16]
optim:
  name: {choice: [adam, sgd]}
  momentum: {float: [0, 0.9], when: {name: sgd, model.layers: [1, 2]}}
"""


def space_of(text: str) -> Space:
    return Space.from_document(parse(text, "tiny.yaml"))


def problems_of(text: str) -> str:
    with pytest.raises(SpaceError) as caught:
        space_of(text)
    return str(caught.value)


def draw(space: Space, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    return space.sample(lambda _, span: span.at(rng.random()))


def test_settings_fields_and_text() -> None:
    space = space_of(TEXT)
    assert (space.name, space.source) == ("tiny", "tiny.yaml")
    assert space.settings == {"epochs": 3, "limits": {"macs": 1e6}}
    paths = ["model.units", "model.layers", "model.rate", "model.filters", "optim.name", "optim.momentum"]
    assert [field.path for field in space.fields] == paths
    assert [field.path for field in space.order] == [*paths[1:2], *paths[3:5], paths[0], paths[2], paths[5]]
    assert (space.fields[0].distribution, space.fields[3].distribution) == (IntRange(8, 64, log=True), None)
    assert not space.is_recipe
    assert space_of("model: {filters: [8, 16], rate: {value: 1}}").is_recipe
    assert Space.from_document(parse("epochs: 1", "some/My space.yaml")).name == "My-space"


@given(st.integers(0, 2**32))
def test_only_active_ranges_are_sampled(seed: int) -> None:
    space = space_of(TEXT)
    params = draw(space, seed)
    layers = params["model.layers"]
    assert ("model.units" in params) == (layers > 0)
    assert ("optim.momentum" in params) == (layers > 0 and params["optim.name"] == "sgd")
    assert "model.filters" not in params
    values = space.resolve(params)
    assert values.items() >= params.items()
    assert values["model.filters"] == [8, 16]
    assert ("model.rate" in values) == (layers == 2)


def test_an_inactive_parent_makes_its_children_inactive() -> None:
    space = space_of("a: {x: {choice: [0, 1]}, y: {int: [1, 2], when: {x: 1}}, z: {int: [1, 9], when: {y: [1, 2]}}}")
    samples = [draw(space, seed) for seed in range(20)]
    assert {tuple(sample) for sample in samples} == {("a.x",), ("a.x", "a.y", "a.z")}


def test_levels_and_whole_numbers_in_a_condition() -> None:
    assert "a.y" in space_of("a: {x: {choice: [1, 2]}, y: {value: 3, when: {x: [1]}}}").resolve({"a.x": 1})
    space = space_of(
        "a: {x: {levels: [0.5, 1, 2]}, y: {levels: [3, 4], when: {x: [1, 2]}}, z: {value: 5, when: {y: 4}}}"
    )
    assert space.sample(lambda path, span: span.values[0]) == {"a.x": 0.5}
    assert space.sample(lambda path, span: span.values[1]) == {"a.x": 1, "a.y": 4}
    assert space.resolve({"a.x": 1, "a.y": 4}) == {"a.x": 1, "a.y": 4, "a.z": 5}


def test_resolve_needs_the_parameters_of_active_fields() -> None:
    with pytest.raises(KeyError, match=r"optim\.name"):
        space_of(TEXT).resolve({"model.layers": 0})


NARROWED = "narrowed: true\na: {a: {int: [1, 2]}, b: {int: [1, 9], when: "
"""A narrowed file, too, has to name its parents rightly."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1  a space file holds settings and sections"),
        ("name: ../etc", "1:7  name: ../etc is not a name"),
        ("name: 007 # me", "1:7  name: 7 is not text; quote it"),
        ("name: Übung", "name: Übung is not a name: up to 64 ASCII letters, digits, dots, dashes and underscores, the"),
        ("name: {a: 1}", "1:7  name: {a: 1} is not a name"),
        ("narrowed: maybe", "1:11  narrowed: maybe is neither true nor false"),
        ("narrowed: {a: 1}", "1:11  narrowed: {a: 1} is neither true nor false"),
        ("a: {b: {int: ['1', 2]}}", "1:15  a.b: '1' is text; leave out the quotes"),
        ("a: {b.c: 1}", "1:5  a.b.c: not a name of letters, digits, _"),
        ("a: {b: {int: [3, 1]}}", "1:14  a.b: low 3 is above high 1"),
        ("a: {b: {}}", "1:8  a.b: a mapping here needs exactly one of"),
        ("a: {b: {value: 1, when: 3}}", "1:25  a.b: `when` needs a mapping"),
        ("a: {b: {value: 1, when: {c: []}}, c: 1}", "a.b: `when` lists no value of a.c"),
        ("a: {b: {value: 1, when: {cc: 1}}, ccc: 1}", "1:26  a.b: `when` names a.cc, which the file does not set; did"),
        ("a: {b: {value: 1, when: {c: [1, 7, 8]}}, c: {int: [1, 2]}}", "1:29  a.b: a.c is never 7 or 8"),
        ("a: {x: {choice: [1, 2]}, y: {value: 3, when: {x: true}}}", "a.x is never true"),
        ("a: {x: {levels: [1, 2]}, y: {value: 3, when: {x: [1, 1.5]}}}", "a.x is never 1.5"),
        ("a: {b: {value: 1, when: {x.c: [7]}}}\nx: {c: 3}", "1:31  a.b: x.c is never 7"),
        ("a: {b: {value: 1, when: {a.c: [1, 7]}}, c: {int: [1, 2]}}", "1:31  a.b: a.c is never 7"),
        ("a: {b: {value: 1, when: {b: 1}}}", "a.b: its condition leads back to itself"),
        (f"{NARROWED}{{aa: 1}}}}}}", "a.b: `when` names a.aa"),
        (f"{NARROWED}{{b: 1}}}}}}", "leads back to itself"),
        ("a: {b: {value: 1, when: {c: 2}}, c: {value: 2, when: {b: 1}}}", "a.c: its condition leads back to itself"),
    ],
)
def test_faults_and_where(text: str, expected: str) -> None:
    assert expected in problems_of(text)


def test_all_faults_at_once_and_none_that_follow_from_another() -> None:
    text = "a:\n  b: {int: [3, 1]}\n  c: {value: 1, when: {b: 9}}\n  d: {float: [0, 1], log: true}\n"
    lines = problems_of(text).splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == ["tiny.yaml:2:12", "tiny.yaml:4:6"]
    below = "a: {b: {int: [1, 2], when: {zzz: 1}}, c: {value: 1, when: {b: 1}}}"
    assert problems_of(below) == "tiny.yaml:1:29  a.b: `when` names a.zzz, which the file does not set"


@pytest.mark.parametrize("value", [{"choice": [1.0, float("inf")]}, {"choice": [object()]}, float("nan")])
def test_a_mapping_holds_what_a_file_can(value: object) -> None:
    with pytest.raises(SpaceError, match="a value cannot be in a space file: "):
        Space.of({"a": {"b": value}})


def test_the_specification_reads_back_and_knows_no_comments() -> None:
    space = space_of(TEXT)
    spec = json.loads(canonical_json.dumps(space.to_spec()))
    again = Space.from_spec(spec)
    assert again.to_spec() == space.to_spec()
    assert [draw(again, seed) for seed in range(9)] == [draw(space, seed) for seed in range(9)]
    assert space_of("# more\n" + TEXT.replace("{int: [0, 2]}", "{int: [0, 2], step: 1}")).to_spec() == space.to_spec()
    assert space_of(TEXT.replace("[0, 2]", "[0, 3]")).to_spec() != space.to_spec()
    spec["fields"][1][1] = {"int": [2, 0]}
    with pytest.raises(SpaceError, match="low 2 is above high 0"):
        Space.from_spec(spec)


def test_a_long_chain_of_conditions() -> None:
    links = [f"f{i}: {{value: 1, when: {{f{i + 1}: 1}}}}" for i in range(600)]
    space = space_of("a: {" + ", ".join([*links, "f600: 1"]) + "}")
    assert len(space.resolve({})) == 601


@given(st.data())
@settings(max_examples=dose(200))
def test_any_mutation_is_a_space_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    length = data.draw(st.integers(0, 10))
    inserted = data.draw(
        st.sampled_from(["", "{}", "[]", "1", "when", "x: ", "{int: [1, 2]}", "null", "\n", "true", "- "])
    )
    text = TEXT[:start] + inserted + TEXT[start + length :]
    try:
        space = space_of(text)
    except SpaceError as error:
        assert str(error).startswith("tiny.yaml:")  # noqa: PT017
        return
    params = draw(space, 0)
    assert space.resolve(params).items() >= params.items()
    assert Space.from_spec(json.loads(canonical_json.dumps(space.to_spec()))).to_spec() == space.to_spec()


def test_the_text_of_a_space_is_one_that_a_person_would_write() -> None:
    lines = space_of(TEXT).to_yaml().splitlines()
    assert lines[:3] == ["name: tiny", "epochs: 3", "limits:"]
    assert "  layers: {int: [0, 2]}" in lines
    assert "  momentum: {float: [0.0, 0.9], when: {optim.name: [sgd], model.layers: [1, 2]}}" in lines
    assert "  filters: [8, 16]" in lines


NO_CHARACTERS = "".join(map(chr, (*range(0xFDD0, 0xFDF0), 0xFFFE, 0xFFFF)))  # which a space file may not have
WORDS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=NO_CHARACTERS), max_size=9
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
)
CONSTANTS = SCALARS | st.lists(SCALARS, max_size=3)


@given(
    settings_=st.dictionaries(st.sampled_from(("epochs", "subset", "train_on", "objective")), CONSTANTS),
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True),
    constant=CONSTANTS,
    options=st.lists(CONSTANTS, min_size=1, max_size=4, unique_by=str),
    low=st.integers(-100, 100),
    steps=st.integers(0, 9),
    step=st.integers(1, 4),
    levels=st.lists(st.floats(1e-300, 1e300) | st.integers(1, 2**53), min_size=1, max_size=5, unique=True).map(sorted),
    ends=st.tuples(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300)).map(sorted),
    log=st.booleans(),
)
@settings(max_examples=dose(200))
def test_what_is_read_from_the_text_of_a_space_is_that_space(
    settings_: dict[str, Any], name: str, constant: Any, options: list[Any], low: int, steps: int, step: int,
    levels: list[float], ends: list[float], log: bool,
) -> None:  # fmt: skip
    space = Space.of(
        {
            "name": name,
            **settings_,
            "one": {"constant": constant, "whole": {"int": [low, low + steps * step], "step": step}},
            "two": {
                "choice": {"choice": distinct(options), "when": {"one.whole": [low]}},
                "real": {"float": ends, "log": log, "when": {"choice": [options[0]], "one.whole": low}},
                "levels": {"levels": levels, "log": log, "when": {"real": ends[0]}},
                "set": {"value": constant, "when": {"one.whole": [low]}},
            },
        }
    )
    again = space_of(space.to_yaml())
    assert canonical_json.dumps(again.to_spec()) == canonical_json.dumps(space.to_spec())


def test_a_narrowed_file_may_ask_for_what_its_ranges_do_not_hold() -> None:
    text = "a: {x: {choice: [1, 2]}, y: {value: 3, when: {x: [2, 7]}}}\nconstraints: [x < 2 or y == 4]"
    assert "a.x is never 7" in problems_of(text)
    narrowed = space_of(f"narrowed: true\n{text}")
    assert narrowed.to_spec()["settings"] == {"constraints": ["x < 2 or y == 4"]}
    assert narrowed.to_yaml().count("narrowed: true") == 1
    assert "narrowed" not in space_of(text.replace("[2, 7]", "[2]").replace("4", "3")).to_yaml()


def distinct(options: list[Any]) -> list[Any]:
    """Return the options without those that equal an earlier one, as 1, 1.0 and true do."""
    return [option for index, option in enumerate(options) if option not in options[:index]]
