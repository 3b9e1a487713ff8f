"""Which sampler proposes parameters: by its options, made afresh for every proposal.

A proposal depends on the finished and running trials and on the trial's number alone, never on how often the program
was restarted.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, assert_never

from search import canonical_json

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from search.strategies.fast_tpe import Table


MAX_MISSES = 10
"""Infeasible proposals in a row after which a model's are replaced by draws at random, until one is feasible."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a sampler is made for: the proposal of one trial."""

    number: int
    study_seed: int
    ranges: Mapping[str, BaseDistribution]
    """All ranges of the space."""
    trained: int = 0
    """Trials before this one that were trained, or are being trained: all but those pruned without a value, as the
    infeasible ones are."""
    misses: int = 0
    """Trials directly before this one that were pruned without a value."""
    table: Table | None = None
    """The trials' parameters as numbers, kept from proposal to proposal; None to compute them anew."""

    @property
    def seed(self) -> int:
        """A seed for this proposal alone."""
        return canonical_json.derived_seed(self.study_seed, "sampler", self.number)

    @property
    def is_stuck(self) -> bool:
        """Whether a model would go on proposing what is infeasible.

        Where few trials have a value yet, Optuna's TPE takes those for good that exceed a limit by least, and proposes
        more of them.
        """
        return self.misses >= MAX_MISSES


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe:
    """Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018)."""

    name: ClassVar[str] = "tpe"
    n_startup_trials: int = 10
    """Trials drawn at random before the model is used, infeasible ones not counted (Optuna counts them): a model of
    little but what misses a limit takes for good what misses it by least."""
    n_ei_candidates: int = 24
    """Candidates among which the expected improvement chooses."""

    def make(self, ask: Ask) -> BaseSampler:
        if ask.trained < self.n_startup_trials or ask.is_stuck:
            return Random().make(ask)
        from optuna.exceptions import ExperimentalWarning

        from search.strategies.fast_tpe import Table, TableTpeSampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # group and multivariate are marked so since 2.2
            return TableTpeSampler(
                ask.table or Table(ask.ranges),
                n_startup_trials=self.n_startup_trials,
                n_ei_candidates=self.n_ei_candidates,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=ask.seed,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Random:
    """Independent draws from the ranges."""

    name: ClassVar[str] = "random"

    def make(self, ask: Ask) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=ask.seed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Qmc:
    """A scrambled Sobol sequence: points spread evenly over all ranges (Bergstra and Bengio 2012; Owen 1998)."""

    name: ClassVar[str] = "qmc"

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import FixedSpaceQmcSampler

        return FixedSpaceQmcSampler(ask.ranges, seed=canonical_json.derived_seed(ask.study_seed, "sequence"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gp:
    """Gaussian process with a Matérn 5/2 kernel; log expected improvement (Snoek et al. 2012; Ament et al. 2023).

    The objective counts as noisy, since two trials of one configuration have different seeds.
    """

    name: ClassVar[str] = "gp"
    n_startup_trials: int = 10
    """Complete trials before the model is used; until then, draws at random."""

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import OneThreadGpSampler

        return OneThreadGpSampler(
            seed=ask.seed,
            n_startup_trials=self.n_startup_trials,
            deterministic_objective=False,
            warn_independent_sampling=False,
        )


Sampler = Tpe | Random | Qmc | Gp


@dataclass(frozen=True, slots=True)
class BuiltOn:
    """Packages that a sampler of Optuna's computes with, beside Optuna's requirements."""

    needed: tuple[str, ...] = ()
    """Without these it does not work."""
    if_there: tuple[str, ...] = ()
    """Without these it computes in another way."""


def built_on(sampler: Sampler) -> BuiltOn:
    """Return the packages that a sampler is built on."""
    match sampler:
        case Tpe() | Random():
            return BuiltOn()
        case Qmc():
            return BuiltOn(needed=("scipy",))
        case Gp():
            return BuiltOn(needed=("scipy", "torch"), if_there=("greenlet",))
        case _:
            assert_never(sampler)
