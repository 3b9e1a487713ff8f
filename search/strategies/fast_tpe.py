"""Optuna's TPE without the work that it repeats for every proposal.

Proposals are Optuna's own, bit for bit (tests/search/strategies/test_fast_tpe.py); after ten thousand trials they come
much sooner.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _split_trials, default_gamma, default_gamma_multiobjective
from optuna.search_space.group_decomposed import _GroupDecomposedSearchSpace, _SearchSpaceGroup
from optuna.trial import FrozenTrial, TrialState


@dataclass(frozen=True, slots=True)
class Ended:
    """What TPE divides ended trials by; Optuna's own trials compute each of it whenever they are asked."""

    number: int
    state: TrialState
    value: float | None
    values: list[float] | None
    constraints: dict[str, float]
    intermediate_values: dict[int, float]


class Table:
    """Trials' parameters as the numbers that TPE computes with, a row a trial, a column a range, NaN where none is.

    It outlives the samplers; an ended trial is entered once.
    """

    def __init__(self, ranges: Mapping[str, BaseDistribution]) -> None:
        self._ranges = ranges
        self._columns = {path: column for column, path in enumerate(ranges)}
        self._numbers = np.full((64, len(ranges)), np.nan)
        self._ended: dict[int, Ended] = {}

    def ended(self, trial: FrozenTrial) -> Ended:
        """Return what TPE divides an ended trial by, entering it where it is new."""
        found = self._ended.get(trial.number)
        if found is None:
            self.enter(trial, trial.params)
            value = trial.value if trial.values and len(trial.values) == 1 else None
            found = self._ended[trial.number] = Ended(
                trial.number, trial.state, value, trial.values, trial.constraints, trial.intermediate_values
            )
        return found

    def enter(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Write a trial's row."""
        while trial.number >= len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.full_like(self._numbers, np.nan)])
        self._numbers[trial.number] = np.nan
        for path, value in params.items():
            self._numbers[trial.number, self._columns[path]] = self._ranges[path].to_internal_repr(value)

    def columns(self, trials: Sequence[int], paths: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return the numbers under each path, of those of the trials that have all of them, in their order."""
        rows = self._numbers[np.ix_(trials, [self._columns[path] for path in paths])]
        rows = rows[~np.isnan(rows).any(axis=1)]
        return {path: rows[:, column] for column, path in enumerate(paths)}


class TableTpeSampler(TPESampler):
    """Optuna's TPE sampler, reading the trials' parameters from a table."""

    def __init__(self, table: Table, **options: Any) -> None:
        super().__init__(**options)
        self._table = table
        self._group_decomposed_search_space = _Groups(include_pruned=True)
        self._divided: tuple[int, tuple[list[Any], list[Any]]] | None = None
        """A trial that is asked for, and those before it, the better and the worse."""

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Propose parameters of one group; the trials are divided once for all groups."""
        if self._divided is None or self._divided[0] != trial.number:
            self._divided = trial.number, self._divide(study, trial)
        estimators = [
            self._build_parzen_estimator(study, search_space, trials, handle_below=is_better)
            for trials, is_better in zip(self._divided[1], (True, False), strict=True)
        ]
        candidates = estimators[0].sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(candidates, self._compute_acquisition_func(candidates, *estimators))
        return {path: span.to_external_repr(best[path]) for path, span in search_space.items()}

    def _divide(self, study: Study, trial: FrozenTrial) -> tuple[list[Any], list[Any]]:
        """Return the trials beside one, the better and the worse; those that run count as worse."""
        seen = study._get_trials(deepcopy=False)
        ended = [self._table.ended(one) for one in seen if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        running = [one for one in seen if one.state == TrialState.RUNNING and one.number != trial.number]
        for one in running:
            self._table.enter(one, self._get_params(one, study))
        gamma = default_gamma if len(study.directions) == 1 else default_gamma_multiobjective
        trials: list[Any] = sorted([*ended, *running], key=lambda one: one.number)
        return _split_trials(study, trials, gamma(len(ended)))

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: Study
    ) -> dict[str, NDArray[np.float64]]:
        return self._table.columns([trial.number for trial in trials], list(search_space))


class _Groups(_GroupDecomposedSearchSpace):
    """Groups of parameters that occur together; a set of parameters that was seen before divides nothing further."""

    def calculate(self, study: Study, use_cache: bool = False) -> _SearchSpaceGroup:
        seen: set[tuple[str, ...]] = set()
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        for trial in study._get_trials(deepcopy=False, states=states, use_cache=use_cache):
            paths = tuple(trial.distributions)
            if paths not in seen:
                seen.add(paths)
                self._search_space.add_distributions(trial.distributions)
        return copy.deepcopy(self._search_space)
