"""The pruners, which stop trials early: their options, and how each becomes one of Optuna's."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
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
    def make(self, ends: Sequence[float]) -> BasePruner:
        """Return an Optuna pruner for trials that have come as far as `ends` after their periods (`Space.ends`)."""

    @abstractmethod
    def may_stop_at(self, period: int, ends: Sequence[float]) -> bool:
        """Return whether a trial may be stopped after a period other than its last."""

    @abstractmethod
    def survivors(self, trials: int, ends: Sequence[float], *, two_objectives: bool = False) -> list[float]:
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

    def rungs(self, ends: Sequence[float]) -> list[int]:
        """Return the periods before the last at which it compares all trials by one rule; none if it has no rungs."""
        return []

    def describe(self, ends: Sequence[float]) -> str:
        """Return a few words for a headline: `asha (after reports 1, 3 of 6)`, `mine.py:Mine`."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Asha(Pruner):
    """Asynchronous successive halving, the stopping variant (Li et al. 2020).

    The first rung is the first report. Each further one is the first report after `reduction_factor` times the training
    of the rung before it.
    """

    name = "asha"
    portable = True
    reduction_factor: int = whole(3, least=2)
    """At each rung, about one trial in this many continues."""

    def make(self, ends: Sequence[float]) -> BasePruner:
        return _successive_halving(self.rungs(ends), self.reduction_factor)

    def may_stop_at(self, period: int, ends: Sequence[float]) -> bool:
        return period in self.rungs(ends)

    def survivors(self, trials: int, ends: Sequence[float], *, two_objectives: bool = False) -> list[float]:
        left, kept, rungs = float(trials), [], self.rungs(ends)
        for period in range(1, len(ends) + 1):
            kept.append(left)
            if period in rungs:
                # The nth arrival at a rung passes if it is among the best max(1, n // reduction_factor) so far.
                chances = [max(1, n // self.reduction_factor) / n for n in range(1, round(left) + 1)]
                left = sum(_among_rivals(chances) if two_objectives else chances)
        return kept

    def rule(self, arrived: int, rivals: str) -> str:
        most = max(1, arrived // self.reduction_factor)
        return f"of {arrived}{rivals} the best {f'{most} continue' if most > 1 else 'one continues'}"

    def rungs(self, ends: Sequence[float]) -> list[int]:
        # The ends rise. Each is not looked at, because a trial may have a million reports, and each one is asked for.
        rungs, index = [], 0
        while index < len(ends) - 1:
            rungs.append(index + 1)
            index = bisect_left(ends, self.reduction_factor * ends[index], index + 1)
        return rungs

    def describe(self, ends: Sequence[float]) -> str:
        # Reports, not epochs: a report may come after any part of an epoch.
        rungs = self.rungs(ends)
        after = f"after report{'s' if len(rungs) > 1 else ''} {', '.join(map(str, rungs))} of {len(ends)}"
        return f"{self.name} ({after if rungs else 'no rungs'})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Median(Pruner):
    """Stop a trial whose best value is worse than the median of complete ones at its period (Golovin et al. 2017)."""

    name = "median"
    portable = True
    n_startup_trials: int = whole(5, least=1)
    """Number of complete trials before any trial is pruned."""
    n_warmup_steps: int = whole(0, least=0)
    """No trial is pruned before this period. (Optuna counts steps from 0, which are periods from 1 here.)"""
    n_min_trials: int = whole(1, least=1)
    """Number of reports at a period that a comparison needs."""

    def make(self, ends: Sequence[float]) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(**asdict(self))

    def may_stop_at(self, period: int, ends: Sequence[float]) -> bool:
        return period >= self.n_warmup_steps

    def survivors(self, trials: int, ends: Sequence[float], *, two_objectives: bool = False) -> list[float]:
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
        return [trials if period <= first else complete for period in range(1, len(ends) + 1)]

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

    def make(self, ends: Sequence[float]) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()

    def may_stop_at(self, period: int, ends: Sequence[float]) -> bool:
        return False

    def survivors(self, trials: int, ends: Sequence[float], *, two_objectives: bool = False) -> list[float]:
        return [trials] * len(ends)

    def rule(self, arrived: int, rivals: str) -> str:
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPruner(Foreign, Pruner):
    """Any subclass of Optuna's BasePruner, by its name. It may stop any trial; forecasts take it for `Median`."""

    lasting: bool = field(default=False, compare=False)
    """Whether one instance decides during a whole run; otherwise a new one is made for each decision."""

    def make(self, ends: Sequence[float]) -> BasePruner:
        """Return an Optuna pruner that calls it; UsageError if Optuna lacks it, or if its code is not loaded."""
        from search.strategies.watched import WatchedPruner

        return WatchedPruner(self.loaded_class(), self.options, lasting=self.lasting)

    def may_stop_at(self, period: int, ends: Sequence[float]) -> bool:
        return True

    def survivors(self, trials: int, ends: Sequence[float], *, two_objectives: bool = False) -> list[float]:
        return Median().survivors(trials, ends, two_objectives=two_objectives)

    def rule(self, arrived: int, rivals: str) -> str:
        return f"{self.name} decides"


PRUNERS: Mapping[str, type[Pruner]] = {pruner.name: pruner for pruner in (Asha, Median, NoPruner)}
"""The built-in pruners by name. Any other pruner is foreign."""


def _successive_halving(rungs: Sequence[int], factor: int) -> BasePruner:
    """Return successive halving with rungs after these periods."""
    from optuna.pruners import SuccessiveHalvingPruner

    class AtRungs(SuccessiveHalvingPruner):
        """Optuna's pruner, for which the nth rung is at step factor ** (n - 1)."""

        def prune(self, study: Study, trial: FrozenTrial) -> bool:
            period, value = max(trial.intermediate_values.items())
            if period not in rungs:
                return False
            renumbered = copy(trial)
            renumbered.intermediate_values = {factor ** rungs.index(period): value}
            return super().prune(study, renumbered)

    return AtRungs(min_resource=1, reduction_factor=factor)


def _among_rivals(chances: Sequence[float]) -> list[float]:
    """Return the chances of trials that are compared with any number of the ones before them, each as likely."""
    return [passed / n for n, passed in enumerate(accumulate(chances), 1)]
