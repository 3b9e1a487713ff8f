"""The samplers and pruners by name: how they are parsed, stored, and checked against a space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeGuard, TypeVar

from search import canonical_json
from search.errors import OtherVersionError, UsageError
from search.messages import show
from search.plugins.loading import OF_OPTUNA, Code, is_code, load
from search.space.objective import Aim
from search.space.space import Space
from search.stored_fields import stored, unknown
from search.strategies import optuna_classes
from search.strategies.optuna_classes import OptunaPruner, OptunaSampler
from search.strategies.pruners import PRUNERS, ForeignPruner, Pruner
from search.strategies.samplers import SAMPLERS, ForeignSampler, Sampler
from search.strategies.strategy import Bounds, Strategy, bounds_of

_Strategy = TypeVar("_Strategy", bound=Strategy)
Options = Mapping[str, Any]
_NONE: Options = MappingProxyType({})


def sampler(spec: str | Mapping[str, Any]) -> Sampler:
    """Return the sampler that a name selects, or a mapping with `name` and options, as space files have it.

    Raises:
        ValueError: the name or an option is unknown, or an option is out of range, or it is the name of code, which a
            file never makes run; the message is for the user.
    """
    name, options = _taken_apart(spec)
    if _is_optunas(name):
        optuna_classes.check("sampler", name, options)
        return OptunaSampler(name=name, options=options)
    return _parse("sampler", SAMPLERS, name, options)


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Return the pruner that a name selects, or a mapping with `name` and options; all else as in `sampler`."""
    name, options = _taken_apart(spec)
    if _is_optunas(name):
        optuna_classes.check("pruner", name, options)
        return OptunaPruner(name=name, options=options)
    return _parse("pruner", PRUNERS, name, options)


def named_sampler(name: str, options: Options = _NONE) -> Sampler:
    """Return the sampler that a person names: a built-in one, or custom code, which is loaded.

    Raises:
        UsageError: there is none of that name, or it refuses its options; the message gives the reason and the place.
    """
    if not is_code(name):
        return _built_in(sampler, name, options)
    own = of_code(name, options)
    if not isinstance(own, ForeignSampler):
        raise UsageError(f"{name} is a pruner, not a sampler; give it to --pruner.")
    return own


def named_pruner(name: str, options: Options = _NONE) -> Pruner:
    """Return the pruner that a person names; all else as in `named_sampler`."""
    if not is_code(name):
        return _built_in(pruner, name, options)
    own = of_code(name, options)
    if not isinstance(own, ForeignPruner):
        raise UsageError(f"{name} is a sampler, not a pruner; give it to --sampler.")
    return own


def of_code(name: str, options: Options = _NONE) -> ForeignSampler | ForeignPruner:
    """Load a custom sampler or pruner, make an instance once, and return its description.

    Raises:
        UsageError: it cannot be loaded or made, or is neither of the two; the message gives the reason and the place.
    """
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    if (fault := canonical_json.fault(dict(options))) is not None:
        raise UsageError(f"{name}: its options have to be plain values ({fault}).") from fault
    loaded = load(name, "sampler or pruner")
    is_pruner = isinstance(loaded.call, type) and issubclass(loaded.call, BasePruner)
    loaded = replace(loaded, kind="pruner" if is_pruner else "sampler")
    made = loaded.construct(options, seed=0)
    portable = getattr(made, "portable", False) is True
    match made:
        case BaseSampler():
            return ForeignSampler(
                name=loaded.name, code=loaded.code, options=dict(options), portable=portable, loaded=loaded
            )
        case BasePruner():
            own = replace(loaded, kind="pruner")
            return ForeignPruner(name=own.name, code=own.code, options=dict(options), portable=portable, loaded=own)
        case _:
            raise UsageError(
                f"{name} makes a {type(made).__name__}, which is neither Optuna's BaseSampler nor its BasePruner."
            )


