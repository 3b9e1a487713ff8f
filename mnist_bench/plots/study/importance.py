"""Which parameters matter, as far as the trials of a study can show, and how large chance alone makes their shares."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from search.space.space import Space
from search.strategies.optuna_samplers import OptunaRanges

TOP = 0.25
"""Share of the trials that count as good. Optuna's 0.1 leaves 5 of 50 trials, too few to distinguish anything from
chance."""
SHUFFLES = 99
"""Shuffles; with the real order a hundred. Each costs as much as one measurement."""
LEVEL = 0.95
"""Share of the shuffled studies in which no parameter at all exceeds its threshold."""
MAX_TRIALS = 400
"""A larger study is thinned evenly to this number of trials; shuffling all would take minutes."""

Trial = tuple[Mapping[str, Any], float]
"""Parameters and value; a greater value is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """How much one parameter matters."""

    path: str
    share: float  # of the importance of all parameters, 0..1
    chance: float  # threshold of the share that chance alone rarely exceeds

    @property
    def stands_out(self) -> bool:
        """Whether the share is larger than chance explains."""
        return self.share > self.chance


def importances(space: Space, trials: Sequence[Trial]) -> list[Importance]:
    """Return the importance of each parameter that at least one trial has, the largest first.

    Importance is PED-ANOVA's, by Optuna: how far the parameter's density among the best quarter of the trials is from
    its density among all (Watanabe et al. 2023). A conditional parameter is measured on the trials that have it, and
    weighted by their number (Conditional PED-ANOVA, 2026). The measure shows which parameters separate good trials from
    others where the search has been; it does not measure the effect of a parameter.

    The threshold comes from a permutation test: the values are shuffled among the trials 99 times. Each parameter's
    threshold lies above its mean by a number of its standard deviations. The number is the same for all parameters: in
    95% of the shuffled studies no parameter exceeds its own threshold (a step of Westfall and Young's max-T, 1993).
    The shuffles are the same at every call.
    """
    evenly = np.linspace(0, len(trials) - 1, min(len(trials), MAX_TRIALS))
    used = [trials[round(index)] for index in evenly]
    paths = [field.path for field in space.fields if any(field.path in params for params, _ in used)]
    if not paths:
        return []
    rng = np.random.default_rng(0)
    losses = np.array([-value for _, value in used])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's, about small groups and about the sign of a target
        study = _study(space, used)
        raw = _measure(study, paths, losses)
        shuffled = np.array([_measure(study, paths, rng.permutation(losses)) for _ in range(SHUFFLES)])
    total = raw.sum() or 1.0
    thresholds = _thresholds(shuffled)
    importances = [
        Importance(path=path, share=share, chance=chance)
        for path, share, chance in zip(paths, (raw / total).tolist(), (thresholds / total).tolist(), strict=True)
    ]
    return sorted(importances, key=lambda importance: -importance.share)


def _study(space: Space, trials: Sequence[Trial]) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    ranges = OptunaRanges(space)
    for params, value in trials:
        spans = {path: ranges.optunas[path] for path in params}
        study.add_trial(create_trial(params=ranges.encode(params), distributions=spans, value=-value))
    return study


def _measure(study: optuna.Study, paths: list[str], losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the importances, shape (paths,), that result if the trials have these losses, shape (trials,)."""
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP)
    by_path = evaluator.evaluate(study, params=paths, target=lambda trial: float(losses[trial.number]))
    return np.array([by_path[path] for path in paths])


def _thresholds(shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the threshold of each parameter, from importances of shape (shuffles, parameters)."""
    mean, deviation = shuffled.mean(0), shuffled.std(0)
    # In units of each parameter's own deviation: one threshold for all would be set by the noisiest parameter alone.
    highest = ((shuffled - mean) / np.where(deviation > 0, deviation, 1)).max(1)
    thresholds: NDArray[np.float64] = mean + np.quantile(highest, LEVEL) * deviation
    return thresholds
