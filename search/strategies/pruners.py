"""The pruners, which stop trials early: their options, and how each becomes one of Optuna's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from search.strategies.strategy import Foreign, Strategy, whole

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class Pruner(Strategy):
    """The interface of every pruner. A pruner decides from the trials' reports alone."""

    __slots__ = ()
    kind = "pruner"

    @abstractmethod
    def make(self, periods: int) -> BasePruner:
        """Return an Optuna pruner for trials of `periods` periods."""

    @abstractmethod
    def may_stop_at(self, period: int) -> bool:
        """Return whether a trial may be stopped after a period other than its last."""

    @abstractmethod
    def survivors(self, trials: int, periods: int, *, two_objectives: bool = False) -> list[float]:
        """Return the expected number of trials that train each period, if values came in random order.

        With two objectives a trial is compared with those that cost no more. Its cost is as likely to have any place
        among the costs of the trials before it.
        """

    @abstractmethod
    def rule(self, arrived: int, rivals: str) -> str:
        """Return in a few words which trials continue; empty if it stops none.

        Args:
            arrived: trials that have reported after the period in question.
            rivals: the restriction of the comparison, to follow its noun: " that cost no more", or nothing.
        """

    def awaits(self, complete: int) -> str:
        """Return in a few words the condition before it stops any trial; empty if there is none.

        `complete` is the number of complete trials that it may compare with.
        """
        return ""

    def rungs(self, periods: int) -> list[int]:
        """Return the periods before the last at which it compares all trials by one rule; none if it has no rungs."""
        return []


