"""The samplers and pruners by name: how they are parsed, stored, described, and checked against a space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar, assert_never, get_args

from search import canonical_json
from search.errors import NewerVersionError, UsageError
from search.messages import show
from search.plugins import Code, is_code, load
from search.space import Space, cost_of
from search.stored_fields import First, stored, unknown
from search.strategies.pruners import Asha, ForeignPruner, Hyperband, Median, NoPruner, Pruner
from search.strategies.samplers import Curves, ForeignSampler, Gp, Qmc, Random, Sampler, Sobol, Tpe

__all__ = [
    "PRUNERS", "SAMPLERS", "Asha", "Curves", "ForeignPruner", "ForeignSampler", "Gp", "Hyperband", "Median", "NoPruner",
    "Pruner", "Qmc", "Random", "Sampler", "Sobol", "Tpe", "check", "check_known", "describe", "misfits", "named_pruner",
    "named_sampler", "of_code", "of_settings", "of_spec", "pruner", "sampler", "to_spec",
]  # fmt: skip

_Strategy = TypeVar("_Strategy", bound=Sampler | Pruner)
Options = Mapping[str, Any]
_NONE: Options = MappingProxyType({})

SAMPLERS: Mapping[str, type[Sampler]] = {cls.name: cls for cls in get_args(Sampler) if cls is not ForeignSampler}
PRUNERS: Mapping[str, type[Pruner]] = {cls.name: cls for cls in get_args(Pruner) if cls is not ForeignPruner}
"""Those that are built in; any other has the name of its code."""

FIRST: First = {
    Tpe: ("n_startup_trials", "n_ei_candidates"),
    Gp: ("n_startup_trials",),
    Asha: ("min_resource", "reduction_factor", "min_early_stopping_rate"),
    Hyperband: ("min_resource", "reduction_factor"),
    Median: ("n_startup_trials", "n_warmup_steps", "n_min_trials"),
}
"""The options of the first format, see `search.stored_fields`. Do not add new ones."""


def sampler(spec: str | Mapping[str, Any]) -> Sampler:
    """Return the sampler that a name selects, or a mapping with `name` and options, as space files have it.

    Raises:
        ValueError: the name or an option is unknown, or an option is out of range, or it is the name of code, which a
            file never makes run; the message is for the user.
    """
    return _parse("sampler", SAMPLERS, spec)


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Return the pruner that a name selects, or a mapping with `name` and options; all else as in `sampler`."""
    return _parse("pruner", PRUNERS, spec)


def named_sampler(name: str, options: Options = _NONE) -> Sampler:
    """Return the sampler that a person names: a built-in one, or code of their own, which is loaded.

    Raises:
        UsageError: there is none of that name, or it refuses its options; the message says why and where.
    """
    if not is_code(name):
        return _built_in(sampler, name, options)
    own = of_code(name, options)
    if not isinstance(own, ForeignSampler):
        raise UsageError(f"{name} is no sampler but a pruner; give it to --pruner.")
    return own


def named_pruner(name: str, options: Options = _NONE) -> Pruner:
    """Return the pruner that a person names; all else as in `named_sampler`."""
    if not is_code(name):
        return _built_in(pruner, name, options)
    own = of_code(name, options)
    if not isinstance(own, ForeignPruner):
        raise UsageError(f"{name} is no pruner but a sampler; give it to --sampler.")
    return own


def of_code(name: str, options: Options = _NONE) -> ForeignSampler | ForeignPruner:
    """Load code of a user's own, make it once, and return the sampler or the pruner that it is.

    Raises:
        UsageError: it cannot be loaded or made, or is neither; the message says why and where.
    """
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    try:
        canonical_json.dumps(dict(options))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name}: its options have to be plain values ({error}).") from error
    loaded = load(name, "sampler or pruner")
    is_pruner = isinstance(loaded.call, type) and issubclass(loaded.call, BasePruner)
    loaded = loaded.as_kind("pruner" if is_pruner else "sampler")
    match made := loaded.construct(options, seed=0):
        case BaseSampler():
            return ForeignSampler(name=loaded.name, code=loaded.code, options=dict(options), loaded=loaded)
        case BasePruner():
            own = loaded.as_kind("pruner")
            return ForeignPruner(name=own.name, code=own.code, options=dict(options), loaded=own)
        case _:
            raise UsageError(
                f"{name} makes a {type(made).__name__}, which is neither Optuna's BaseSampler nor its BasePruner."
            )


