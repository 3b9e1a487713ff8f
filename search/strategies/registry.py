"""The samplers and pruners by name: how they are parsed and stored, and which of them are portable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from search import canonical_json
from search.errors import OtherVersionError, UsageError
from search.loading import OF_OPTUNA, Code, is_code, load
from search.messages import show
from search.space.space import Aim
from search.stored_fields import stored, unknown
from search.strategies.pruners import PRUNERS, ForeignPruner, Pruner
from search.strategies.samplers import SAMPLERS, ForeignSampler, Sampler
from search.strategies.strategy import Foreign, Kind, Strategy

Options = Mapping[str, Any]
_NONE: Options = MappingProxyType({})
_BUILT_IN: Mapping[Kind, Mapping[str, type[Strategy]]] = {"sampler": SAMPLERS, "pruner": PRUNERS}
_FOREIGN: Mapping[Kind, type[ForeignSampler | ForeignPruner]] = {"sampler": ForeignSampler, "pruner": ForeignPruner}
_EXAMPLES = {"sampler": "optuna:GPSampler", "pruner": "optuna:HyperbandPruner"}
_OF_CODE = ("options", "code", "portable")  # what is stored of custom code, with its name


def sampler(spec: str | Mapping[str, Any]) -> Sampler:
    """Return the sampler that a name selects, or a mapping with `name` and options, as space files have it; ValueError
    if the name or an option is unknown, or an option is out of range, or it is the name of code, which a file never
    makes run; the message is for the user."""
    found: Sampler = _parsed("sampler", *_taken_apart(spec))
    return found


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Return the pruner that a name selects, or a mapping with `name` and options; all else as in `sampler`."""
    found: Pruner = _parsed("pruner", *_taken_apart(spec))
    return found


def named_sampler(name: str, options: Options = _NONE) -> Sampler:
    """Return the sampler that a person names: a built-in one, one of Optuna's, or custom code, which is loaded.

    Raises:
        UsageError: there is none of that name, or it refuses its options; the message gives the reason and the place.
    """
    found: Sampler = _named("sampler", name, options)
    return found


def named_pruner(name: str, options: Options = _NONE) -> Pruner:
    """Return the pruner that a person names; all else as in `named_sampler`."""
    found: Pruner = _named("pruner", name, options)
    return found


def _named(kind: Kind, name: str, options: Options) -> Any:
    if is_code(name):
        return of_code(kind, name, options)
    try:
        return _parsed(kind, name, options)
    except ValueError as error:
        is_known = name in SAMPLERS or name in PRUNERS or name.startswith(OF_OPTUNA)
        hint = "" if is_known else "; your own code is named package.module:Name or folder/file.py:Name"
        raise UsageError(f"{error}{hint}.") from error


def of_code(kind: Kind, name: str, options: Options = _NONE) -> ForeignSampler | ForeignPruner:
    """Load a custom sampler or pruner, make an instance once, and return its description; UsageError if it cannot be
    loaded or made, or is another thing; the message gives the reason and the place."""
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    if (fault := canonical_json.fault(dict(options))) is not None:
        raise UsageError(f"{name}: its options have to be plain values ({fault}).") from fault
    loaded = load(name, kind)
    made = loaded.construct(options, seed=0)
    wanted, other = (BaseSampler, BasePruner) if kind == "sampler" else (BasePruner, BaseSampler)
    if not isinstance(made, wanted):
        hint = f"; give it to --{'pruner' if kind == 'sampler' else 'sampler'}" if isinstance(made, other) else ""
        raise UsageError(
            f"{name} is no {kind}: it makes a {type(made).__name__}, which is not Optuna's {wanted.__name__}{hint}."
        )
    return _FOREIGN[kind](
        name=loaded.name,
        code=loaded.code,
        options=dict(options),
        portable=getattr(made, "portable", False) is True,
        loaded=loaded,
    )


