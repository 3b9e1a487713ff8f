"""Conditions: what they mean, by how much a trial misses them, what is refused, and what `--set` makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings, strategies as st

from search.errors import SpaceError
from search.space.settings import override
from search.space.space import Space
from search.space.yaml_text import parse
from support.dose import dose

FIELDS = """\
model:
  a: {int: [-3, 3]}
  b: {float: [-2, 2]}
  kind: {choice: [x, y]}
  on: {choice: [true, false]}
  mixed: {choice: [x, 1, null]}
  shape: {choice: [3, [3, 5]]}
  fixed: 2
  rate: {float: [0, 1]}
optim:
  rate: {float: [0, 1]}
constraints:
"""
VALUES = st.fixed_dictionaries(
    {
        "model.a": st.integers(-3, 3),
        "model.b": st.sampled_from([-2.0, -0.5, 0.0, 1.0, 1.5]),
        "model.kind": st.sampled_from("xy"),
        "model.on": st.booleans(),
        "model.mixed": st.sampled_from(["x", 1, None]),
        "model.shape": st.just(3),
        "model.rate": st.just(0.5),
        "optim.rate": st.just(0.25),
    }
)


def space_of(*constraints: str) -> Space:
    lines = "".join(f"  - {text}\n" for text in constraints)
    return Space.from_document(parse(FIELDS + lines, "f.yaml"))


def is_met(text: str, values: dict[str, Any]) -> bool:
    (excess,) = Space.of({**parse(FIELDS, "f").value, "constraints": [text]}).excess(values).values()
    return excess <= 0


NUMBERS = st.recursive(
    st.sampled_from(["a", "model.b", "fixed", "0", "1", "2.5", ".5", "1e1", "1_0"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join)
        | inner.map("({})".format)
        | inner.map("-{}".format)
    ),
    max_leaves=5,
)
SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
COMPARISONS = (
    st.tuples(NUMBERS, SIGNS, NUMBERS).map(" ".join)
    | st.tuples(NUMBERS, SIGNS, NUMBERS, SIGNS, NUMBERS).map(" ".join)
    | st.tuples(st.sampled_from(["kind", "'x'"]), st.sampled_from(["==", "!="]), st.just("kind")).map(" ".join)
    | st.sampled_from(["on", "on == true", "kind in ['x', \"y\"]", "kind not in ['x']", "a in [1, -2, b]"])
    | st.sampled_from(["mixed == null", "mixed != 'x'", "mixed == 1", "mixed in [1, null]"])
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map("({})".format)
        | inner.map("not ({})".format)
        | inner.map("not {}".format)
    ),
    max_leaves=5,
)


@given(CONDITIONS, VALUES)
@settings(max_examples=dose(2000))
def test_a_condition_is_met_where_python_says_so(text: str, values: dict[str, Any]) -> None:
    names = {path.partition(".")[2]: value for path, value in values.items()} | {"fixed": 2}
    plain = text.replace("model.", "").replace("null", "None").replace("true", "True")
    try:
        expected = bool(eval(plain, {}, names))  # noqa: S307
        found = is_met(text, values)
    except (ArithmeticError, SpaceError):  # a division by zero, no range, or too long
        assume(False)
    if "/" not in plain:  # where Python passes over a division by zero, a comparison is not met
        assert found == expected


@given(
    st.text(max_size=40) | st.lists(CONDITIONS | NUMBERS | SIGNS | st.sampled_from("()[],=."), max_size=5).map(" ".join)
)
@settings(max_examples=dose(3000))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        space = Space.of({**parse(FIELDS, "f").value, "constraints": [text]})
    except SpaceError as error:
        (problem,) = error.problems
        assert problem.message.startswith("constraints[0]: ")
        assert problem.message.isprintable()
    else:
        assert [constraint.text for constraint in space.constraints] == [" ".join(text.split())]


@pytest.mark.parametrize("deep", ["(" * 99, "-" * 190, "not " * 49, "((" * 10 + "-" * 150])
def test_depth_is_limited(deep: str) -> None:
    with pytest.raises(SpaceError, match="nested deeper than 20 levels"):
        Space.of({**parse(FIELDS, "f").value, "constraints": [f"{deep}a"]})


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("fixxed < a", 5, "the file sets no field fixxed; did you mean `fixed`?"),
        ("kind == x", 13, "the file sets no field x; a text has quotes: 'x'"),
        ("a + rate < 3", 9, "rate is in several sections; write model.rate or optim.rate"),
        ("kind < 3", 5, "`<` takes numbers, and model.kind is a text"),
        ("a < 'x'", 9, "`<` takes numbers, and 'x' is a text"),
        ("a + on < 3", 9, "`+` takes numbers, and model.on is a truth value"),
        ("a == 'x'", 5, "model.a is a number, and 'x' is a text, so `==` is the same in every trial"),
        ("a in [2, 7]", 5, "model.a is never 7"),
        ("a / (2 - 2) < 3", 7, "divides by zero"),
        ("a < 1e308 * 10", 15, "does not give a finite number"),
        ("a < 1e999", 9, "1e999 is not a finite number"),
        ("fixed < 3", 5, "names no field with a range, so it never changes"),
        ("shape < 4", 5, "model.shape can be a list, and a constraint takes single values"),
        ("max(a, b) < 3", 8, "`(` is not allowed here; there are no functions here"),
        ("lambda < 3", 5, "the file sets no field lambda"),
        ("a = 3", 7, "`=` is not allowed here; `==` compares"),
        ("a == True", 10, "`True` is not allowed here; write `true`"),
        ("a < 3 && b < 3", 11, "`&&` is not allowed here; write `and`"),
        ("a < 3;", 10, "the character ; is not allowed here"),
        ("a <", 8, "a number, a text or a field is missing at the end"),
        ("(a < 3", 11, "`)` is missing at the end"),
        ("a in 3", 10, "`[` is missing before `3`"),
        ("a in []", 11, "`]` is not allowed here"),
        ("a in [1 2]", 13, "`2` is not allowed here"),
        ("(a, b) < 3", 7, "`,` is not allowed here"),
        ("a < b in [1, 2]", 11, "`in` is not allowed here"),
        ("a", 5, "a value alone is not a condition; compare it"),
        ("a < 3 or b", 14, "a value alone is not a condition; compare it"),
        ("(a < 3) + 1 < 3", 5, "a condition is not a value to compare or to calculate with"),
        ("kind == 'x", 13, "a closing quote is missing"),
        ("3", 5, "3 is not a condition, such as hidden_units <= 8 * filters"),
        (f"a < {'1 + ' * 50}1", 5, "has 205 characters; the limit is 200"),
        ("\"kind == 'x' and a <\"", 25, "a number, a text or a field is missing at the end"),
    ],
)
def test_what_is_refused_and_where(text: str, column: int, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        space_of("b < 1", text)
    assert str(caught.value) == f"f.yaml:14:{column}  constraints[1]: {message}"


def test_all_faults_are_told_and_a_list_is_needed() -> None:
    with pytest.raises(SpaceError) as caught:
        space_of("a <", "b < 1", "b  <  1", "x < 1")
    assert [problem.line for problem in caught.value.problems] == [13, 15, 16]
    assert "constraints[2]: occurs twice" in str(caught.value)
    for written in ("a < 3", {"a": 3}, None):
        with pytest.raises(SpaceError, match="constraints: needs a list of conditions, such as"):
            Space.of({**parse(FIELDS, "f").value, "constraints": written})


def test_a_field_that_cannot_be_read_makes_no_second_fault() -> None:
    with pytest.raises(SpaceError) as caught:
        Space.of({"m": {"a": {"int": [3, 1]}}, "constraints": ["a < 2", "a == 'x'"]})
    assert [problem.message for problem in caught.value.problems] == ["m.a: low 3 is above high 1"]


NET = """\
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
SPACE = Space.from_document(parse(NET, "f.yaml"))


def excess(text: str, **values: Any) -> float:
    params = {"layers": 1, "units": 8, "filters": 1, "rate": 0.5, "kind": "x"} | values
    document = {**parse(NET, "f").value, "constraints": [text]}
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
        ("kind not in ['x', 'y']", {}, 1.0),
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


def test_constraints_survive_the_specification_and_the_file_and_set_gives_others_and_takes_them_away() -> None:
    assert SPACE.to_spec()["settings"] == {"constraints": ["units <= 8 * filters", "filters > 2 or kind != 'x'"]}
    for again in (Space.from_spec(SPACE.to_spec()), Space.from_document(parse(SPACE.to_yaml(), "f.yaml"))):
        assert again.to_spec() == SPACE.to_spec() | {"name": again.name}
        assert again.constraints == SPACE.constraints
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
