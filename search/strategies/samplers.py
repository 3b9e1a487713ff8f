"""The samplers, which propose parameters: their options, and how each becomes one of Optuna's.

A sampler is created anew for every proposal and seeded from the trial's number. A proposal therefore depends only on
the study's trials and on that number, not on how often the program was restarted.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from search import hashed
from search.errors import UsageError
from search.strategies.strategy import Foreign, Strategy, whole

if TYPE_CHECKING:
    import numpy as np
    from optuna.samplers import BaseSampler

    from search.proposals.choice import Why
    from search.proposals.curves import Curve
    from search.proposals.prospects import Prospects
    from search.space.space import Space
    from search.strategies.optuna_samplers import OptunaRanges


MAX_MISSES = 10  # infeasible proposals in a row after which trials are drawn at random until one is feasible


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
    misses: int  # number of trials pruned without a value directly before this one
    curves: Callable[[], Sequence[Curve]]
    """Returns all earlier trials that are feasible, those that have not reported among them."""
    prospects: Callable[[], Prospects]
    """Returns the configurations to choose among; ValueError if it is not known which are feasible."""

    @property
    def seed(self) -> int:
        """The seed of this proposal."""
        return hashed.derived_seed(self.study_seed, "sampler", self.number)

    @property
    def is_stuck(self) -> bool:
        """Whether a model is likely to propose more infeasible configurations.

        As long as few trials have a value, Optuna's TPE counts the least infeasible ones among the better trials and
        proposes more like them. A space with few feasible nets could end a search that way.
        """
        return self.misses >= MAX_MISSES


Origin = Literal["enqueued", "start list", "random", "sequence", "model", "own code"]  # where a proposal comes from


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

    def misfit(self, space: Space) -> str | None:
        """Return the reason why it cannot search a space; None if it can."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe(Sampler):
    """Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018)."""

    name = "tpe"
    portable = False  # NumPy's exp and log, of many candidates at once
    n_startup_trials: int = whole(10, least=1)
    """Number of trials drawn at random before the model is used. Infeasible ones do not count, unlike in Optuna."""
    n_ei_candidates: int = whole(24, least=1)
    """Number of candidates, of which the one with the largest expected improvement is proposed."""
    only_feasible: int = whole(0, least=0, most=1)
    """Whether infeasible configurations are drawn again (1) or proposed (0). If drawn again, the model learns from
    feasible trials alone. After 20 draws of the model, up to 200 at random follow."""

    @property
    def asks_planner(self) -> bool:
        return bool(self.only_feasible)

    def draws(self, ask: Ask) -> bool:
        """Return whether it draws at random here: there is no model yet, or its proposals are infeasible."""
        return ask.trained < self.n_startup_trials or ask.is_stuck

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import OnlyFeasibleSampler

        model, random = None if self.draws(ask) else self._model(ask), Random().make(ask)
        if self.only_feasible:
            return OnlyFeasibleSampler(model, random, ask.ranges, ask.prospects())
        return model or random

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

    def describe(self, periods: int) -> str:
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

    The first trials are points of the Sobol sequence. Nothing that is proposed exceeds a limit, or is near an earlier
    trial.
    """

    name = "curves"
    portable = True
    asks_planner = True
    needs = ("scipy",)
    n_startup_trials: int = whole(8, least=1)
    """Number of trials that have reported and have ended before the model is used."""

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

        prospects, curves = ask.prospects(), ask.curves()
        knows_enough = sum(curve.ended and bool(curve.values) for curve in curves) >= self.n_startup_trials
        if knows_enough and (chosen := self.choice(curves, prospects, np.random.default_rng(ask.seed))):
            return chosen
        return self.first(ask.number, curves, prospects), None

    def first(self, number: int, curves: Sequence[Curve], prospects: Prospects) -> Mapping[str, Any]:
        """Return the proposal for a trial of this number as long as there is no model."""
        return prospects.covering(number, [curve.params for curve in curves])

    def choice(
        self, curves: Sequence[Curve], prospects: Prospects, draws: np.random.Generator
    ) -> tuple[Mapping[str, Any], Why] | None:
        """Return the model's proposal and its reasons; None if no candidate is feasible."""
        from search.proposals.choice import choose

        return choose(curves, prospects.candidates(curves, draws), prospects, draws)


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvesArd(Curves):
    """As `Curves`, with a model that learns which ranges matter, how they act together and how noisy reports are.

    ARD is short for automatic relevance determination. All options but the first switch a part of the method off, to
    measure what the part is worth.
    """

    name = "curves-ard"
    joint: int = whole(1, least=0, most=1)
    """1: ranges act together; 0: each has its own effect only."""
    relevance: int = whole(1, least=0, most=1)
    """1: it is learned which ranges matter; 0: all matter alike."""
    noise: int = whole(1, least=0, most=1)
    """1: variances and noise are learned; 0: they are fixed."""
    telling: int = whole(1, least=0, most=1)
    """1: of many reports, the first, those at rungs and the last are read; 0: those that `curves` reads."""
    decades: int = whole(1, least=0, most=1)
    """1: losses that spread over decades count by their logarithm; 0: as they are."""
    cost: int = whole(1, least=0, most=1)
    """1: the first trials are cheap ones, and the expected gain per cost decides; 0: costs do not count."""
    refine: int = whole(1, least=0, most=1)
    """1: neighbors of the best candidates are candidates, too; 0: they are not."""

    def first(self, number: int, curves: Sequence[Curve], prospects: Prospects) -> Mapping[str, Any]:
        """Return the proposal for a trial of this number as long as there is no model: a cheap one, if costs count."""
        if not self.cost:
            return Curves.first(self, number, curves, prospects)
        return prospects.cheapest(number, [curve.params for curve in curves])

    def choice(
        self, curves: Sequence[Curve], prospects: Prospects, draws: np.random.Generator
    ) -> tuple[Mapping[str, Any], Why] | None:
        """Return the model's proposal and its reasons; None if no candidate is feasible."""
        from search.proposals.choice import choose
        from search.proposals.relevance import Parts

        parts = Parts(**{part.name: bool(getattr(self, part.name)) for part in fields(Parts)})
        return choose(curves, prospects.candidates(curves, draws), prospects, draws, parts)


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


SAMPLERS: Mapping[str, type[Sampler]] = {sampler.name: sampler for sampler in (Tpe, Random, Curves, CurvesArd)}
"""The built-in samplers by name. Any other sampler is foreign."""