def of_settings(settings: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner that a space's settings select.

    The default pruner is asha. The default sampler is curves; with two objectives tpe, because curves has one.

    ValueError if a name or an option is unknown, or an option is out of range; the message is for the user.
    """
    search = settings.get("search", {})
    default = "curves" if Aim.of(settings).cost is None else "tpe"
    return sampler(search.get("sampler", default)), pruner(search.get("pruner", "asha"))


def of_spec(spec: Mapping[str, Any]) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of a stored specification; ValueError if no version can have stored them.

    Custom code is not loaded, and the Optuna at hand need not know its classes.
    """
    return _read("sampler", spec["sampler"]), _read("pruner", spec["pruner"])


def _read(kind: Kind, spec: str | Mapping[str, Any]) -> Any:
    name, options = _taken_apart(spec)
    if name.startswith(OF_OPTUNA):
        return _FOREIGN[kind](name=name, options=options)
    if not is_code(name):
        return _parsed(kind, name, options)
    own, code, portable = options.get("options"), options.get("code"), options.get("portable", False)
    if isinstance(own, dict) and isinstance(code, dict) and isinstance(portable, bool):
        with suppress(TypeError):  # it lacks a field, or has one that is unknown
            if all(isinstance(value, str) for value in code.values()):
                return _FOREIGN[kind](name=name, options=own, code=Code(**code), portable=portable)
    raise ValueError(f"{show(name)} is stored without what code it is")


def to_spec(strategy: Sampler | Pruner) -> dict[str, Any]:
    """Return the mapping that `of_spec` parses; an option is left out at its default."""
    if not isinstance(strategy, Foreign):
        return {"name": strategy.name, **stored(strategy)}
    if strategy.code is None:
        return {"name": strategy.name, **strategy.options}
    portable = {"portable": True} if strategy.portable else {}
    return {"name": strategy.name, "options": dict(strategy.options), "code": stored(strategy.code), **portable}


def check_known(spec: Mapping[str, Any]) -> None:
    """Check that this version knows the sampler and the pruner of a stored specification, and all their options;
    OtherVersionError if it does not know one of them; the message names it."""
    for kind, built_in in _BUILT_IN.items():
        name, options = _taken_apart(spec[kind])
        if name.startswith(OF_OPTUNA):
            continue
        if name not in built_in and not is_code(name):
            raise OtherVersionError(f"{kind}: {unknown(name)}")
        known = _OF_CODE if is_code(name) else _options(built_in[name])
        for option in options:
            if option not in known:
                raise OtherVersionError(unknown(f"{kind}.{option}"))


def in_words(sampler: Sampler, pruner: Pruner, ends: Sequence[float]) -> str:
    """Return how a search of trials with these ends of periods decides: `curves + asha (after reports 1, 3 of 4)`."""
    return f"{sampler.describe()} + {pruner.describe(ends)}"


def unportable(sampler: Sampler, pruner: Pruner) -> Iterator[tuple[Kind, str]]:
    """Yield ("sampler" or "pruner", sentence) for each choice whose decisions may depend on the processor."""
    for strategy, decisions in ((sampler, "proposals"), (pruner, "decisions")):
        if not strategy.portable:
            *names, last = (name for name, built_in in _BUILT_IN[strategy.kind].items() if built_in().portable)
            how = "depend" if strategy.name in _BUILT_IN[strategy.kind] else "may depend"
            others = f"those of {', '.join(names)} and {last} do not"
            yield strategy.kind, f"the {decisions} of {strategy.name} {how} on the processor, and {others}"


def _taken_apart(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the options of a strategy as space files have it."""
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    return str(options.pop("name", None)), options


def _parsed(kind: Kind, name: str, options: Options) -> Any:
    """Return the strategy of a name that files may give; ValueError if there is none, or if it refuses its options."""
    built_in = _BUILT_IN[kind]
    if name.startswith(OF_OPTUNA):
        if (fault := canonical_json.fault(dict(options))) is not None:
            raise ValueError(f"{kind} {name}: its options have to be plain values ({fault})")
        theirs = _FOREIGN[kind](name=name, options=options)
        try:
            theirs.loaded_class().construct(options, seed=0)
        except UsageError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        return theirs
    if is_code(name):
        raise ValueError(f"{show(name)} is code, which a file cannot run; name it with --{kind} on the command line")
    if name not in built_in:
        known = f"{', '.join(built_in)}, and Optuna's, such as {_EXAMPLES[kind]}"
        raise ValueError(f"no {kind} {name!r}; there are {known}")
    allowed = _options(built_in[name])
    has = ", ".join(allowed) or "none"
    faults = [f"{kind} {name} has no option {option!r}; it has {has}" for option in options if option not in allowed]
    try:
        found = built_in[name](**{option: options[option] for option in options if option in allowed})
    except ValueError as error:
        faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    return found


def _options(strategy: type[Strategy]) -> list[str]:
    return [option.name for option in fields(strategy)]
