"""Pruning in a search with two objectives, which Optuna refuses: done on a second study with one objective.

The second study holds the same trials with their values only, and one of Optuna's pruners decides on it. A trial of
cost c is compared with logically earlier trials of cost c or less, because no other trial can dominate it: a larger net
that is more accurate is not a reason to stop a smaller one. Therefore asha, median and HyperbandPruner never stop a
trial with the highest value of its comparison. As with one objective, a trial also continues if it is among the best
third.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search.strategies.pruners import Pruner


class ParetoPruning:
    """An in-memory study of the trials' values, and a list of their costs; call in the order of the trials' numbers."""

    def __init__(self, *, name: str, cost: str, pruner: Pruner, periods: int) -> None:
        """Create an empty study for trials of `periods` periods; `cost` is a name among a plan's facts."""
        self._cost = cost
        self._costs: list[float | None] = []
        self._storage = _Comparable()
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=name,
            direction="maximize",
            pruner=pruner.make(periods),
            sampler=optuna.samplers.RandomSampler(seed=0),
        )

    def start(self, facts: Mapping[str, Any], trial: FrozenTrial | None = None) -> int:
        """Start the next trial, or add the stored one that is given, and return its number.

        The facts of an impossible configuration hold no cost; such a trial is never compared.
        """
        self._costs.append(facts.get(self._cost))
        return self._storage.create_new_trial(self._study._study_id, trial)

    def report(self, number: int, period: int, value: float) -> bool:
        """Report the value after a period (from 1) and return whether the pruner stops the trial there."""
        self._storage.set_trial_intermediate_value(number, period, value)
        # Optuna's pruners ask the storage for trials themselves; those that they may compare are filtered there.
        self._storage.shown = self._at_most_as_costly(number)
        stops = self._study.pruner.prune(self._study, self._storage.get_trial(number))
        self._storage.shown = None
        return bool(stops)

    def tell(self, number: int, state: TrialState, value: float | None) -> None:
        """End a trial with its last value, None if it has none."""
        self._storage.set_trial_state_values(number, state, None if value is None else [value])

    def attributes(self, number: int) -> dict[str, Any]:
        """Return the pruner's notes about a trial: the values at its rungs."""
        return dict(self._storage.get_trial(number).system_attrs)

    def both(self, number: int, value: float | None) -> list[float] | None:
        """Return a trial's two objective values, (value, cost); None if it lacks one of the two."""
        cost = self._costs[number]
        return None if value is None or cost is None else [float(value), float(cost)]

    def _at_most_as_costly(self, number: int) -> set[int]:
        limit = self._costs[number]
        return {n for n, cost in enumerate(self._costs) if cost is not None and limit is not None and cost <= limit}


class _Comparable(InMemoryStorage):
    """A storage that shows a pruner only the trials that it may compare."""

    shown: Container[int] | None = None
    """The numbers of these trials; None for all."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in trials if self.shown is None or trial.number in self.shown]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        # `InMemoryStorage` remembers the best trial of all; the base class looks for it in `get_all_trials`.
        return BaseStorage.get_best_trial(self, study_id)


def shortfall(done: int, periods: int, value: float) -> float:
    """Return by how much a pruned trial violates the constraint "trained to the end", between 0 and 1.

    A sampler with two objectives cannot compare the value of a pruned trial, which comes from a smaller budget, with
    that of a complete one. With a violated constraint, the trial ranks below every complete one and above those that
    exceed a limit or diverged (1 or more). Among pruned trials, more periods rank higher, then the higher value, as in
    Optuna with one objective.

    Args:
        done: periods trained.
        periods: periods of the full budget.
        value: the last reported value, 0..1.
    """
    # One more period always outweighs the value, whose part is clipped to at most one period.
    return (periods - done + min(max(1 - value, 0.0), 1.0)) / (periods + 1)
