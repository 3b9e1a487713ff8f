"""The ranges of one of our space files, asked of an Optuna trial."""

from __future__ import annotations

from typing import Any, assert_never

import optuna

from search.space.ranges import Choice, Distribution, FloatRange, IntRange, Levels
from search.space.space import Suggest
from search.strategies.distributions import decode, encode


def suggester(trial: optuna.Trial) -> Suggest:
    """Return what gives a value for a field of a space."""

    def suggest(path: str, ranged: Distribution) -> Any:
        match ranged:
            case Choice(options):
                texts = [encode(ranged, option) for option in options]  # Optuna keeps no lists
                return decode(ranged, trial.suggest_categorical(path, texts))
            case Levels(levels):
                return levels[trial.suggest_int(path, 0, len(levels) - 1)]
            case IntRange(low, high, step, log):
                return trial.suggest_int(path, low, high, step=step, log=log)
            case FloatRange(low, high, step, log):
                return trial.suggest_float(path, low, high, step=step, log=log)
            case _:
                assert_never(ranged)

    return suggest
