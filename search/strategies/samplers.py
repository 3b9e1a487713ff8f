"""The samplers, which propose parameters: their options, and how each becomes one of Optuna's.

A sampler is created anew for every proposal and seeded from the trial's number. So a proposal depends only on the
study's trials and on that number, not on how often the program was restarted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, assert_never

from search import canonical_json
from search.errors import UsageError
from search.plugins import Code, Loaded

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search.proposals import Curve, Prospects, Why
    from search.strategies.distributions import OptunaRanges
    from search.strategies.fast_tpe import Table


MAX_MISSES = 10
"""After so many infeasible proposals in a row, trials are drawn at random until one is feasible."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a sampler needs to know to propose the parameters of one trial."""

    number: int
    study_seed: int
    ranges: OptunaRanges
    """All ranges of the space."""
    trained: int = 0
    """Number of earlier trials that were trained or are being trained. Trials that were pruned without a value, as
    infeasible ones are, do not count."""
    complete: int = 0
    """Number of complete trials."""
    ended: int = 0
    """Number of trials that are complete or pruned, infeasible ones among them."""
    misses: int = 0
    """Number of trials pruned without a value directly before this one."""
    table: Table | None = None
    """The trials' parameters as numbers, kept between proposals; None to compute them anew."""
    curves: Callable[[], Sequence[Curve]] = tuple
    """Returns all earlier trials that are feasible, those that have not reported among them."""
    prospects: Prospects | None = None
    """What there is to try; None where no limits are known, so that only samplers that ignore them work."""

    @property
    def seed(self) -> int:
        """The seed of this proposal."""
        return canonical_json.derived_seed(self.study_seed, "sampler", self.number)

    @property
    def is_stuck(self) -> bool:
        """Whether a model is likely to go on with infeasible proposals.

        As long as few trials have a value, Optuna's TPE counts the least infeasible ones among the better trials and
        proposes more like them. A space with few feasible nets could end a search that way.
        """
        return self.misses >= MAX_MISSES


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe:
    """Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018)."""

    name: ClassVar[str] = "tpe"
    n_startup_trials: int = 10
    """Number of trials drawn at random before the model is used. Infeasible ones do not count, unlike in Optuna: a
    model that knows hardly any others would propose the least infeasible."""
    n_ei_candidates: int = 24
    """Number of candidates, of which the one with the largest expected improvement is proposed."""

    def draws(self, ask: Ask) -> bool:
        """Return whether it draws at random here, for want of a model or of luck with it."""
        return ask.trained < self.n_startup_trials or ask.is_stuck

    def make(self, ask: Ask) -> BaseSampler:
        if self.draws(ask):
            return Random().make(ask)
        from optuna.exceptions import ExperimentalWarning

        from search.strategies.fast_tpe import Table, TableTpeSampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # group and multivariate, since 2.2
            return TableTpeSampler(
                ask.table or Table(ask.ranges.optunas),
                n_startup_trials=self.n_startup_trials,
                n_ei_candidates=self.n_ei_candidates,
                multivariate=True,
                group=True,
                constant_liar=True,  # running trials count as worse, so that slots do not propose the same
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

        return FixedSpaceQmcSampler(ask.ranges.optunas, seed=canonical_json.derived_seed(ask.study_seed, "sequence"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gp:
    """Gaussian process with a Matérn 5/2 kernel and log expected improvement (Snoek et al. 2012; Ament et al. 2023).

    The objective is treated as noisy, because two trials of one configuration have different seeds.
    """

    name: ClassVar[str] = "gp"
    n_startup_trials: int = 10
    """Number of complete trials before the model is used; until then, trials are drawn at random."""

    def make(self, ask: Ask) -> BaseSampler:
        from search.strategies.optuna_samplers import OneThreadGpSampler

        return OneThreadGpSampler(
            seed=ask.seed,
            n_startup_trials=self.n_startup_trials,
            deterministic_objective=False,
            warn_independent_sampling=False,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sobol:
    """The feasible points of a scrambled Sobol sequence, one after the other, so that no proposal exceeds a limit."""

    name: ClassVar[str] = "sobol"

    def make(self, ask: Ask) -> BaseSampler:
        return _proposing(ask, _prospects(ask).covering(ask.number, [curve.params for curve in ask.curves()]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """A Gaussian process over settings and training time that reads every report of every trial (`search.proposals`).

    The first trials are points of the Sobol sequence. Nothing that is proposed exceeds a limit, or is near an earlier
    trial.
    """

    name: ClassVar[str] = "curves"
    n_startup_trials: int = 8
    """Number of trials that have reported and have ended before the model is used."""

    def make(self, ask: Ask) -> BaseSampler:
        return _proposing(ask, self.proposal(ask)[0])

    def proposal(self, ask: Ask) -> tuple[Mapping[str, Any], Why | None]:
        """Return what is proposed, and what spoke for it; None where no model did."""
        import numpy as np  # whoever only names a sampler needs none

        from search.proposals import choose

        prospects, curves = _prospects(ask), ask.curves()
        if sum(curve.ended and bool(curve.values) for curve in curves) >= self.n_startup_trials:
            draws = np.random.default_rng(ask.seed)
            if chosen := choose(curves, prospects.candidates(curves, draws), prospects, draws):
                return chosen
        return prospects.covering(ask.number, [curve.params for curve in curves]), None


def _prospects(ask: Ask) -> Prospects:
    if ask.prospects is None:
        raise ValueError("this sampler needs to know what is feasible")
    return ask.prospects


def _proposing(ask: Ask, params: Mapping[str, Any]) -> BaseSampler:
    from search.strategies.optuna_samplers import ProposingSampler

    return ProposingSampler({path: ask.ranges.optunas[path] for path in params}, ask.ranges.encode(params))


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignSampler:
    """A sampler of a user's own: any class of Optuna's kind, by its name."""

    name: str
    """`package.module:Name` or `file.py:Name`."""
    code: Code
    options: Mapping[str, Any] = field(default_factory=dict)
    """What it is made with, besides the seed."""
    loaded: Loaded | None = field(default=None, compare=False, repr=False)
    """None where the sampler was read from a study, which never makes code run."""

    def make(self, ask: Ask) -> BaseSampler:
        """Return a new instance.

        Raises:
            UsageError: the code is not at hand, or refuses its options.
        """
        from search.plugins import WatchedSampler

        if self.loaded is None:
            raise UsageError(f"Sampler {self.name} is code that is not at hand; name it once more with --sampler.")
        return WatchedSampler(self.loaded.construct(self.options, ask.seed), self.loaded, ask.ranges.optunas)


AsksPlanner = Sobol | Curves
"""Samplers that propose a configuration as a whole, of those that the planner says are feasible."""
Sampler = Tpe | Random | Qmc | Gp | AsksPlanner | ForeignSampler


OriginKind = Literal["enqueued", "start list", "random", "sequence", "model", "own code"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a proposal comes from."""

    kind: OriginKind
    why: Why | None = None
    """What spoke for it, where the model can say so."""


def origin(sampler: Sampler, ask: Ask) -> Origin:
    """Return where a sampler takes its proposal from."""
    match sampler:
        case Tpe():
            # Optuna's own sampler draws at random, too, until so many have ended.
            is_random = sampler.draws(ask) or ask.ended < sampler.n_startup_trials
            return Origin(kind="random" if is_random else "model")
        case Gp():
            return Origin(kind="random" if ask.complete < sampler.n_startup_trials else "model")
        case Random():
            return Origin(kind="random")
        case Qmc() | Sobol():
            return Origin(kind="sequence")
        case Curves():
            why = sampler.proposal(ask)[1]
            return Origin(kind="sequence" if why is None else "model", why=why)
        case ForeignSampler():
            return Origin(kind="own code")
        case _:
            assert_never(sampler)


@dataclass(frozen=True, slots=True)
class BuiltOn:
    """Packages that a sampler computes with, beyond the requirements of Optuna itself."""

    needed: tuple[str, ...] = ()
    """Packages without which the sampler does not work."""
    if_there: tuple[str, ...] = ()
    """Packages without which it computes in another way."""


def built_on(sampler: Sampler) -> BuiltOn:
    """Return the packages that a sampler is built on."""
    match sampler:
        case Tpe() | Random() | ForeignSampler():
            return BuiltOn()
        case Qmc() | Sobol() | Curves():
            return BuiltOn(needed=("scipy",))
        case Gp():
            return BuiltOn(needed=("scipy", "torch"), if_there=("greenlet",))
        case _:
            assert_never(sampler)
