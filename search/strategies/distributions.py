"""Translate ranges to Optuna's distributions, and Optuna's values back to those of the ranges.

Optuna's categorical distributions hold None, bool, int, float and str only. A list, such as one of feature maps, is
stored as its canonical JSON text. Levels are one distribution of whole numbers, over their indices: so Optuna's
samplers know the order of the levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search import canonical_json
from search.elementary import NATIVE, Elementary
from search.space.ranges import Choice, Distribution, FloatRange, IntRange, Levels, same
from search.space.space import Space

OptunaDistribution = IntDistribution | FloatDistribution | CategoricalDistribution


@dataclass(frozen=True, slots=True)
class OptunaRanges:
    """All ranges of a space by path, with Optuna's distribution for each."""

    ours: Mapping[str, Distribution]
    optunas: Mapping[str, OptunaDistribution]
    order: tuple[str, ...]
    """The paths as they are sampled: each after those in its condition."""
    elementary: Elementary = NATIVE
    """The space's."""

    @classmethod
    def of(cls, space: Space) -> OptunaRanges:
        """Return the ranges of a space."""
        ours = {field.path: field.distribution for field in space.fields if field.distribution}
        order = tuple(field.path for field in space.order if field.distribution)
        return cls(ours, {path: to_optuna(span) for path, span in ours.items()}, order, space.elementary)

    @property
    def logarithmic(self) -> dict[str, IntRange | FloatRange]:
        """The ranges of which Optuna samples logarithms."""
        return {path: span for path, span in self.ours.items() if isinstance(span, IntRange | FloatRange) and span.log}

    def encode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a trial's parameters as Optuna takes them, in the same order."""
        return {path: encode(self.ours[path], value) for path, value in params.items()}

    def stored(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a trial's parameters as Optuna gives them back: a 1 that was given for a real number is 1.0."""
        spans, values = self.optunas, self.encode(params)
        return {path: spans[path].to_external_repr(spans[path].to_internal_repr(values[path])) for path in values}


def to_optuna(span: Distribution) -> OptunaDistribution:
    """Return Optuna's distribution of a range; options that are lists become JSON texts, levels their indices."""
    match span:
        case IntRange(low, high, step, log):
            return IntDistribution(low, high, step=step, log=log)
        case FloatRange(low, high, step, log):
            return FloatDistribution(low, high, step=step, log=log)
        case Levels(levels):
            return IntDistribution(0, len(levels) - 1)
        case Choice(options):
            return CategoricalDistribution([_as_category(option) for option in options])
        case _:
            assert_never(span)


def encode(span: Distribution, value: Any) -> Any:
    """Return a value of the range as Optuna stores it: a level as its index, a list as its canonical JSON text.

    Of a choice it is the option that is the same, which may be written otherwise: `[8, 16]` of `[8.0, 16]`.

    Raises:
        ValueError: the range has levels, and the value is none of them.
    """
    match span:
        case Levels(levels):
            return levels.index(value)
        case Choice(options):
            return _as_category(next((option for option in options if same(option, value)), value))
        case IntRange() | FloatRange():
            return value
        case _:
            assert_never(span)


def decode(span: Distribution, value: Any) -> Any:
    """Return the value of the range of which `encode` made `value`."""
    match span:
        case Levels(levels):
            return levels[value]
        case Choice(options):
            return next(option for option in options if _as_category(option) == value)
        case IntRange() | FloatRange():
            return value
        case _:
            assert_never(span)


def _as_category(option: Any) -> Any:
    return canonical_json.dumps(option) if isinstance(option, list) else option
