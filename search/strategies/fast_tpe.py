"""Optuna's TPE without the work that it repeats for every proposal.

For each proposal Optuna converts the parameters of all trials to numbers, splits the trials once per group of
parameters, and decomposes the space into groups anew. Here an ended trial is converted once, and one split serves all
groups: a proposal takes 0.17 s after 10,000 trials (commit 0e85c3d9, results/published/many-trials.md). The proposals
are Optuna's own, bit for bit (tests/search/strategies/test_fast_tpe.py).

The private names of Optuna below belong to Optuna 5 (pyproject.toml asks for no other); the test notices a change.
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

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials from which TPE learns; it learns nothing from a failed trial."""


@dataclass(frozen=True, slots=True)
class EndedTrial:
    """The fields of an ended trial by which TPE splits trials into better and worse.

    In Optuna's `FrozenTrial` they are properties that are computed at every access, 10,000 times a proposal.
    """

    number: int
    state: TrialState
    value: float | None
    values: list[float] | None
    constraints: dict[str, float]
    intermediate_values: dict[int, float]


class ParameterTable:
    """The parameters of all trials as TPE's internal numbers: shape (trials, ranges), NaN if a trial lacks the range.

    A sampler is made anew for every proposal; the table is kept, and an ended trial is entered only once.
    """

    def __init__(self, ranges: Mapping[str, BaseDistribution]) -> None:
        self._ranges = ranges
        self._columns = {path: column for column, path in enumerate(ranges)}
        self._numbers = np.full((64, len(ranges)), np.nan)  # doubled when it is full
        self._ended: dict[int, EndedTrial] = {}

    def ended(self, trial: FrozenTrial) -> EndedTrial:
        """Return the fields of an ended trial by which TPE splits, and enter the trial if it is new."""
        ended = self._ended.get(trial.number)
        if ended is None:
            self.enter(trial, trial.params)
            value = trial.value if trial.values and len(trial.values) == 1 else None
            ended = self._ended[trial.number] = EndedTrial(
                trial.number, trial.state, value, trial.values, trial.constraints, trial.intermediate_values
            )
        return ended

    def enter(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Write a trial's row; for a running trial, again at each proposal, since it may have got parameters since."""
        while trial.number >= len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.full_like(self._numbers, np.nan)])
        self._numbers[trial.number] = np.nan
        for path, value in params.items():
            self._numbers[trial.number, self._columns[path]] = self._ranges[path].to_internal_repr(value)

    def columns(self, trials: Sequence[int], paths: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return the column of each path for those trials that have all of the paths, in the order of `trials`."""
        # As in Optuna, a group of parameters is modelled on those trials alone that have all of them.
        rows = self._numbers[np.ix_(trials, [self._columns[path] for path in paths])]
        rows = rows[~np.isnan(rows).any(axis=1)]
        return {path: rows[:, column] for column, path in enumerate(paths)}


class TableTpeSampler(TPESampler):
    """Optuna's TPE sampler, which reads the trials' parameters from a `ParameterTable`."""

    def __init__(self, table: ParameterTable, **options: Any) -> None:
        super().__init__(**options)
        self._table = table
        self._group_decomposed_search_space = _Groups(include_pruned=True)
        self._divided: tuple[int, tuple[list[Any], list[Any]]] | None = None
        """The number of the trial being sampled, and the split (better, worse) of the others."""

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Propose the parameters of one group; the split of the trials is shared by all groups of a trial."""
        # Between the groups of one trial no other trial ends, so their splits would be equal.
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
        """Split the other trials into better and worse; running ones count as worse (TPE's constant liar)."""
        others = [other for other in study._get_trials(deepcopy=False) if other.number != trial.number]
        ended = [self._table.ended(other) for other in others if other.state in ENDED]
        running = [other for other in others if other.state == TrialState.RUNNING]
        for other in running:
            self._table.enter(other, self._get_params(other, study))
        gamma = default_gamma if len(study.directions) == 1 else default_gamma_multiobjective
        # In the order of their numbers, as in Optuna: from 25 trials on, its estimator gives older ones less weight.
        trials: list[Any] = sorted([*ended, *running], key=lambda other: other.number)
        return _split_trials(study, trials, gamma(len(ended)))

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: Study
    ) -> dict[str, NDArray[np.float64]]:
        return self._table.columns([trial.number for trial in trials], list(search_space))


class _Groups(_GroupDecomposedSearchSpace):
    """Groups of parameters that always occur together.

    Only a set of parameters that was not seen before can split a group, so each set is added once and not once a trial.
    """

    def calculate(self, study: Study, use_cache: bool = False) -> _SearchSpaceGroup:
        seen: set[tuple[str, ...]] = set()
        for trial in study._get_trials(deepcopy=False, states=ENDED, use_cache=use_cache):
            paths = tuple(trial.distributions)
            if paths not in seen:
                seen.add(paths)
                self._search_space.add_distributions(trial.distributions)
        return copy.deepcopy(self._search_space)
