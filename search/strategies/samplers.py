"""The samplers, which propose parameters: their options, and how each becomes one of Optuna's.

A sampler is created anew for every proposal and seeded from the trial's number. A proposal therefore depends only on
the study's trials and on that number, not on how often the program was restarted.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from search import hashed
from search.errors import UsageError
from search.strategies.strategy import Foreign, Strategy, whole

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search.proposals.choice import Why
    from search.proposals.curves import Curve
    from search.proposals.prospects import Prospects
    from search.space.space import Space
    from search.strategies.optuna_samplers import OptunaRanges


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """The input of a sampler that proposes the parameters of one trial."""

    number: int
    study_seed: int
    ranges: OptunaRanges
    trained: int
    """Number of earlier trials that were trained or are being trained. Trials that were pruned without a value, as
    infeasible ones are, do not count."""
    ended: int  # number of trials that are complete or pruned, infeasible ones among them
    curves: Callable[[], Sequence[Curve]]
    """Returns all earlier trials that are feasible, those that have not reported among them."""
    prospects: Callable[[], Prospects]
    """Returns the configurations to choose among; ValueError if it is not known which are feasible."""

    @property
    def seed(self) -> int:
        """The seed of this proposal."""
        return hashed.derived_seed(self.study_seed, "sampler", self.number)


Origin = Literal["enqueued", "random", "sequence", "model", "own code"]  # where a proposal comes from


class Sampler(Strategy):
    """The interface of every sampler."""

    __slots__ = ()
    kind = "sampler"

    @property
    def asks_planner(self) -> bool:
        """Whether it proposes whole configurations that are feasible for the planner."""
        return False

    @abstractmethod
    def make(self, ask: Ask) -> BaseSampler:
        """Return an Optuna sampler that proposes the parameters of this trial."""

    def origin(self, ask: Ask) -> tuple[Origin, Why | None]:
        """Return where the proposal for this trial comes from, and the reasons for it if a model has them."""
        return "own code", None

    def describe(self) -> str:
        """Return a few words for a headline: `tpe (multivariate)`, `mine.py:Mine`."""
        return self.name

    def misfit(self, space: Space) -> str | None:
        """Return the reason why it cannot search a space; None if it can."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe(Sampler):
    """Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018).

    It proposes feasible configurations alone, and learns from them alone. After 20 draws of the model that are not,
    up to 200 at random follow.
    """

    name = "tpe"
    portable = False  # NumPy's exp and log, of many candidates at once
    asks_planner = True
    n_startup_trials: int = whole(10, least=1)
    """Number of trials drawn at random before the model is used. Infeasible ones do not count, unlike in Optuna."""
    n_ei_candidates: int = whole(24, least=1)
    """Number of candidates. The one with the largest expected improvement is proposed."""

    def draws(self, ask: Ask) -> bool:
        """Return whether it draws at random here, because there is no model yet."""
        return ask.trained < self.n_startup_trials

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import OnlyFeasibleSampler

        model, random = None if self.draws(ask) else self._model(ask), Random().make(ask)
        return OnlyFeasibleSampler(model, random, ask.ranges, ask.prospects())

    def _model(self, ask: Ask) -> BaseSampler:
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # group and multivariate, since 2.2
            return TPESampler(
                n_startup_trials=self.n_startup_trials,
                n_ei_candidates=self.n_ei_candidates,
                multivariate=True,
                group=True,
                constant_liar=True,  # running trials count as worse, so that concurrent trials differ
                seed=ask.seed,
            )

    def origin(self, ask: Ask) -> tuple[Origin, Why | None]:
        # Optuna's own sampler draws at random, too, until `n_startup_trials` have ended.
        return "random" if self.draws(ask) or ask.ended < self.n_startup_trials else "model", None

    def describe(self) -> str:
        return f"{self.name} (multivariate)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Random(Sampler):
    """Independent draws from the ranges."""

    name = "random"
    portable = True

    def make(self, ask: Ask) -> BaseSampler:
        from optuna.samplers import RandomSampler

        from search.strategies.optuna_samplers import PortableRandomSampler

        if ask.ranges.space.elementary.is_portable:
            return PortableRandomSampler(ask.ranges.space, seed=ask.seed)
        return RandomSampler(seed=ask.seed)

    def origin(self, ask: Ask) -> tuple[Origin, Why | None]:
        return "random", None


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves(Sampler):
    """A Gaussian process over settings and training time that reads every report of every trial (`search.proposals`).

    It learns which ranges matter, how they act together and how noisy reports are. The first trials are cheap points of
    the Sobol sequence. Nothing that is proposed exceeds a limit, or is near an earlier trial.
    """

    name = "curves"
    portable = True
    asks_planner = True
    needs = ("scipy",)
    n_startup_trials: int = whole(8, least=1)
    """Number of ended trials with a report before the model is used."""

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import ProposingSampler

        return ProposingSampler(ask.ranges, self.proposal(ask)[0])

    def origin(self, ask: Ask) -> tuple[Origin, Why | None]:
        why = self.proposal(ask)[1]
        return "model" if why else "sequence", why

    def misfit(self, space: Space) -> str | None:
        return f"{self.name} needs a single objective; with two use tpe or random" if space.aim.cost else None

    def proposal(self, ask: Ask) -> tuple[Mapping[str, Any], Why | None]:
        """Return the proposal and the model's reasons for it; None for the reasons if no model proposed it."""
        import numpy as np  # not needed to name a sampler

        from search.proposals.choice import choose

        prospects, curves = ask.prospects(), ask.curves()
        knows_enough = sum(curve.ended and bool(curve.values) for curve in curves) >= self.n_startup_trials
        if knows_enough and (chosen := choose(curves, prospects, np.random.default_rng(ask.seed))):
            return chosen
        return prospects.cheapest(ask.number, [curve.params for curve in curves]), None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignSampler(Foreign, Sampler):
    """Any subclass of Optuna's BaseSampler, by its name. An instance is made with the seed of the trial."""

    def make(self, ask: Ask) -> BaseSampler:
        """Return a new instance; UsageError if it cannot be made."""
        from search.strategies.watched import WatchedSampler

        for package in self.needs:
            try:
                import_module(package)  # now: `WatchedSampler` limits the threads of what is loaded
            except ImportError as error:
                raise UsageError(
                    f"{self.name} needs {package}, which this installation lacks; `pip install {package}` adds it."
                ) from error
        # A point of a sequence follows from its place in it, not from a seed of its own.
        of_sequence = self.name == "optuna:QMCSampler"
        seed = hashed.derived_seed(ask.study_seed, "sequence") if of_sequence else ask.seed
        loaded = self.loaded_class()
        return WatchedSampler(loaded.construct(self.options, seed), loaded, ask.ranges.optunas)


SAMPLERS: Mapping[str, type[Sampler]] = {sampler.name: sampler for sampler in (Tpe, Random, Curves)}
"""The built-in samplers by name. Any other sampler is foreign."""
