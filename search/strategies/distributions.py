"""Translate ranges to Optuna's distributions, and Optuna's values back to ours.

Optuna's categorical distributions hold None, bool, int, float and str only. A list, such as one of feature maps, is
stored as its canonical JSON text.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search import canonical_json
from search.space import Distribution, FloatRange, IntRange


def to_optuna(distribution: Distribution) -> BaseDistribution:
    """Return Optuna's distribution of a range; options that are lists become JSON texts."""
    if isinstance(distribution, IntRange):
        return IntDistribution(distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, FloatRange):
        return FloatDistribution(distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    return CategoricalDistribution([encode(option) for option in distribution.options])


def encode(value: Any) -> Any:
    """Return `value` as Optuna stores it: a list as its canonical JSON text, anything else unchanged."""
    return canonical_json.dumps(value) if isinstance(value, list) else value


def decode(distribution: Distribution, value: Any) -> Any:
    """Return the option of which `encode` made `value`; numbers of other ranges are returned unchanged."""
    if isinstance(distribution, IntRange | FloatRange):
        return value
    return next(option for option in distribution.options if encode(option) == value)