def of_settings(settings: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner that a space's settings select, tpe and asha by default.

    Raises:
        ValueError: a name or an option is unknown, or an option is out of range; the message is for the user.
    """
    search = settings.get("search", {})
    return sampler(search.get("sampler", "tpe")), pruner(search.get("pruner", "asha"))


def of_spec(spec: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of a stored specification; code of a user's own is not loaded, only described.

    Raises:
        ValueError: no version can have stored them.
    """
    by_name = spec["sampler"], spec["pruner"]
    own_sampler, own_pruner = (_stored_code(kind) for kind in by_name)
    return (
        sampler(spec["sampler"]) if own_sampler is None else ForeignSampler(**own_sampler),
        pruner(spec["pruner"]) if own_pruner is None else ForeignPruner(**own_pruner),
    )


def to_spec(strategy: Sampler | Pruner) -> dict[str, Any]:
    """Return the mapping that `of_spec` parses; a later option is left out at its default."""
    match strategy:
        case ForeignSampler() | ForeignPruner():
            code = {name: value for name, value in asdict(strategy.code).items() if value is not None}
            return {"name": strategy.name, "options": dict(strategy.options), "code": code}
        case Tpe() | Random() | Qmc() | Gp() | Sobol() | Curves() | Asha() | Hyperband() | Median() | NoPruner():
            return {"name": strategy.name, **stored(strategy, FIRST)}
        case _:
            assert_never(strategy)


def check_known(spec: Mapping[str, Any]) -> None:
    """Check that this version knows the sampler and the pruner of a stored specification, and all their options.

    Raises:
        NewerVersionError: it does not know one of them; the message names it.
    """
    tables: dict[str, Mapping[str, type]] = {"sampler": SAMPLERS, "pruner": PRUNERS}
    for kind, table in tables.items():
        name = spec[kind].get("name")
        options = [option for option in spec[kind] if option != "name"]
        is_own = isinstance(name, str) and is_code(name)
        if isinstance(name, str) and not is_own and name not in table:
            raise NewerVersionError(f"{kind}: {unknown(name)}")
        known_options = [field.name for field in fields(table[name])] if isinstance(name, str) and not is_own else []
        for option in options:
            if option not in (("options", "code") if is_own else known_options):
                raise NewerVersionError(unknown(f"{kind}.{option}"))


def describe(strategy: Sampler | Pruner, periods: int) -> str:
    """Return a few words for a headline: `tpe (multivariate)`, `asha (after reports 1, 3 of 6)`, `mine.py:Mine`."""
    match strategy:
        case Asha():
            return f"{strategy.name} ({_rungs(strategy, periods)})"
        case Hyperband():
            brackets = strategy.brackets(periods)
            return f"{strategy.name} ({brackets} bracket{'' if brackets == 1 else 's'})"
        case Tpe():
            return f"{strategy.name} (multivariate)"
        case Qmc():
            return f"{strategy.name} (Sobol)"
        case Random() | Gp() | Sobol() | Curves() | Median() | NoPruner() | ForeignSampler() | ForeignPruner():
            return strategy.name
        case _:
            assert_never(strategy)


def _rungs(pruner: Asha, periods: int) -> str:
    """Return after which of a trial's reports trials are compared: a report may come after any part of an epoch."""
    *rungs, last = pruner.rungs(periods)
    if not rungs:
        return "no rungs"
    return f"after report{'s' if len(rungs) > 1 else ''} {', '.join(map(str, rungs))} of {last}"


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
    of_sampler, of_pruner = [*_faults_of(sampler)], [*_faults_of(pruner)]
    if not (of_sampler or of_pruner):  # of rungs that never rise nothing more can be said
        of_sampler += _misfits_of_sampler(sampler, pruner, space)
        of_pruner += _misfits_of_pruner(pruner, periods)
    yield from (("sampler", reason) for reason in of_sampler)
    yield from (("pruner", reason) for reason in of_pruner)


def _faults_of(strategy: Sampler | Pruner) -> Iterator[str]:
    """Yield what is wrong with the options of a built-in strategy: one that was made in Python was not parsed."""
    if not isinstance(strategy, ForeignSampler | ForeignPruner):
        options = {field.name: getattr(strategy, field.name) for field in fields(strategy)}
        kind = "sampler" if strategy.name in SAMPLERS else "pruner"
        yield from _faults_of_options(f"{kind} {strategy.name}", options, list(options))


def _misfits_of_sampler(sampler: Sampler, pruner: Pruner, space: Space) -> Iterator[str]:
    match sampler:
        case Tpe() | Random() | Qmc() | Sobol() | ForeignSampler():
            pass  # a point of a sequence has a place for every range, whether it applies or not
        case Curves():
            if cost_of(space.settings) is not None:
                yield "curves needs a single objective; tpe, random, qmc, sobol and, without a pruner, gp take two"
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
        case Asha() | Median() | NoPruner() | ForeignPruner():
            pass
        case _:
            assert_never(pruner)


def _conditional(sampler: Sampler, space: Space) -> Iterator[str]:
    """Yield a reason, which names the first conditional range, if there is one."""
    conditional = [field.path for field in space.fields if field.distribution and field.when]
    if conditional:
        yield f"{sampler.name} needs all ranges in every trial, and {conditional[0]} has a `when`; tpe takes it"


def _built_in(parse: Callable[[Options], _Strategy], name: str, options: Options) -> _Strategy:
    if "name" in options:
        raise UsageError(f"{name} has no option 'name'.")
    try:
        return parse({"name": name, **options})
    except ValueError as error:
        is_known = name in SAMPLERS or name in PRUNERS
        hint = "" if is_known else "; code of your own is named package.module:Name or folder/file.py:Name"
        raise UsageError(f"{error}{hint}.") from error


def _stored_code(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a stored strategy that is code; None where it is built in."""
    name, options, code = spec.get("name"), spec.get("options"), spec.get("code")
    if not isinstance(name, str) or not is_code(name):
        return None
    if isinstance(options, dict) and isinstance(code, dict) and all(isinstance(value, str) for value in code.values()):
        with suppress(TypeError):  # it lacks a field, or has one that is unknown
            return {"name": name, "options": options, "code": Code(**code)}
    raise ValueError(f"{show(name)} is stored without what code it is")


def _parse(kind: str, table: Mapping[str, type[_Strategy]], spec: str | Mapping[str, Any]) -> _Strategy:
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if isinstance(name, str) and is_code(name):
        raise ValueError(f"{show(name)} is code, which no file makes run; name it with --{kind} on the command line")
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"no {kind} {name!r}; there are {', '.join(table)}")
    cls = table[name]
    allowed = [field.name for field in fields(cls)]
    if reasons := [*_faults_of_options(f"{kind} {name}", options, allowed)]:
        raise ValueError("; ".join(reasons))
    return cls(**options)


_MIN_VALUES = {"reduction_factor": 2, "min_resource": 1, "n_startup_trials": 1, "n_ei_candidates": 1, "n_min_trials": 1}


def _faults_of_options(where: str, options: Mapping[str, Any], allowed: Sequence[str]) -> Iterator[str]:
    for option, value in options.items():
        least = _MIN_VALUES.get(option, 0)
        if option not in allowed:
            yield f"{where} has no option {option!r}; it has {', '.join(allowed) or 'none'}"
        elif isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
            yield f"{where}: {option} is {value!r}; it takes a whole number from {least} to 1000000"
