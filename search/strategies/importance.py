"""Which parameters decide, as far as the trials of a study can tell, and what luck alone would show."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator

from search.space import Space
from search.strategies.optuna_study import frozen_trial, optuna_ranges

TOP = 0.25
"""Share of the trials that count as good. Optuna's 0.1 leaves 5 of 50 trials, too few to tell anything from luck."""
SHUFFLES = 99
LEVEL = 0.95
"""Share of the shuffled studies in which no parameter at all passes its mark."""
MAX_TRIALS = 400
"""Trials that are used; of more, so many are taken at even distances, or the shuffles would take minutes."""

Trial = tuple[Mapping[str, Any], float]
"""Parameters and value; a greater value is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """How much one parameter decides."""

    path: str
    share: float
    """Of the importance of all parameters, 0..1."""
    chance: float
    """Share above which luck hardly ever lifts any parameter."""

    @property
    def stands_out(self) -> bool:
        """Whether the share is more than luck."""
        return self.share > self.chance


def importances(space: Space, trials: Sequence[Trial]) -> list[Importance]:
    """Return the importance of each parameter that some trial has, the greatest first.

    Importance is PED-ANOVA's, by Optuna: how far the parameter's density among the best quarter of the trials is from
    its density among all (Watanabe et al. 2023); a conditional parameter's is measured on the trials that have it and
    weighted by their number (Conditional PED-ANOVA, 2026). It tells what separates good trials from others where the
    search has been, and nothing of a parameter's effect.

    The mark of chance is a permutation test: the values are shuffled among the trials 99 times, and each parameter's
    mark is set so many standard deviations above its mean that in 95 % of the shuffled studies no parameter passes
    its own (the step of Westfall and Young's max-T, 1993). The shuffles are the same at every call.
    """
    used = [trials[index] for index in _evenly(len(trials))]
    paths = [field.path for field in space.fields if any(field.path in params for params, _ in used)]
    if not paths:
        return []
    rng = np.random.default_rng(0)
    losses = np.array([-value for _, value in used])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its remarks on small groups and on the sign of a target
        study = _study(space, used)
        raw = _measure(study, paths, losses)
        shuffled = np.array([_measure(study, paths, rng.permutation(losses)) for _ in range(SHUFFLES)])
    total = raw.sum() or 1.0
    found = [
        Importance(path=path, share=share, chance=chance)
        for path, share, chance in zip(paths, (raw / total).tolist(), (_marks(shuffled) / total).tolist(), strict=True)
    ]
    return sorted(found, key=lambda importance: -importance.share)


def _evenly(number: int) -> list[int]:
    return [round(index) for index in np.linspace(0, number - 1, min(number, MAX_TRIALS))]


def _study(space: Space, trials: Sequence[Trial]) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    ranges = optuna_ranges(space)
    study.add_trials([frozen_trial(ranges, state="COMPLETE", params=params, value=-value) for params, value in trials])
    return study


def _measure(study: optuna.Study, paths: list[str], losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the importances, shape (paths,), as if the trials had these losses, shape (trials,)."""
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP)
    found = evaluator.evaluate(study, params=paths, target=lambda trial: float(losses[trial.number]))
    return np.array([found[path] for path in paths])


def _marks(shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mark of chance of each parameter, from importances of shape (shuffles, parameters)."""
    mean, deviation = shuffled.mean(0), shuffled.std(0)
    highest = ((shuffled - mean) / np.where(deviation > 0, deviation, 1)).max(1)
    marks: NDArray[np.float64] = mean + np.quantile(highest, LEVEL) * deviation
    return marks
