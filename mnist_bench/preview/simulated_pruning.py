"""How long trials train under a pruner, played through for values that somebody made up: for forecasts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import assert_never

from search.strategies import Asha, ForeignPruner, Hyperband, Median, NoPruner, Pruner


@dataclass(frozen=True, slots=True)
class ImaginedTrial:
    """A trial as a simulation draws it."""

    values: tuple[float, ...]
    """What it reports after each period, if it gets so far."""
    cost: float | None = None
    """The second objective, where the search has one: it is compared with trials that cost no more."""


def periods_trained(trials: Sequence[ImaginedTrial], pruner: Pruner, rng: random.Random) -> list[int]:
    """Return after how many periods each trial would end, were they trained one after the other.

    Each has at least one value. `rng` draws the bracket of a trial under Hyperband.
    """
    match pruner:
        case NoPruner():
            return [len(trial.values) for trial in trials]
        case Median():
            return _under_median(trials, pruner)
        case ForeignPruner():
            return _under_median(trials, pruner.as_median())
        case Asha():
            return _halved(trials, [pruner] * len(trials))
        case Hyperband():
            shares, brackets = zip(*pruner.as_asha(len(trials[0].values)), strict=True) if trials else ((), ())
            return _halved(trials, rng.choices(brackets, shares, k=len(trials)) if trials else [])
        case _:
            assert_never(pruner)


def _halved(trials: Sequence[ImaginedTrial], brackets: Sequence[Asha]) -> list[int]:
    """Let the nth arrival at a rung pass if it is among the best max(1, n // reduction_factor) of its bracket."""
    arrived: dict[tuple[Asha, int], list[ImaginedTrial]] = {}
    return [_rung_of(trial, asha, arrived) for trial, asha in zip(trials, brackets, strict=True)]


def _rung_of(trial: ImaginedTrial, asha: Asha, arrived: dict[tuple[Asha, int], list[ImaginedTrial]]) -> int:
    *rungs, last = asha.rungs(len(trial.values))
    for rung in rungs:
        others = arrived.setdefault((asha, rung), [])
        others.append(trial)
        rivals = [other for other in others if trial.cost is None or (other.cost or 0.0) <= trial.cost]
        better = sum(other.values[rung - 1] > trial.values[rung - 1] for other in rivals)
        if better >= max(1, len(rivals) // asha.reduction_factor):
            return rung
    return last


def _under_median(trials: Sequence[ImaginedTrial], pruner: Median) -> list[int]:
    """Stop a trial below the median at the same period of those before it that are complete, once there are enough."""
    trained: list[int] = []
    for number, trial in enumerate(trials):
        complete = sum(periods == len(trial.values) for periods in trained)
        stops = (
            period
            for period in range(max(1, pruner.n_warmup_steps), len(trial.values))
            if complete >= pruner.n_startup_trials and _is_below(trial, trials[:number], trained, period, pruner)
        )
        trained.append(next(stops, len(trial.values)))
    return trained


def _is_below(
    trial: ImaginedTrial, earlier: Sequence[ImaginedTrial], trained: Sequence[int], period: int, pruner: Median
) -> bool:
    pairs = zip(earlier, trained, strict=True)
    others = [other.values[period - 1] for other, ended in pairs if ended == len(other.values) >= period]
    return len(others) >= max(1, pruner.n_min_trials) and max(trial.values[:period]) < median(others)
