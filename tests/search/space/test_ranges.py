"""Forms of ranges, and values drawn from them."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from search.space.ranges import Choice, FloatRange, IntRange, parse_form

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
KEYS = st.sampled_from(["int", "float", "choice", "step", "log", "value", "other"])

INT_RANGES = st.builds(
    lambda low, steps, step: IntRange(low, low + steps * step, step),
    st.integers(-9, 9),
    st.integers(0, 9),
    st.integers(1, 9),
) | st.builds(lambda low, more: IntRange(low, low + more, log=True), st.integers(1, 99), st.integers(0, 999))
FLOAT_RANGES = (
    st.builds(lambda low, more: FloatRange(low, low + more), st.floats(-9, 9), st.floats(0, 9))
    | st.builds(lambda low, more: FloatRange(low, low * (1 + more), log=True), st.floats(1e-6, 9), st.floats(0, 99))
    | st.builds(lambda steps: FloatRange(0.0, steps / 4, 0.25), st.integers(1, 20))
)
CHOICES = st.lists(st.none() | st.integers(2, 9) | st.text(max_size=3), min_size=1, unique=True).map(
    lambda options: Choice(tuple(options))
)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"int": [1, 3]}, IntRange(1, 3)),
        ({"int": [8, 32], "step": 8}, IntRange(8, 32, 8)),
        ({"int": [1, 512], "log": True}, IntRange(1, 512, log=True)),
        ({"int": [2, 2]}, IntRange(2, 2)),
        ({"float": [0, 1]}, FloatRange(0.0, 1.0)),
        ({"float": [0, 0.3], "step": 0.1}, FloatRange(0.0, 0.3, 0.1)),
        ({"float": [1e-4, 0.1], "log": True}, FloatRange(1e-4, 0.1, log=True)),
        ({"choice": ["relu", None, [3, 5]]}, Choice(("relu", None, [3, 5]))),
    ],
)
def test_good_forms(form: dict[str, Any], expected: object) -> None:
    assert parse_form(form) == (expected, [])


@pytest.mark.parametrize(
    ("form", "below", "message"),
    [
        ({}, (), "exactly one of `int`, `float`, `choice` and `value`"),
        ({"int": [1, 2], "float": [1, 2]}, (), "exactly one"),
        ({"int": [1, 2], "stp": 1}, ("stp",), "did you mean `step`?"),
        ({"choice": [1], "log": True}, ("log",), "no key `log`"),
        ({"int": 3}, ("int",), "needs two numbers, [lowest, highest], not 3"),
        ({"int": [1, 2, 3]}, ("int",), "needs two numbers"),
        ({"int": [1.0, 2]}, ("int", 0), "1.0 is not a whole number"),
        ({"int": [1, True]}, ("int", 1), "true is not a whole number"),
        ({"float": ["a", 2]}, ("float", 0), "a is not a number"),
        ({"int": [3, 1]}, ("int",), "low 3 is above high 1"),
        ({"int": [1, 3], "step": 0}, ("step",), "step 0 is not a whole number above zero"),
        ({"int": [1, 6], "step": 2}, ("step",), "step 2 leads from 1 to 5, not to 6"),
        ({"float": [0, 1], "step": 0.3}, ("step",), "step 0.3 leads from 0 to 0.9, not to 1"),
        ({"float": [0, 1], "step": -1}, ("step",), "step -1 is not a number above zero"),
        ({"float": [0, 1], "log": True}, (), "low 0 with log: true; a logarithmic range needs low > 0"),
        ({"float": [1, 2], "log": True, "step": 1}, ("step",), "a logarithmic range has no step"),
        ({"int": [1, 3], "log": True, "step": 2}, ("step",), "a logarithmic range has no step"),
        ({"int": [1, 3], "log": "yes"}, ("log",), "log yes is neither true nor false"),
        ({"choice": []}, ("choice",), "at least one value"),
        ({"choice": "relu"}, ("choice",), "needs a list"),
        ({"choice": [1, 2, 1]}, ("choice", 2), "1 stands twice"),
        ({"choice": [1, True]}, ("choice", 1), "true stands twice"),
    ],
)
def test_faulty_forms(form: dict[str, Any], below: tuple[object, ...], message: str) -> None:
    distribution, faults = parse_form(form)
    assert distribution is None
    assert [fault.below for fault in faults] == [below]
    assert message in faults[0].message


@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_any_mapping_gives_a_range_or_faults(form: dict[str, Any]) -> None:
    distribution, faults = parse_form(form)
    assert (distribution is None) == bool(faults)


@given(INT_RANGES | FLOAT_RANGES | CHOICES, st.integers(0, 2**32))
def test_draws_lie_in_the_range(distribution: Any, seed: int) -> None:
    rng = random.Random(seed)
    assert all(distribution.contains(distribution.draw(rng)) for _ in range(5))


@given(INT_RANGES | FLOAT_RANGES | CHOICES)
def test_the_written_form_reads_back(distribution: Any) -> None:
    assert parse_form(distribution.to_json()) == (distribution, [])


def test_logarithmic_draws_are_even_in_the_logarithm() -> None:
    rng = random.Random(0)
    drawn = [FloatRange(1e-4, 1.0, log=True).draw(rng) for _ in range(2000)]
    assert 0.45 < sum(value < 1e-2 for value in drawn) / 2000 < 0.55
    whole = [IntRange(1, 1000, log=True).draw(rng) for _ in range(2000)]
    assert 0.45 < sum(math.log(value) < math.log(1000) / 2 for value in whole) / 2000 < 0.57


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (IntRange(8, 32, 8), 12),
        (IntRange(0, 1), True),
        (IntRange(1, 3), 2.0),
        (FloatRange(0.0, 1.0), True),
        (FloatRange(0.0, 1.0, 0.25), 0.3),
        (FloatRange(0.0, 1.0), "0.5"),
        (FloatRange(0.0, 1.0), 1.5),
        (Choice((1, "a")), True),
        (Choice((True,)), 1),
    ],
)
def test_values_outside(distribution: Any, value: object) -> None:
    assert not distribution.contains(value)
