"""Which pruner stops trials early: by its options, made afresh for every run of the driver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Asha:
    """Asynchronous successive halving, the stopping variant (Li et al. 2020)."""

    name: ClassVar[str] = "asha"
    min_resource: int = 1
    """Period of the first rung."""
    reduction_factor: int = 3
    """One in so many goes on past a rung."""
    min_early_stopping_rate: int = 0
    """Rungs left out at the beginning."""

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
        """Return the periods at which trials are compared, and the last period."""
        rungs, rung = [], self.min_resource * self.reduction_factor**self.min_early_stopping_rate
        while rung < periods:
            rungs.append(rung)
            rung *= self.reduction_factor
        return [*rungs, periods]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperband:
    """Several asynchronous successive halvings side by side, each with one rung fewer (Li et al. 2018).

    A trial's bracket follows from its number and the study's fingerprint. Trials are compared within their bracket; the
    sampler learns from those of all brackets (in Optuna 5.0, whatever its documentation says).
    """

    name: ClassVar[str] = "hyperband"
    min_resource: int = 1
    """Period of the first rung of the first bracket."""
    reduction_factor: int = 3
    """One in so many goes on past a rung."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(
            min_resource=self.min_resource, max_resource=periods, reduction_factor=self.reduction_factor
        )

    def may_stop_at(self, period: int) -> bool:
        """Return whether a trial of any bracket may be stopped after a period: the first one has all rungs."""
        return self._halving(0).may_stop_at(period)

    def brackets(self, periods: int) -> int:
        """Return the number of brackets; `min_resource` is at most `periods`."""
        # In floating point, as Optuna does: of 243 periods it makes five brackets, not six.
        return math.floor(math.log(periods / self.min_resource, self.reduction_factor)) + 1

    def as_asha(self, periods: int) -> list[tuple[float, Asha]]:
        """Return each bracket's share of the trials, as Optuna deals them out, and the halving in it."""
        number = self.brackets(periods)
        weights = [math.ceil(number * self.reduction_factor**later / (later + 1)) for later in reversed(range(number))]
        return [(weight / sum(weights), self._halving(bracket)) for bracket, weight in enumerate(weights)]

    def _halving(self, bracket: int) -> Asha:
        return Asha(
            min_resource=self.min_resource, reduction_factor=self.reduction_factor, min_early_stopping_rate=bracket
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Median:
    """Stop what is below the median of the others at the same period (Golovin et al. 2017)."""

    name: ClassVar[str] = "median"
    n_startup_trials: int = 5
    """Complete trials before anything is pruned."""
    n_warmup_steps: int = 0
    """Periods in which nothing is pruned."""
    n_min_trials: int = 1
    """Reports at a period that a comparison needs."""

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
    """Train every trial to its end."""

    name: ClassVar[str] = "none"

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()

    def may_stop_at(self, period: int) -> bool:
        """Return that no trial is ever stopped."""
        return False


Pruner = Asha | Hyperband | Median | NoPruner