def of_settings(settings: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner that a space's settings select.

    The default pruner is asha. The default sampler is curves; with two objectives tpe, because curves has one.

    Raises:
        ValueError: a name or an option is unknown, or an option is out of range; the message is for the user.
    """
    search = settings.get("search", {})
    default = "curves" if Aim.of(settings).cost is None else "tpe"
    return sampler(search.get("sampler", default)), pruner(search.get("pruner", "asha"))


def of_spec(spec: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of a stored specification. Custom code is not loaded.

    Raises:
        ValueError: no version can have stored them.
    """
    return _stored_sampler(spec["sampler"]), _stored_pruner(spec["pruner"])


def _stored_sampler(spec: str | Mapping[str, Any]) -> Sampler:
    name, options = _taken_apart(spec)
    if _is_optunas(name):  # which the Optuna at hand need not know
        return OptunaSampler(name=name, options=options)
    own = _stored_code({"name": name, **options})
    return sampler(spec) if own is None else ForeignSampler(**own)


def _stored_pruner(spec: str | Mapping[str, Any]) -> Pruner:
    name, options = _taken_apart(spec)
    if _is_optunas(name):
        return OptunaPruner(name=name, options=options)
    own = _stored_code({"name": name, **options})
    return pruner(spec) if own is None else ForeignPruner(**own)


def to_spec(strategy: Sampler | Pruner) -> dict[str, Any]:
    """Return the mapping that `of_spec` parses; an option is left out at its default."""
    if isinstance(strategy, ForeignSampler | ForeignPruner):
        code = {name: value for name, value in asdict(strategy.code).items() if value is not None}
        portable = {"portable": True} if strategy.portable else {}
        return {"name": strategy.name, "options": dict(strategy.options), "code": code, **portable}
    if isinstance(strategy, OptunaSampler | OptunaPruner):
        return {"name": strategy.name, **strategy.options}
    return {"name": strategy.name, **stored(strategy)}


def check_known(spec: Mapping[str, Any]) -> None:
    """Check that this version knows the sampler and the pruner of a stored specification, and all their options.

    Raises:
        OtherVersionError: it does not know one of them; the message names it.
    """
    tables: dict[str, Mapping[str, type]] = {"sampler": SAMPLERS, "pruner": PRUNERS}
    for kind, table in tables.items():
        name = spec[kind].get("name")
        options = [option for option in spec[kind] if option != "name"]
        if _is_optunas(name):
            continue
        is_own = isinstance(name, str) and is_code(name)
        if isinstance(name, str) and not is_own and name not in table:
            raise OtherVersionError(f"{kind}: {unknown(name)}")
        known_options = [field.name for field in fields(table[name])] if isinstance(name, str) and not is_own else []
        for option in options:
            if option not in (("options", "code", "portable") if is_own else known_options):
                raise OtherVersionError(unknown(f"{kind}.{option}"))


def check(sampler: Sampler, pruner: Pruner, space: Space) -> None:
    """Check that a sampler, a pruner and a space fit together.

    Raises:
        UsageError: they do not; the message gives all reasons, one per line.
    """
    if reasons := [f"search.{kind}: {reason}." for kind, reason in misfits(sampler, pruner, space)]:
        raise UsageError("\n".join(reasons))


def misfits(sampler: Sampler, pruner: Pruner, space: Space) -> Iterator[tuple[Literal["sampler", "pruner"], str]]:
    """Yield ("sampler" or "pruner", reason) for each choice that does not fit."""
    yield from (("sampler", reason) for reason in [*_faults_of(sampler)] or sampler.misfits(space))
    yield from (("pruner", reason) for reason in _faults_of(pruner))


def unportable(sampler: Sampler, pruner: Pruner) -> Iterator[tuple[Literal["sampler", "pruner"], str]]:
    """Yield ("sampler" or "pruner", sentence) for each choice whose decisions may depend on the processor."""
    if not sampler.portable:
        yield "sampler", f"the proposals of {_depending(sampler, SAMPLERS)}"
    if not pruner.portable:
        yield "pruner", f"the decisions of {_depending(pruner, PRUNERS)}"


def _depending(strategy: Strategy, table: Mapping[str, type[Strategy]]) -> str:
    portable = [name for name, built_in in table.items() if built_in().portable]
    how = "depend" if strategy.name in table else "may depend"
    return f"{strategy.name} {how} on the processor, and those of {', '.join(portable[:-1])} and {portable[-1]} do not"


def _faults_of(strategy: Sampler | Pruner) -> Iterator[str]:
    """Yield the faults in the options of a built-in strategy. (One that was made in Python was not parsed.)"""
    if type(strategy) in (*SAMPLERS.values(), *PRUNERS.values()):
        bounds = _bounds(type(strategy))
        options = {option: getattr(strategy, option) for option in bounds}
        kind = "sampler" if isinstance(strategy, Sampler) else "pruner"
        yield from _faults_of_options(f"{kind} {strategy.name}", options, bounds)


def _built_in(parse: Callable[[Options], _Strategy], name: str, options: Options) -> _Strategy:
    if "name" in options:
        raise UsageError(f"{name} has no option 'name'.")
    try:
        return parse({"name": name, **options})
    except ValueError as error:
        is_known = name in SAMPLERS or name in PRUNERS or _is_optunas(name)
        hint = "" if is_known else "; your own code is named package.module:Name or folder/file.py:Name"
        raise UsageError(f"{error}{hint}.") from error


def _stored_code(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a stored strategy that is custom code; None if it is built in."""
    name, options, code = spec.get("name"), spec.get("options"), spec.get("code")
    portable = spec.get("portable", False)
    if not isinstance(name, str) or not is_code(name):
        return None
    are_plain = isinstance(options, dict) and isinstance(portable, bool)
    if are_plain and isinstance(code, dict) and all(isinstance(value, str) for value in code.values()):
        with suppress(TypeError):  # it lacks a field, or has one that is unknown
            return {"name": name, "options": options, "code": Code(**code), "portable": portable}
    raise ValueError(f"{show(name)} is stored without what code it is")


def _taken_apart(spec: str | Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the name and the options of a strategy as space files have it."""
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    return options.pop("name", None), options


def _is_optunas(name: Any) -> TypeGuard[str]:
    return isinstance(name, str) and name.startswith(OF_OPTUNA)


def _parse(kind: str, table: Mapping[str, type[_Strategy]], name: Any, options: Mapping[str, Any]) -> _Strategy:
    if isinstance(name, str) and is_code(name):
        raise ValueError(f"{show(name)} is code, which a file cannot run; name it with --{kind} on the command line")
    if not isinstance(name, str) or name not in table:
        one = "GPSampler" if kind == "sampler" else "HyperbandPruner"
        raise ValueError(f"no {kind} {name!r}; there are {', '.join(table)}, and Optuna's, such as optuna:{one}")
    cls = table[name]
    if reasons := [*_faults_of_options(f"{kind} {name}", options, _bounds(cls))]:
        raise ValueError("; ".join(reasons))
    return cls(**options)


def _bounds(strategy: type[Strategy]) -> dict[str, Bounds]:
    """Return the options of a built-in strategy by name."""
    return {option.name: bounds_of(option) for option in fields(strategy)}


def _faults_of_options(where: str, options: Mapping[str, Any], allowed: Mapping[str, Bounds]) -> Iterator[str]:
    for option, value in options.items():
        bounds = allowed.get(option)
        if bounds is None:
            yield f"{where} has no option {option!r}; it has {', '.join(allowed) or 'none'}"
        elif not bounds.include(value):
            yield f"{where}: {option} is {value!r}; it takes {bounds}"
