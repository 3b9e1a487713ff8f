"""The pruners, which stop trials early: their options, and how each becomes one of Optuna's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, assert_never

from search.errors import UsageError
from search.plugins import Code, Loaded

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Asha:
    """Asynchronous successive halving, the stopping variant (Li et al. 2020)."""

    name: ClassVar[str] = "asha"
    min_resource: int = 1
    """Period of the first rung."""
    reduction_factor: int = 3
    """At each rung, about one in so many trials goes on."""
    min_early_stopping_rate: int = 0
    """Number of rungs to leave out at the beginning."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(
            min_resource=self.min_resource,
            reduction_factor=self.reduction_factor,
            min_early_stopping_rate=self.min_early_stopping_rate,
        )

    def may_stop_at(self, period: int) -> bool:
        """Return whether a trial may be stopped after a period: whether it is a rung."""
        return period in self.rungs(period + 1)

    def rungs(self, periods: int) -> list[int]:
        """Return the periods at which trials are compared, and the last period, of a trial of `periods` periods."""
        rungs, rung = [], self.min_resource * self.reduction_factor**self.min_early_stopping_rate
        while rung < periods:
            rungs.append(rung)
            rung *= self.reduction_factor
        return [*rungs, periods]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperband:
    """Several asynchronous successive halvings side by side, each with one rung fewer (Li et al. 2018).

    A trial's bracket follows from its number and the study's fingerprint. Trials are compared within their bracket. The
    sampler learns from the trials of all brackets; Optuna 5.0 documents otherwise, but does the same.
    """

    name: ClassVar[str] = "hyperband"
    min_resource: int = 1
    """Period of the first rung of the first bracket."""
    reduction_factor: int = 3
    """At each rung, about one in so many trials goes on."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(
            min_resource=self.min_resource, max_resource=periods, reduction_factor=self.reduction_factor
        )

    def may_stop_at(self, period: int) -> bool:
        """Return whether a trial of any bracket may be stopped after a period; the first bracket has all rungs."""
        return self._halving(0).may_stop_at(period)

    def brackets(self, periods: int) -> int:
        """Return the number of brackets; `min_resource` is at most `periods`."""
        # In floating point, as in Optuna: 243 periods give five brackets, because log(243) / log(3) comes out below 5.
        return math.floor(math.log(periods / self.min_resource, self.reduction_factor)) + 1

    def as_asha(self, periods: int) -> list[tuple[float, Asha]]:
        """Return for each bracket the share of trials that Optuna assigns to it, and its successive halving."""
        number = self.brackets(periods)
        weights = [math.ceil(number * self.reduction_factor**later / (later + 1)) for later in reversed(range(number))]
        return [(weight / sum(weights), self._halving(bracket)) for bracket, weight in enumerate(weights)]

    def _halving(self, bracket: int) -> Asha:
        return Asha(
            min_resource=self.min_resource, reduction_factor=self.reduction_factor, min_early_stopping_rate=bracket
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Median:
    """Stop a trial whose best value is below the median of the complete ones at its period (Golovin et al. 2017)."""

    name: ClassVar[str] = "median"
    n_startup_trials: int = 5
    """Number of complete trials before any trial is pruned."""
    n_warmup_steps: int = 0
    """Before this period a trial is not pruned: 0 and 1 let it be stopped after the first, 2 after the second. (Optuna
    counts steps from 0, which are periods from 1 here.)"""
    n_min_trials: int = 1
    """Number of reports at a period that a comparison needs."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(
            n_startup_trials=self.n_startup_trials,
            n_warmup_steps=self.n_warmup_steps,
            n_min_trials=self.n_min_trials,
        )

    def may_stop_at(self, period: int) -> bool:
        """Return whether a trial may be stopped after a period."""
        return period >= self.n_warmup_steps


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPruner:
    """Train every trial to the end."""

    name: ClassVar[str] = "none"

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()

    def may_stop_at(self, period: int) -> bool:
        """Return that no trial is ever stopped."""
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPruner:
    """A pruner of a user's own: any class of Optuna's kind, by its name."""

    name: str
    """`package.module:Name` or `file.py:Name`."""
    code: Code
    options: Mapping[str, Any] = field(default_factory=dict)
    """What it is made with, besides the seed that it may take."""
    loaded: Loaded | None = field(default=None, compare=False, repr=False)
    """None where the pruner was read from a study, which never makes code run."""
    lasting: bool = field(default=False, compare=False)
    """Whether one instance lives through a run; otherwise each decision is made by a new one."""

    def make(self, periods: int) -> BasePruner:
        """Return what asks it.

        Raises:
            UsageError: the code is not at hand.
        """
        from search.plugins import WatchedPruner

        if self.loaded is None:
            raise UsageError(f"Pruner {self.name} is code that is not at hand; name it once more with --pruner.")
        return WatchedPruner(self.loaded, self.options, lasting=self.lasting)

    def may_stop_at(self, period: int) -> bool:
        """Return that a trial may be stopped after any period; after its last one none is."""
        return True

    def as_median(self) -> Median:
        """Return what forecasts take it for, since nobody knows: the median pruner."""
        return Median()


Pruner = Asha | Hyperband | Median | NoPruner | ForeignPruner


def survivors(trials: int, pruner: Pruner, periods: int, *, two_objectives: bool = False) -> list[float]:
    """Return how many of so many trials are expected to train each period, were their values in random order.

    Successive halving lets the nth arrival at a rung pass if it is among the best max(1, n // reduction_factor) so far;
    the median pruner, once it has its start-up trials, is taken to stop half of the others at their first comparison,
    and one of a user's own is taken for it. Hyperband is successive halving in each of its brackets. With two
    objectives a trial is compared with those that cost no more, and its cost has any place among those of the trials
    before it.
    """
    match pruner:
        case Hyperband():
            kept_in_each = [
                survivors(round(trials * share), bracket, periods, two_objectives=two_objectives)
                for share, bracket in pruner.as_asha(periods)
            ]
            return [sum(column) for column in zip(*kept_in_each, strict=True)]
        case Asha():
            return _halved(trials, pruner, periods, two_objectives)
        case Median():
            later = min(trials, pruner.n_startup_trials) + max(0, trials - pruner.n_startup_trials) / 2
            first = max(1, pruner.n_warmup_steps)
            return [trials if period <= first else later for period in range(1, periods + 1)]
        case NoPruner():
            return [trials] * periods
        case ForeignPruner():
            return survivors(trials, pruner.as_median(), periods)
        case _:
            assert_never(pruner)


def _halved(trials: int, asha: Asha, periods: int, two_objectives: bool) -> list[float]:
    left, kept = float(trials), []
    rungs = asha.rungs(periods)[:-1]
    for period in range(1, periods + 1):
        kept.append(left)
        left = _passing(round(left), asha.reduction_factor, two_objectives) if period in rungs else left
    return kept


def _passing(arrivals: int, reduction_factor: int, two_objectives: bool) -> float:
    chances = [max(1, n // reduction_factor) / n for n in range(1, arrivals + 1)]
    if two_objectives:  # the nth arrival is compared with 0 to n - 1 others, as likely with each number of them
        return sum(passed / n for n, passed in enumerate(accumulate(chances), 1))
    return sum(chances)
