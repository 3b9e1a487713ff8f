"""Which sampler proposes parameters, and which pruner stops trials early: by name, with options, afresh for every use.

A sampler is made anew for every trial and seeded from (study seed, trial number), so that what it proposes depends on
the finished and running trials alone, never on how often the program was restarted.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe:
    """Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018)."""

    n_startup_trials: int = 10
    """Trials drawn at random before the model is used."""
    n_ei_candidates: int = 24
    """Candidates among which the expected improvement chooses."""

    def make(self, seed: int) -> BaseSampler:
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # group and multivariate are marked so since 2.2
            return TPESampler(
                n_startup_trials=self.n_startup_trials,
                n_ei_candidates=self.n_ei_candidates,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=seed,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Random:
    """Independent draws from the ranges."""

    def make(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asha:
    """Asynchronous successive halving, the stopping variant (Li et al. 2020)."""

    min_resource: int = 1
    """Period of the first rung."""
    reduction_factor: int = 3
    """One in so many goes on past a rung."""
    min_early_stopping_rate: int = 0
    """Rungs left out at the beginning."""

    def make(self) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(**asdict(self))

    def rungs(self, periods: int) -> list[int]:
        """Return the periods at which trials are compared, and the last period."""
        rungs, rung = [], self.min_resource * self.reduction_factor**self.min_early_stopping_rate
        while rung < periods:
            rungs.append(rung)
            rung *= self.reduction_factor
        return [*rungs, periods]


@dataclass(frozen=True, kw_only=True, slots=True)
class Median:
    """Stop what is below the median of the others at the same period (Golovin et al. 2017)."""

    n_startup_trials: int = 5
    """Complete trials before anything is pruned."""
    n_warmup_steps: int = 0
    """Periods in which nothing is pruned."""
    n_min_trials: int = 1
    """Reports at a period that a comparison needs."""

    def make(self) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(
            n_startup_trials=self.n_startup_trials,
            n_warmup_steps=self.n_warmup_steps,
            n_min_trials=self.n_min_trials,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPruner:
    """Train every trial to its end."""

    def make(self) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()


Sampler = Tpe | Random
Pruner = Asha | Median | NoPruner
_Strategy = TypeVar("_Strategy", bound=Sampler | Pruner)

SAMPLERS: Mapping[str, type[Sampler]] = {"tpe": Tpe, "random": Random}
PRUNERS: Mapping[str, type[Pruner]] = {"asha": Asha, "median": Median, "none": NoPruner}


def sampler(spec: str | Mapping[str, Any]) -> Sampler:
    """Return the sampler of a name, or of a mapping with `name` and options.

    Raises:
        ValueError: an unknown name or option, or an option out of range, in a sentence for the user.
    """
    return _parse("sampler", SAMPLERS, spec)


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Return the pruner of a name, or of a mapping with `name` and options; errors as in `sampler`."""
    return _parse("pruner", PRUNERS, spec)


def to_spec(strategy: Sampler | Pruner) -> dict[str, Any]:
    """Return the mapping that `sampler` and `pruner` read, with every option."""
    known: list[tuple[str, type]] = [*SAMPLERS.items(), *PRUNERS.items()]
    return {"name": next(name for name, cls in known if cls is type(strategy)), **asdict(strategy)}


def describe(strategy: Sampler | Pruner, periods: int) -> str:
    """Return a few words for a headline: `tpe (multivariate)`, `asha 1-3-6`."""
    name = str(to_spec(strategy)["name"])
    if isinstance(strategy, Asha):
        return f"{name} {'-'.join(str(rung) for rung in strategy.rungs(periods))}"
    return f"{name} (multivariate)" if isinstance(strategy, Tpe) else name


def _parse(kind: str, table: Mapping[str, type[_Strategy]], spec: str | Mapping[str, Any]) -> _Strategy:
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"no {kind} {name!r}; there are {', '.join(table)}")
    cls = table[name]
    allowed = [field.name for field in fields(cls)]
    for option, value in options.items():
        if option not in allowed:
            raise ValueError(f"{kind} {name} has no option {option!r}; it has {', '.join(allowed) or 'none'}")
        _check_option(f"{kind} {name}: {option}", option, value)
    return cls(**options)


_LEAST = {"reduction_factor": 2, "min_resource": 1, "n_startup_trials": 1, "n_ei_candidates": 1, "n_min_trials": 1}


def _check_option(where: str, option: str, value: Any) -> None:
    least = _LEAST.get(option, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
        raise ValueError(f"{where} is {value!r}; it takes a whole number from {least} to 1000000")
