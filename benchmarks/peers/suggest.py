"""The ranges of one of our space files, asked of an Optuna trial."""

from __future__ import annotations

from typing import Any

import optuna

from search.space.ranges import Choice, Distribution, IntRange
from search.space.space import Suggest


def suggester(trial: optuna.Trial) -> Suggest:
    """Return what gives a value for a field of a space."""

    def suggest(path: str, ranged: Distribution) -> Any:
        if isinstance(ranged, Choice):
            return trial.suggest_categorical(path, ranged.options)
        if isinstance(ranged, IntRange):
            return trial.suggest_int(path, ranged.low, ranged.high, step=ranged.step, log=ranged.log)
        return trial.suggest_float(path, ranged.low, ranged.high, step=ranged.step, log=ranged.log)

    return suggest
