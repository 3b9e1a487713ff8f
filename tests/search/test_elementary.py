"""Exponentials and logarithms with the same bits on every machine."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from search.elementary import NATIVE, PORTABLE
from search.messages import command_line
from support.commands import pasted
from support.dose import dose

FINE = Context(prec=200)


@pytest.mark.parametrize("number", ["0x1.9e9cbbfd6080bp-31", "-0x1.ed318efb627eap-27", "0x1.83d4bcdebb3f4p+2"])
def test_an_exponential_that_is_all_but_a_float_or_a_midpoint_is_rounded_correctly(number: str) -> None:
    argument = float.fromhex(number)
    assert PORTABLE.exp(argument) == float(FINE.exp(Decimal(argument)))


@given(st.floats(min_value=5e-324, allow_infinity=False))
@example(float.fromhex("0x1.62a88613629b6p+678"))  # the logarithm is nearest to a float of all
def test_logarithms_are_rounded_correctly(number: float) -> None:
    assert PORTABLE.ln(number) == float(FINE.ln(Decimal(number)))


@given(st.floats(-745, 709))
def test_exponentials_are_rounded_correctly(number: float) -> None:
    assert PORTABLE.exp(number) == float(FINE.exp(Decimal(number)))


@given(st.floats(1e-300, 1e300))
def test_both_ways_agree_but_for_the_last_bits(number: float) -> None:
    logarithm = PORTABLE.ln(number)
    assert logarithm == pytest.approx(NATIVE.ln(number), rel=1e-15, abs=0)
    assert PORTABLE.exp(logarithm) == pytest.approx(NATIVE.exp(logarithm), rel=1e-15)


def test_arrays_are_computed_number_by_number() -> None:
    numbers = np.linspace(0.01, 3.0, 50)
    assert PORTABLE.exp_of_each(numbers).tolist() == [PORTABLE.exp(number) for number in numbers.tolist()]
    assert NATIVE.exp_of_each(numbers).tolist() == np.exp(numbers).tolist()


def test_native_normal_numbers_are_numpys() -> None:
    assert NATIVE.normals(np.random.default_rng(3), 5).tolist() == np.random.default_rng(3).standard_normal(5).tolist()


def test_portable_normal_numbers_are_standard_normal() -> None:
    found = PORTABLE.normals(np.random.default_rng(0), 4001)
    assert found.shape == (4001,)
    within = [float(np.mean(np.abs(found) < deviations)) for deviations in (0.5, 1.0, 2.0, 3.0)]
    assert within == pytest.approx([0.3829, 0.6827, 0.9545, 0.9973], abs=0.02)
    assert abs(float(found.mean())) < 0.05
    assert abs(float(np.corrcoef(found[:-1], found[1:])[0, 1])) < 0.05


NAMES = ["plain", "my results", "we ird\nnew é", "a\tb", "\x1b[31m", "it's\na \\ 'quote'", "", "‮", "\udcff", "\n7"]


@example(words=NAMES)
@given(words=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
@settings(max_examples=dose(100), deadline=None)
def test_any_command_is_pasted_as_it_was(words: list[str]) -> None:
    told = command_line(words)
    assert told.isprintable()
    assert pasted(told) == words
