"""The results of each entrant of a contest: the error of its choice over its cost, the time of its searches.

The error of a choice is that on images that no search sees. Before its first choice a search has the error of a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bench.experiments.contest.contest_record import Contest, Entrant, Trace
from mnist_bench.statistics import by_seed
from mnist_bench.statistics.inference import mean_and_deviation

STEPS = 100
"""Points of the budget at which curves are read."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntrantStanding:
    """How an entrant did; means are over the seeds."""

    entrant: Entrant
    errors: tuple[float | None, ...]
    """Error (0..1) of the last choice, by seed; None if no trial was complete within the budget."""
    spent: float  # mean, in trainings of an average configuration
    trials: float  # mean number that ended within the budget
    complete: float  # mean number of complete ones among them
    own_seconds: float  # mean processor time of the method itself for a trial
    seconds: Mapping[int, float]  # mean time to the end of the budget by number of workers
    reference: tuple[float, float] | None
    """Error (0..1) of the best that there is, and its standard error; see `Contest.reference`."""

    @property
    def found(self) -> list[float] | None:
        """The errors; None if a search made no choice."""
        return by_seed.complete(self.errors)

    @property
    def mean(self) -> tuple[float, float] | None:
        """Mean error of the choices, and its standard error."""
        return _mean(self.found) if self.found else None

    @property
    def regret(self) -> tuple[float, float] | None:
        """By how much the mean error is above that of the best that there is, and the standard error of that."""
        if self.mean is None or self.reference is None:
            return None
        return self.mean[0] - self.reference[0], math.hypot(self.mean[1], self.reference[1])

    @property
    def efficiency(self) -> dict[int, float]:
        """By number of workers, the share of their time that one worker would have needed, 0..1."""
        alone = self.seconds.get(1)
        return {} if alone is None else {many: alone / many / took for many, took in self.seconds.items() if many > 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorCurve:
    """The error of the current choice over the budget, each of shape (STEPS,)."""

    spent: Values  # in trainings of an average configuration
    mean: Values  # over the seeds, 0..1
    error: Values  # standard error of that mean


def curve(contest: Contest, number: int) -> ErrorCurve:
    """Return the mean curve of an entrant, given by its place among them."""
    entrant, traces, seeds = contest.entrants[number], contest.traces[number], len(contest.seeds)
    at = spent(contest, STEPS) * entrant.budgets
    values = np.array([_read(one, at, contest.guess) for one in traces])
    return ErrorCurve(
        spent=at,
        mean=values.mean(axis=0),
        error=values.std(axis=0, ddof=1) / math.sqrt(seeds) if seeds > 1 else np.zeros(STEPS),
    )


def spent(contest: Contest, steps: int) -> Values:
    """Return equal steps of the budget, in trainings of an average configuration."""
    return np.arange(1, steps + 1) * contest.budget / steps


def curves(contest: Contest, steps: int) -> Values:
    """Return the errors (0..1) of the current choices, of shape (entrants, seeds, steps), at equal steps of the budget.

    An entrant with several budgets has spent as many times the step.
    """
    pairs = zip(contest.entrants, contest.traces, strict=True)
    at = spent(contest, steps)
    return np.array([[_read(one, at * entrant.budgets, contest.guess) for one in traces] for entrant, traces in pairs])


def _read(one: Trace, at: Values, guess: float) -> Values:
    errors = np.array([guess, *(choice.unseen for choice in one.choices)])
    return np.asarray(errors[np.searchsorted([choice.spent for choice in one.choices], at, side="right")])


def standings(contest: Contest) -> list[EntrantStanding]:
    """Return how each entrant did, in their order."""
    return [
        EntrantStanding(
            entrant=entrant,
            errors=tuple(one.found for one in traces),
            spent=float(np.mean([one.spent for one in traces])),
            trials=float(np.mean([one.trials for one in traces])),
            complete=float(np.mean([one.complete for one in traces])),
            own_seconds=float(np.mean([one.own_seconds for one in traces])),
            seconds={many: float(np.mean([one.seconds[many] for one in traces])) for many in traces[0].seconds},
            reference=contest.reference,
        )
        for entrant, traces in zip(contest.entrants, contest.traces, strict=True)
    ]


def _mean(errors: list[float]) -> tuple[float, float]:
    mean, deviation = mean_and_deviation(errors)
    return mean, deviation / math.sqrt(len(errors))
