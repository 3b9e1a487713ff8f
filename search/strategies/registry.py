"""The samplers and pruners by name: how they are parsed, stored, described, and checked against a space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, TypeVar, assert_never, get_args

from search.errors import NewerVersionError, UsageError
from search.space import Space
from search.stored_fields import First, stored, unknown
from search.strategies.pruners import Asha, Hyperband, Median, NoPruner, Pruner
from search.strategies.samplers import Gp, Qmc, Random, Sampler, Tpe

__all__ = [
    "PRUNERS", "SAMPLERS", "Asha", "Gp", "Hyperband", "Median", "NoPruner", "Pruner", "Qmc", "Random", "Sampler", "Tpe",
    "check", "check_known", "describe", "misfits", "of_settings", "pruner", "sampler", "to_spec",
]  # fmt: skip

_Strategy = TypeVar("_Strategy", bound=Sampler | Pruner)

SAMPLERS: Mapping[str, type[Sampler]] = {cls.name: cls for cls in get_args(Sampler)}
PRUNERS: Mapping[str, type[Pruner]] = {cls.name: cls for cls in get_args(Pruner)}

FIRST: First = {
    Tpe: ("n_startup_trials", "n_ei_candidates"),
    Gp: ("n_startup_trials",),
    Asha: ("min_resource", "reduction_factor", "min_early_stopping_rate"),
    Hyperband: ("min_resource", "reduction_factor"),
    Median: ("n_startup_trials", "n_warmup_steps", "n_min_trials"),
}
"""The options of the first format, see `search.stored_fields`. Do not add new ones."""


def sampler(spec: str | Mapping[str, Any]) -> Sampler:
    """Return the sampler that a name selects, or a mapping with `name` and options.

    Raises:
        ValueError: the name or an option is unknown, or an option is out of range; the message is for the user.
    """
    return _parse("sampler", SAMPLERS, spec)


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Return the pruner that a name selects, or a mapping with `name` and options.

    Raises:
        ValueError: the name or an option is unknown, or an option is out of range; the message is for the user.
    """
    return _parse("pruner", PRUNERS, spec)


def of_settings(settings: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner that a space's settings select, tpe and asha by default.

    Raises:
        ValueError: a name or an option is unknown, or an option is out of range; the message is for the user.
    """
    search = settings.get("search", {})
    return sampler(search.get("sampler", "tpe")), pruner(search.get("pruner", "asha"))


def to_spec(strategy: Sampler | Pruner) -> dict[str, Any]:
    """Return the mapping that `sampler` and `pruner` parse; a later option is left out at its default."""
    return {"name": strategy.name, **stored(strategy, FIRST)}


def check_known(spec: Mapping[str, Any]) -> None:
    """Check that this version knows the sampler and the pruner of a stored specification, and all their options.

    Raises:
        NewerVersionError: it does not know one of them; the message names it.
    """
    tables: dict[str, Mapping[str, type]] = {"sampler": SAMPLERS, "pruner": PRUNERS}
    for kind, table in tables.items():
        name = spec[kind].get("name")
        options = [option for option in spec[kind] if option != "name"]
        if isinstance(name, str) and name not in table:
            raise NewerVersionError(f"{kind}: {unknown(name)}")
        known_options = [field.name for field in fields(table[name])] if isinstance(name, str) else []
        for option in options:
            if option not in known_options:
                raise NewerVersionError(unknown(f"{kind}.{option}"))


def describe(strategy: Sampler | Pruner, periods: int) -> str:
    """Return a few words for a headline: `tpe (multivariate)`, `asha 1-3-6`, `hyperband (3 brackets)`."""
    match strategy:
        case Asha():
            return f"{strategy.name} {'-'.join(str(rung) for rung in strategy.rungs(periods))}"
        case Hyperband():
            brackets = strategy.brackets(periods)
            return f"{strategy.name} ({brackets} bracket{'' if brackets == 1 else 's'})"
        case Tpe():
            return f"{strategy.name} (multivariate)"
        case Qmc():
            return f"{strategy.name} (Sobol)"
        case Random() | Gp() | Median() | NoPruner():
            return strategy.name
        case _:
            assert_never(strategy)


def check(sampler: Sampler, pruner: Pruner, space: Space, periods: int) -> None:
    """Check that a sampler, a pruner and a space fit together.

    Raises:
        UsageError: they do not; the message gives all reasons, one per line.
    """
    if reasons := [f"search.{kind}: {reason}." for kind, reason in misfits(sampler, pruner, space, periods)]:
        raise UsageError("\n".join(reasons))


def misfits(
    sampler: Sampler, pruner: Pruner, space: Space, periods: int
) -> Iterator[tuple[Literal["sampler", "pruner"], str]]:
    """Yield ("sampler" or "pruner", reason) for each choice that does not fit, given the periods of a trial."""
    yield from (("sampler", reason) for reason in _misfits_of_sampler(sampler, pruner, space))
    yield from (("pruner", reason) for reason in _misfits_of_pruner(pruner, periods))


def _misfits_of_sampler(sampler: Sampler, pruner: Pruner, space: Space) -> Iterator[str]:
    match sampler:
        case Tpe() | Random() | Qmc():  # a point of the sequence has a place for every range, whether it applies or not
            pass
        case Gp():
            if not isinstance(pruner, NoPruner):
                yield "gp needs `pruner: none`: a pruned trial's value is from a smaller budget"
            yield from _conditional(sampler, space)
        case _:
            assert_never(sampler)


def _misfits_of_pruner(pruner: Pruner, periods: int) -> Iterator[str]:
    match pruner:
        case Hyperband():
            if pruner.min_resource > periods:
                periods_word = "one period" if periods == 1 else f"{periods} periods"
                yield f"hyperband's min_resource {pruner.min_resource} is beyond a trial's {periods_word}"
        case Asha() | Median() | NoPruner():
            pass
        case _:
            assert_never(pruner)


def _conditional(sampler: Sampler, space: Space) -> Iterator[str]:
    """Yield a reason, which names the first conditional range, if there is one."""
    conditional = [field.path for field in space.fields if field.distribution and field.when]
    if conditional:
        yield f"{sampler.name} needs all ranges in every trial, and {conditional[0]} has a `when`; tpe takes it"


def _parse(kind: str, table: Mapping[str, type[_Strategy]], spec: str | Mapping[str, Any]) -> _Strategy:
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"no {kind} {name!r}; there are {', '.join(table)}")
    cls = table[name]
    allowed = [field.name for field in fields(cls)]
    if reasons := [*_faults_of_options(f"{kind} {name}", options, allowed)]:
        raise ValueError("; ".join(reasons))
    return cls(**options)


_LEAST = {"reduction_factor": 2, "min_resource": 1, "n_startup_trials": 1, "n_ei_candidates": 1, "n_min_trials": 1}


def _faults_of_options(where: str, options: Mapping[str, Any], allowed: Sequence[str]) -> Iterator[str]:
    for option, value in options.items():
        least = _LEAST.get(option, 0)
        if option not in allowed:
            yield f"{where} has no option {option!r}; it has {', '.join(allowed) or 'none'}"
        elif isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
            yield f"{where}: {option} is {value!r}; it takes a whole number from {least} to 1000000"