@dataclass(frozen=True, kw_only=True, slots=True)
class Asha(Pruner):
    """Asynchronous successive halving, the stopping variant (Li et al. 2020)."""

    name = "asha"
    portable = True
    min_resource: int = whole(1, least=1)
    """Period of the first rung."""
    reduction_factor: int = whole(3, least=2)
    """At each rung, one trial in about this many continues."""
    min_early_stopping_rate: int = whole(0, least=0)
    """Number of rungs to leave out at the beginning."""
    every_report: int = whole(0, least=0, most=1)
    """1: every report from min_resource on is a rung; 0: rungs are min_resource times powers of reduction_factor."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        if self.every_report:
            return _rung_at_every_report(self._first_report, self.reduction_factor)
        return SuccessiveHalvingPruner(
            min_resource=self.min_resource,
            reduction_factor=self.reduction_factor,
            min_early_stopping_rate=self.min_early_stopping_rate,
        )

    def may_stop_at(self, period: int) -> bool:
        return period in self.rungs(period + 1)

    def survivors(self, trials: int, periods: int, *, two_objectives: bool = False) -> list[float]:
        left, kept, rungs = float(trials), [], self.rungs(periods)
        for period in range(1, periods + 1):
            kept.append(left)
            if period in rungs:
                # The nth arrival at a rung passes if it is among the best max(1, n // reduction_factor) so far.
                chances = [max(1, n // self.reduction_factor) / n for n in range(1, round(left) + 1)]
                left = sum(_among_rivals(chances) if two_objectives else chances)
        return kept

    def rule(self, arrived: int, rivals: str) -> str:
        most = max(1, arrived // self.reduction_factor)
        return f"of {arrived}{rivals} the best {f'{most} continue' if most > 1 else 'one continues'}"

    def rungs(self, periods: int) -> list[int]:
        if self.every_report:
            return list(range(self._first_report, periods))
        rungs, rung = [], self.min_resource * self.reduction_factor**self.min_early_stopping_rate
        while rung < periods:
            rungs.append(rung)
            rung *= self.reduction_factor
        return rungs

    def describe(self, periods: int) -> str:
        # Reports, not epochs: a report may come after any part of an epoch.
        rungs = self.rungs(periods)
        after = f"after report{'s' if len(rungs) > 1 else ''} {', '.join(map(str, rungs))} of {periods}"
        return f"{self.name} ({after if rungs else 'no rungs'})"

    @property
    def _first_report(self) -> int:
        """With `every_report`: the period of the first rung that is not left out."""
        return self.min_resource + self.min_early_stopping_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Median(Pruner):
    """Stop a trial whose best value is worse than the median of complete ones at its period (Golovin et al. 2017)."""

    name = "median"
    portable = True
    n_startup_trials: int = whole(5, least=1)
    """Number of complete trials before any trial is pruned."""
    n_warmup_steps: int = whole(0, least=0)
    """Before this period a trial is not pruned. (Optuna counts steps from 0, which are periods from 1 here.)"""
    n_min_trials: int = whole(1, least=1)
    """Number of reports at a period that a comparison needs."""

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(**asdict(self))

    def may_stop_at(self, period: int) -> bool:
        return period >= self.n_warmup_steps

    def survivors(self, trials: int, periods: int, *, two_objectives: bool = False) -> list[float]:
        # Each trial that completes raises the median, so that fewer and fewer reach it: about the square root of their
        # number. Above the median lies half of the values, and each further one above it leaves (k + 1) / (k + 2) of
        # that share.
        least = self._uncompared
        chances = [1.0 if k < least else (least + 1) / (2 * (k + 1)) for k in range(trials)]
        if two_objectives:
            chances = _among_rivals(chances)
        complete = 0.0
        for _ in range(trials):
            complete += chances[int(complete)]
        first = max(1, self.n_warmup_steps)
        return [trials if period <= first else complete for period in range(1, periods + 1)]

    def rule(self, arrived: int, rivals: str) -> str:
        return f"whose best value is not worse than the median of those complete{rivals} continues"

    def awaits(self, complete: int) -> str:
        needed = self._uncompared
        return f"stops none before {needed} {'is' if needed == 1 else 'are'} complete" if complete < needed else ""

    @property
    def _uncompared(self) -> int:
        """Number of complete trials before any trial is compared with them."""
        return max(self.n_startup_trials, self.n_min_trials)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPruner(Pruner):
    """Train every trial to the end."""

    name = "none"
    portable = True

    def make(self, periods: int) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()

    def may_stop_at(self, period: int) -> bool:
        return False

    def survivors(self, trials: int, periods: int, *, two_objectives: bool = False) -> list[float]:
        return [trials] * periods

    def rule(self, arrived: int, rivals: str) -> str:
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPruner(Foreign, Pruner):
    """Any subclass of Optuna's BasePruner, by its name. It may stop any trial; forecasts take it for `Median`."""

    lasting: bool = field(default=False, compare=False)
    """Whether one instance decides during a whole run; otherwise a new one is made for each decision."""

    def make(self, periods: int) -> BasePruner:
        """Return an Optuna pruner that calls it; UsageError if Optuna lacks it, or if its code is not loaded."""
        from search.strategies.watched import WatchedPruner

        return WatchedPruner(self.loaded_class(), self.options, lasting=self.lasting)

    def may_stop_at(self, period: int) -> bool:
        return True

    def survivors(self, trials: int, periods: int, *, two_objectives: bool = False) -> list[float]:
        return Median().survivors(trials, periods, two_objectives=two_objectives)

    def rule(self, arrived: int, rivals: str) -> str:
        return f"{self.name} decides"


PRUNERS: Mapping[str, type[Pruner]] = {pruner.name: pruner for pruner in (Asha, Median, NoPruner)}
"""The built-in pruners by name. Any other pruner is foreign."""


def _rung_at_every_report(first: int, factor: int) -> BasePruner:
    """Return successive halving whose rungs are all periods from `first` on."""
    from optuna.pruners import SuccessiveHalvingPruner

    class EveryReport(SuccessiveHalvingPruner):
        """Optuna's pruner, for which the nth rung is at period factor ** (n - 1)."""

        def prune(self, study: Study, trial: FrozenTrial) -> bool:
            period, value = max(trial.intermediate_values.items())
            if period < first:
                return False
            renumbered = copy(trial)
            renumbered.intermediate_values = {factor ** (period - first): value}
            return super().prune(study, renumbered)

    return EveryReport(min_resource=1, reduction_factor=factor)


def _among_rivals(chances: Sequence[float]) -> list[float]:
    """Return the chances of trials that are compared with any number of the ones before them, each as likely."""
    return [passed / n for n, passed in enumerate(accumulate(chances), 1)]
