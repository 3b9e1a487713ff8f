"""Pruning in a search with two objectives, which Optuna itself refuses: on a second study with one objective.

The second study holds the same trials and their values, and a pruner of Optuna's decides on it. A trial of cost c is
compared with those of cost c or less alone, as far as they are logically earlier, since no other one can dominate it:
what costs more and is more accurate is no reason to stop a small net. So asha, hyperband and median never stop a trial
that has the highest value among those that it is compared with; a trial may go on, as with one objective, for being
among the best third of them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search.strategies.pruners import Pruner


class ParetoPruning:
    """An in-memory study of values alone, and the costs; trials come in the order of their numbers, from 0 up."""

    def __init__(self, *, name: str, cost: str, pruner: Pruner, periods: int) -> None:
        """Make an empty study; `cost` is a name among a plan's facts."""
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
        """Begin the next trial, or take over one as it was, and return its number.

        A net that cannot exist has no cost among its facts.
        """
        self._costs.append(facts.get(self._cost))
        return self._storage.create_new_trial(self._study._study_id, trial)

    def report(self, number: int, period: int, value: float) -> bool:
        """Take the value after a period and return whether the pruner stops the trial there."""
        self._storage.set_trial_intermediate_value(number, period, value)
        self._storage.shown = self._at_most_as_costly(number)
        stops = self._study.pruner.prune(self._study, self._storage.get_trial(number))
        self._storage.shown = None
        return bool(stops)

    def tell(self, number: int, state: TrialState, value: float | None) -> None:
        """End a trial."""
        self._storage.set_trial_state_values(number, state, None if value is None else [value])

    def attributes(self, number: int) -> dict[str, Any]:
        """Return what the pruner has noted about a trial: its rungs."""
        return dict(self._storage.get_trial(number).system_attrs)

    def both(self, number: int, value: float | None) -> list[float] | None:
        """Return a trial's value and its cost, None where it has no value."""
        cost = self._costs[number]
        return None if value is None or cost is None else [float(value), float(cost)]

    def _at_most_as_costly(self, number: int) -> set[int]:
        limit = self._costs[number]
        return {n for n, cost in enumerate(self._costs) if cost is not None and limit is not None and cost <= limit}


class _Comparable(InMemoryStorage):
    """Shows a pruner the trials that it shall compare, and no others."""

    shown: Container[int] | None = None
    """Their numbers; None for all."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in trials if self.shown is None or trial.number in self.shown]


def shortfall(done: int, periods: int, value: float) -> float:
    """Return by how much a pruned trial violates the constraint of being trained to its end, above 0 and below 1.

    A sampler for two objectives cannot rank a pruned trial by the value of a smaller budget. As a violated constraint
    the trial counts as worse than every complete one, and better than what exceeds a limit or diverged (1 or more); of
    two pruned trials the one that went further counts as better, then the more accurate one: Optuna's own order of
    pruned trials with one objective.

    Args:
        done: periods that it was trained.
        periods: of the full budget.
        value: its last one, in 0..1.
    """
    return (periods - done + min(max(1 - value, 0.0), 1.0)) / (periods + 1)
