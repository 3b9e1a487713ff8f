"""A constraint as a tree, and by how much the values of a trial miss it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from search.arguments import is_number
from search.space.ranges import same
from search.space.scalars import Scalar

Operator = Literal["+", "-", "*", "/"]
Comparator = Literal["<", "<=", ">", ">=", "==", "!="]

MIN_MISS = 1e-9
"""Least amount by which `a < b` is missed: if both are equal."""
UNMET = 1.0
"""Amount by which a comparison without a difference is missed: of texts, or after a division by zero."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true, false or null."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a field."""

    path: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The result of an operator on two numbers."""

    operator: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Comparison:
    """Met if the comparator holds for two values."""

    comparator: Comparator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Every:
    """Met if all parts are met; there is at least one part."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Met if one of the parts is met; there is at least one part."""

    parts: tuple[Condition, ...]


Operand = Constant | FieldValue | Arithmetic
Condition = Comparison | Every | Either


def negated(condition: Condition) -> Condition:
    """Return the condition that is met if and only if this one is not."""
    match condition:
        case Comparison(comparator, left, right):
            return Comparison(_opposite(comparator), left, right)
        case Every(parts):
            return Either(tuple(map(negated, parts)))
        case Either(parts):
            return Every(tuple(map(negated, parts)))
        case _:
            assert_never(condition)


def _opposite(comparator: Comparator) -> Comparator:
    match comparator:
        case "<":
            return ">="
        case "<=":
            return ">"
        case ">":
            return "<="
        case ">=":
            return "<"
        case "==":
            return "!="
        case "!=":
            return "=="
        case _:
            assert_never(comparator)


def paths(tree: Condition | Operand) -> Iterator[str]:
    """Yield the path of each field that a tree names, as often as it names it."""
    match tree:
        case FieldValue(path):
            yield path
        case Constant():
            pass
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from paths(left)
            yield from paths(right)
        case Every(parts) | Either(parts):
            for part in parts:
                yield from paths(part)
        case _:
            assert_never(tree)


def excess(condition: Condition, values: Mapping[str, Any]) -> float:
    """Return by how much values, by path, miss a condition: above 0 if it is not met, always finite.

    For `a <= b` it is a - b, for several conditions that must be met the largest, for alternatives the smallest.
    A comparison without a result, after a division by zero or beyond the largest float, is not met.
    """
    match condition:
        case Every(parts):
            return max(excess(part, values) for part in parts)
        case Either(parts):
            return min(excess(part, values) for part in parts)
        case Comparison(comparator, left, right):
            try:
                return _excess(comparator, evaluate(left, values), evaluate(right, values))
            except ArithmeticError:
                return UNMET
        case _:
            assert_never(condition)


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Return whether a condition is met by values, by path, of which some may be missing (None).

    A comparison with a missing value is not met, nor is one without a result: after a division by zero, or beyond the
    largest float.
    """
    match condition:
        case Every(parts):
            return all(holds(part, values) for part in parts)
        case Either(parts):
            return any(holds(part, values) for part in parts)
        case Comparison(comparator, left, right):
            if any(values.get(path) is None for path in paths(condition)):
                return False
            try:
                return _is_met(comparator, evaluate(left, values), evaluate(right, values))
            except ArithmeticError:
                return False
        case _:
            assert_never(condition)


def evaluate(operand: Operand, values: Mapping[str, Any]) -> Any:
    """Return the value of an operand, given those of the fields by path.

    Raises:
        ArithmeticError: a division by zero, or a number beyond the largest float.
    """
    match operand:
        case Constant(value):
            return value
        case FieldValue(path):
            return values[path]
        case Arithmetic(sign, left, right):
            result = _calculated(sign, evaluate(left, values), evaluate(right, values))
            if not math.isfinite(result):  # for whole numbers that are too large, isfinite raises itself
                raise OverflowError("no finite number")
            return result
        case _:
            assert_never(operand)


def _calculated(sign: Operator, left: Any, right: Any) -> Any:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            assert_never(sign)


def _is_met(comparator: Comparator, left: Any, right: Any) -> bool:
    match comparator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case "==":
            return same(left, right)
        case "!=":
            return not same(left, right)
        case _:
            assert_never(comparator)


def _excess(comparator: Comparator, left: Any, right: Any) -> float:
    is_met = _is_met(comparator, left, right)
    if not is_number(left) or not is_number(right):
        return -UNMET if is_met else UNMET
    apart = float(left) - float(right)
    match comparator:
        case "<" | "<=":
            over = apart
        case ">" | ">=":
            over = -apart
        case "==":
            over = abs(apart)
        case "!=":
            over = -abs(apart)
        case _:
            assert_never(comparator)
    # The comparison decides, not the difference, which may be rounded to 0.
    return max(min(0.0, over), -sys.float_info.max) if is_met else min(max(MIN_MISS, over), sys.float_info.max)
