"""Ranges as Optuna's distributions, and Optuna's values as ours."""

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
    """Return Optuna's distribution; lists among the choices, which Optuna does not take, become JSON texts."""
    if isinstance(distribution, IntRange):
        return IntDistribution(distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, FloatRange):
        return FloatDistribution(distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    return CategoricalDistribution([encode(option) for option in distribution.options])


def encode(value: Any) -> Any:
    """Return `value` as Optuna stores it: a list as its canonical JSON text, anything else as it is."""
    return canonical_json.dumps(value) if isinstance(value, list) else value


def decode(distribution: Distribution, value: Any) -> Any:
    """Return the value that `encode` made this one from."""
    if isinstance(distribution, IntRange | FloatRange):
        return value
    return next(option for option in distribution.options if encode(option) == value)
