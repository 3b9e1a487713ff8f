"""Where two nested mappings differ."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from search.canonical_json import dumps, fault, parse_finite, sha256
from search.differences import differences


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([[1, 2], [1, 3]], [[1, 9], [1, 3]]),
        ([["a", 2], ["a", 3]], [["a", 9], ["a", 3]]),
        ([[[8], 16]], [[[8], 32]]),
    ],
)
def test_lists_of_two_are_pairs_only_where_names_of_their_own_come_first(old: Any, new: Any) -> None:
    assert differences({"config": {"w": old}}, {"config": {"w": new}}) == [("config.w", str(old), str(new))]


def test_pairs_with_names_of_their_own_are_compared_by_name_and_kinds_of_numbers_are_told_apart() -> None:
    old, new = [["lr", 1], ["depth", 2]], [["lr", 1.0], ["width", 2], ["depth", 3]]
    rows = [("fields.depth", "2", "3"), ("fields.lr", "1", "1.0"), ("fields.width", "-", "2")]
    assert sorted(differences({"fields": old}, {"fields": new})) == rows


def test_differences_name_fields_and_explain_a_check_by_the_numerics() -> None:
    stored = {"space": {"fields": [["optim.lr", {"value": 1}]]}, "numerics": {"cpu": "a", "check": "x"}}
    same_bits = {**stored, "numerics": {"cpu": "b", "check": "x"}, "space": {"fields": [["optim.lr", {"value": 2}]]}}
    assert differences(stored, same_bits) == [("space.fields.optim.lr.value", "1", "2")]
    other_bits = {**same_bits, "numerics": {"cpu": "b", "check": "y"}}
    assert ("numerics.cpu", "a", "b") in differences(stored, other_bits)


def test_a_value_has_one_text() -> None:
    assert dumps({"b": [1, 1.0, None, True], "a": {"ü\u2028": 0.1 + 0.2}}) == (
        '{"a":{"ü\u2028":0.30000000000000004},"b":[1,1.0,null,true]}'
    )


def test_a_hash_is_that_of_the_first_version() -> None:
    assert sha256({"ü": 1e-3}) == "03a5a3f0c085dc73f6e9ef11384cdd4b7d1fd4973edb6b22906646100d1449d9"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_has_no_text(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"a": [number]})


def test_what_is_not_plain_json_is_found() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert fault({"a": [1, 0.5, "b", True, None]}) is None
    faults = [fault(value) for value in ([math.nan], {"a": Path("b")}, deep)]
    assert [type(found) for found in faults] == [ValueError, TypeError, RecursionError]


def test_a_number_of_a_text_is_finite() -> None:
    assert parse_finite("-1e308") == -1e308
    with pytest.raises(ValueError, match=r"^1e999 is not a finite number$"):
        parse_finite("1e999")
