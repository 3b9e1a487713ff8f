"""By how much a trial misses a constraint, where constraints are kept, and what `--set` makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from search.errors import SpaceError
from search.space.overrides import override
from search.space.space import Space
from search.space.yaml_reader import parse

TEXT = """\
model:
  layers: {int: [0, 1]}
  units: {int: [8, 64], when: {layers: 1}}
  filters: {int: [1, 8]}
  rate: {float: [0, 1]}
  kind: {choice: [x, y]}
constraints:
  - units <= 8 * filters
  - filters > 2 or kind != 'x'
"""
SPACE = Space.from_document(parse(TEXT, "f.yaml"))


def excess(text: str, **values: Any) -> float:
    params = {"layers": 1, "units": 8, "filters": 1, "rate": 0.5, "kind": "x"} | values
    document = {**parse(TEXT, "f").value, "constraints": [text]}
    return Space.of(document).excess({f"model.{name}": value for name, value in params.items()})[text]


def test_blanks_within_quotes_are_kept_and_others_are_one() -> None:
    values = {
        "m": {"k": {"choice": ["a  b", "c"]}, "x": {"float": [0, 1]}},
        "constraints": ["k  ==  'a  b'\nor x < 0.5"],
    }
    space, params = Space.of(values), {"m.k": "a  b", "m.x": 0.9}
    assert list(space.excess(params)) == ["k == 'a  b' or x < 0.5"]
    assert Space.from_spec(space.to_spec()).excess(params) == space.excess(params)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("units <= 8 * filters", {"units": 20}, 12),
        ("units <= 8 * filters", {"filters": 2}, -8),
        ("8 * filters >= units", {"units": 20}, 12),
        ("units < 8 * filters", {}, 1e-9),
        ("rate == 0.25", {}, 0.25),
        ("rate != 0.25", {}, -0.25),
        ("rate != 0.5", {}, 1e-9),
        ("kind == 'y'", {}, 1.0),
        ("kind in ['x', 'y']", {}, -1.0),
        ("filters in [4, 7]", {"filters": 5}, 1),
        ("2 <= filters <= 4", {}, 1),
        ("filters > 2 and rate < 0.25", {}, 1),
        ("filters > 2 or rate < 0.25", {}, 0.25),
        ("not (filters > 2 or rate < 0.75)", {}, 0.25),
        ("1 / (filters - 1) < 5", {}, 1.0),
        ("not 1 / (filters - 1) < 5", {}, 1.0),
        ("filters == 1 or 1 / (filters - 1) < 5", {}, 0),
        ("rate * 1e308 * 1e308 > 1", {}, 1.0),
    ],
)
def test_by_how_much_a_trial_misses_a_constraint(text: str, values: dict[str, Any], expected: float) -> None:
    assert excess(text, **values) == pytest.approx(expected)


def test_a_constraint_on_a_field_that_a_trial_lacks_is_met() -> None:
    assert SPACE.excess({"model.layers": 0, "model.filters": 1, "model.rate": 0.5, "model.kind": "y"}) == {
        "units <= 8 * filters": 0.0,
        "filters > 2 or kind != 'x'": -1.0,
    }


def test_constraints_survive_the_specification_and_the_file() -> None:
    assert SPACE.to_spec()["settings"] == {"constraints": ["units <= 8 * filters", "filters > 2 or kind != 'x'"]}
    for again in (Space.from_spec(SPACE.to_spec()), Space.from_document(parse(SPACE.to_yaml(), "f.yaml"))):
        assert again.to_spec() == SPACE.to_spec() | {"name": again.name}
        assert again.constraints == SPACE.constraints


def test_set_gives_others_and_takes_them_away() -> None:
    changed = override(SPACE, ["constraints=[rate < 0.5]"])
    assert [constraint.text for constraint in changed.constraints] == ["rate < 0.5"]
    assert changed.settings == {"constraints": ["rate < 0.5"]}
    none = override(SPACE, ["constraints=[]"])
    assert (none.constraints, none.settings, none.excess({})) == ((), {}, {})
    with pytest.raises(SpaceError, match=r"^--set constraints:1:9  constraints\[0\]: the file sets no field speed$"):
        override(SPACE, ["constraints=[rate < speed]"])


def test_a_kind_that_set_has_taken_out_of_a_range_is_passed_over() -> None:
    space = Space.of({"m": {"norm": {"choice": [None, "a"]}, "x": {"float": [0, 1]}}, "constraints": ["norm == null"]})
    assert override(space, ["m.norm={choice: [a, b]}"]).excess({"m.norm": "a", "m.x": 0.9})["norm == null"] > 0


def test_a_constraint_that_set_leaves_no_range_goes_if_it_is_met() -> None:
    pinned = override(SPACE, ["model.filters=3", "model.kind=x"])
    assert pinned.settings == {"constraints": ["units <= 8 * filters"]}
    assert Space.from_document(parse(pinned.to_yaml(), "f.yaml")).constraints == pinned.constraints
    with pytest.raises(SpaceError) as caught:
        override(SPACE, ["model.filters=1", "model.kind=x"])
    assert str(caught.value) == (
        "f.yaml:9:5  constraints[1]: filters > 2 or kind != 'x' is not met, and no range is left in it"
    )


def test_a_value_that_set_takes_away_is_no_fault() -> None:
    changed = override(SPACE, ["model.kind={choice: [y, z]}"])
    assert changed.constraints == SPACE.constraints
    with pytest.raises(SpaceError, match=r"constraints\[0\]: model.kind is never x"):
        override(SPACE, ["model.kind={choice: [y, z]}", "constraints=[\"filters > 2 or kind != 'x'\"]"])
