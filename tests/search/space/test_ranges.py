"""Forms of ranges, and values drawn from them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from search.elementary import NATIVE, PORTABLE
from search.space.ranges import Choice, FloatRange, IntRange, Levels, NumberRange, parse_form, place

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
KEYS = st.sampled_from(["int", "float", "levels", "choice", "step", "log", "value", "other"])

STEPS = st.integers(-9, 9), st.integers(0, 9), st.integers(1, 9)
INT_RANGES = st.builds(lambda low, steps, step: IntRange(low, low + steps * step, step), *STEPS) | st.builds(
    lambda low, more: IntRange(low, low + more, log=True), st.integers(1, 99), st.integers(0, 999)
)
FLOAT_RANGES = st.builds(lambda low, more: FloatRange(low, low + more), st.floats(-9, 9), st.floats(0, 9)) | st.builds(
    lambda low, more: FloatRange(low, low * (1 + more), log=True), st.floats(1e-6, 9), st.floats(0, 99)
)
CHOICES = st.lists(st.none() | st.integers(2, 9) | st.text(max_size=3), min_size=1, unique=True).map(
    lambda options: Choice(tuple(options))
)

LEVELS = st.builds(
    lambda numbers, log: Levels(tuple(sorted(numbers)), log),
    st.lists(st.integers(1, 99) | st.floats(0.001, 99), min_size=1, max_size=9, unique=True),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"int": [1, 3]}, IntRange(1, 3)),
        ({"int": [8, 32], "step": 8}, IntRange(8, 32, 8)),
        ({"int": [1, 512], "log": True}, IntRange(1, 512, log=True)),
        ({"int": [2, 2]}, IntRange(2, 2)),
        ({"float": [0, 1]}, FloatRange(0.0, 1.0)),
        ({"float": [1e-4, 0.1], "log": True}, FloatRange(1e-4, 0.1, log=True)),
        ({"levels": [1e-3, 2e-3, 5e-3], "log": True}, Levels((1e-3, 2e-3, 5e-3), log=True)),
        ({"levels": [-1, 0, 2.5]}, Levels((-1, 0, 2.5))),
        ({"levels": [3]}, Levels((3,))),
        ({"choice": ["relu", None, [3, 5]]}, Choice(("relu", None, [3, 5]))),
    ],
)
def test_good_forms(form: dict[str, Any], expected: object) -> None:
    assert parse_form(form) == expected


@pytest.mark.parametrize(
    ("form", "below", "message"),
    [
        ({}, (), "exactly one of `int`, `float`, `levels`, `choice` and `value`"),
        ({"int": [1, 2], "stp": 1}, ("stp",), "did you mean `step`?"),
        ({"int": 3}, ("int",), "needs two numbers, [lowest, highest], not 3"),
        ({"int": [1.0, 2]}, ("int", 0), "1.0 is not an integer"),
        ({"int": [1, True]}, ("int", 1), "true is not an integer"),
        ({"float": ["a", 2]}, ("float", 0), "a is not a number"),
        ({"int": [3, 1]}, ("int",), "low 3 is above high 1"),
        ({"int": [1, 3], "step": 0}, ("step",), "step 0 is not an integer above zero"),
        ({"int": [1, 6], "step": 2}, ("step",), "step 2 leads from 1 to 5, not to 6"),
        ({"float": [-1e308, 1e308]}, (), "-1e+308 to 1e+308 is wider than any number"),
        ({"float": [0.001, 0.0010000000000000002], "log": True}, (), "have the same logarithm; write a constant"),
        ({"float": [0, 1], "log": True}, (), "low 0 with log: true; a logarithmic range needs low > 0"),
        ({"float": [0, 1], "step": 0.25}, ("step",), "a range of real numbers has no step; list its numbers: `levels"),
        ({"int": [1, 3], "log": True, "step": 2}, ("step",), "a logarithmic range has no step"),
        ({"int": [1, 3], "log": "yes"}, ("log",), "log yes is neither true nor false"),
        ({"levels": []}, ("levels",), "`levels` needs a list of at least one number"),
        ({"levels": [1, "a"]}, ("levels", 1), "a is not a number"),
        ({"levels": [True, 2]}, ("levels", 0), "true is not a number"),
        ({"levels": [1, 2, 2]}, ("levels", 2), "2 occurs twice among the levels"),
        ({"levels": [1, 1.0]}, ("levels", 1), "1.0 occurs twice among the levels"),
        ({"levels": [1, 3, 2]}, ("levels", 2), "2 comes after 3; levels have to rise"),
        ({"levels": [1, math.nan]}, ("levels", 1), "levels have to rise"),
        ({"levels": [0, 1], "log": True}, ("levels", 0), "low 0 with log: true; a logarithmic range needs low > 0"),
        ({"levels": [1, 2], "step": 1}, ("step",), "no key `step`"),
        ({"choice": []}, ("choice",), "at least one value"),
        ({"choice": "relu"}, ("choice",), "needs a list"),
        ({"choice": [1, 2, 1]}, ("choice", 2), "1 occurs twice"),
        ({"choice": [1, True]}, ("choice", 1), "true and 1 are one option in Optuna; leave one of them out"),
        ({"choice": ["[1,2]", [1, 2]]}, ("choice", 0), "[1,2] is how a list among the choices is written"),
    ],
)
def test_faulty_forms(form: dict[str, Any], below: tuple[object, ...], message: str) -> None:
    faults = parse_form(form)
    assert isinstance(faults, list)
    assert [fault.below for fault in faults] == [below]
    assert message in faults[0].message


@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_any_mapping_gives_a_range_or_faults(form: dict[str, Any]) -> None:
    assert parse_form(form)


@given(INT_RANGES | FLOAT_RANGES | LEVELS | CHOICES, st.integers(0, 2**32))
def test_draws_lie_in_the_range_and_its_written_forms_read_back(distribution: Any, seed: int) -> None:
    rng = random.Random(seed)
    assert all(distribution.contains(distribution.at(rng.random())) for _ in range(5))
    for form in (distribution.to_json(), distribution.to_json(shortest=True)):
        assert parse_form(form) == distribution


@given(INT_RANGES | LEVELS | CHOICES)
def test_all_values_are_in_the_range_in_its_order(distribution: Any) -> None:
    values = distribution.values
    assert distribution.count == len(values)
    assert all(distribution.contains(value) for value in (values[0], values[-1]))
    assert isinstance(distribution, Choice) or (values[0], values[-1]) == (distribution.low, distribution.high)


@pytest.mark.parametrize(
    ("span", "asked", "expected"),
    [
        (FloatRange(0.0, 1.0), "count", math.inf),
        (FloatRange(0.5, 0.5), "count", 1),
        (IntRange(1, 3), "text", "1 to 3"),
        (IntRange(8, 32, 8), "text", "8 to 32, step 8"),
        (FloatRange(1e-3, 0.05, log=True), "text", "0.001 to 0.05, log"),
        (Levels((0.1, 1), log=True), "text", "levels 0.1, 1, log"),
        (Choice(("relu", [8, 16], True)), "text", "relu, [8, 16], true"),
    ],
)
def test_what_a_range_says_of_itself(span: Any, asked: str, expected: object) -> None:
    assert getattr(span, asked) == expected


def nearest(span: NumberRange, value: float) -> float:
    return span.nearest(value)


@given(LEVELS)
def test_a_level_for_each_equal_share(levels: Levels) -> None:
    number = len(levels.values)
    assert tuple(levels.at((index + 0.5) / number) for index in range(number)) == levels.values
    assert (levels.at(0.0), levels.at(math.nextafter(1, 0))) == (levels.low, levels.high)


@pytest.mark.parametrize(
    ("of", "span", "value", "expected"),
    [
        (nearest, IntRange(8, 32, 8), 13, 16),
        (nearest, IntRange(8, 32, 8), 99.5, 32),
        (nearest, FloatRange(0.0, 1.0), 1, 1.0),
        (nearest, FloatRange(0.0, 1.0), -3, 0.0),
        (nearest, Levels((1, 3, 9)), 2, 1),
        (nearest, Levels((1, 3, 9)), 100, 9),
        (place, FloatRange(1.0, 100.0, log=True), 10.0, 0.5),
        (place, IntRange(0, 8), 2, 0.25),
        (place, Levels((1, 10, 100), log=True), 10, 0.5),
        (place, Levels((0, 1, 4)), 1, 0.25),
    ],
)
def test_the_nearest_value_of_a_range_and_places_on_its_scale(
    of: Any, span: NumberRange, value: float, expected: float
) -> None:
    assert of(span, value) == pytest.approx(expected)


def test_logarithmic_draws_are_even_in_the_logarithm() -> None:
    span = IntRange(1, 3, log=True)  # 1 stands for 0.5 to 1.5, and 3 for 2.5 to 3.5
    assert [span.at(math.log(end / 0.5) / math.log(7)) for end in (1.49, 1.51, 2.49, 2.51)] == [1, 2, 2, 3]
    rng = random.Random(0)
    drawn = [FloatRange(1e-4, 1.0, log=True).at(rng.random()) for _ in range(2000)]
    assert 0.45 < sum(value < 1e-2 for value in drawn) / 2000 < 0.55
    whole = [IntRange(1, 1000, log=True).at(rng.random()) for _ in range(2000)]
    assert 0.45 < sum(math.log(value) < math.log(1000) / 2 for value in whole) / 2000 < 0.57


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (IntRange(8, 32, 8), 12),
        (IntRange(0, 1), True),
        (IntRange(1, 3), 2.0),
        (FloatRange(0.0, 1.0), True),
        (FloatRange(0.0, 1.0), "0.5"),
        (FloatRange(0.0, 1.0), 1.5),
        (Levels((1, 2)), True),
        (Levels((1, 2)), 1.5),
        (Levels((1, 2)), [1]),
        (Choice((1, "a")), True),
        (Choice((True,)), 1),
    ],
)
def test_values_outside(distribution: Any, value: object) -> None:
    assert not distribution.contains(value)


PORTABLE_RANGES = st.builds(
    lambda low, factor: FloatRange(low, low * factor, log=True, elementary=PORTABLE),
    st.floats(1e-300, 1e200),
    st.floats(1.0, 1e90),
) | st.builds(
    lambda low, more: IntRange(low, low + more, log=True, elementary=PORTABLE), st.integers(1, 99), st.integers(0, 999)
)


@given(span=PORTABLE_RANGES, share=st.floats(0, 1, exclude_max=True))
@example(FloatRange(1e-4, 0.1, log=True, elementary=PORTABLE), math.nextafter(1.0, 0.0))
@example(FloatRange(5e-324, 1.7e308, log=True, elementary=PORTABLE), math.nextafter(1.0, 0.0))
@example(FloatRange(9.0, math.nextafter(9.0, 10.0), log=True, elementary=PORTABLE), 0.0)
def test_a_portable_range_stays_within_its_ends_and_is_the_same_but_for_the_last_bits(
    span: IntRange | FloatRange, share: float
) -> None:
    value, native = span.at(share), replace(span, elementary=NATIVE)
    assert span == native  # the same range: what a file holds of it is the same
    assert span.contains(value)
    assert value == pytest.approx(native.at(share), rel=1e-12, abs=isinstance(span, IntRange))
    if math.log(span.low) < math.log(span.high):  # no space has a range without: see `FloatRange.parse`
        assert place(span, value) == pytest.approx(place(native, value), abs=1e-12)


@pytest.mark.parametrize("span", [FloatRange(1e-4, 0.1, log=True), IntRange(8, 512, log=True), Levels((1, 3, 9), True)])
def test_a_portable_range_asks_for_nothing_but_correctly_rounded_functions(
    span: NumberRange, monkeypatch: pytest.MonkeyPatch
) -> None:
    portable = replace(span, elementary=PORTABLE)
    expected = portable.at(0.3), place(portable, 9)
    for name in ("exp", "log", "log2", "log10", "log1p", "pow", "sqrt"):
        monkeypatch.delattr(math, name)
    assert (portable.at(0.3), place(portable, 9)) == expected
