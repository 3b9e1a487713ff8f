"""A command made of declarations: its options are those of functions of the Python API, and a few of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from mnist_bench.options import PANELS, Option, base_of, declaration, declared, is_several
from search.errors import UsageError
from search.messages import show

Body = Callable[..., None]


def takes(*functions: Callable[..., Any], without: Sequence[str] = ()) -> Callable[[Body], Body]:
    """Make a body a command.

    The body has its own options, as declared parameters, and gets the value of each option of the functions: those that
    it names, without a declaration, and the others as `**given`, to be handed on.

    Args:
        functions: those whose declared parameters are options; the first that has one decides.
        without: parameters of theirs that are no options.
    """

    def made(body: Body) -> Body:
        parameters = inspect.signature(body, eval_str=True).parameters.values()
        own = {each.name: (each, known) for each in parameters if (known := declaration(each)) is not None}
        theirs = {name: each for function in reversed(functions) for name, each in declared(function).items()}
        theirs = {name: each for name, each in theirs.items() if each[1].place != "Python" and name not in without}
        every = {**{name: each for name, each in own.items() if each[1].place == "argument"}, **theirs, **own}
        listed = sorted(every.values(), key=lambda each: PANELS.index(each[1].panel))
        typed = [_parameter(each, known) for each, known in listed]
        if "context" in inspect.signature(body).parameters:
            typed.insert(0, inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))

        def command(**values: Any) -> None:
            read = {name: _value(each, known, values[name]) for name, (each, known) in every.items()}
            body(**{**values, **read})

        made_of_it: Any = wraps(body)(command)
        made_of_it.__signature__ = inspect.Signature(typed)
        made_of_it.__annotations__ = {each.name: each.annotation for each in typed}
        return made_of_it  # type: ignore[no-any-return]

    return made


def _parameter(parameter: inspect.Parameter, known: Option) -> inspect.Parameter:
    """Return the parameter of which typer makes an option or argument."""
    form: dict[str, Any] = {"help": known.about, "metavar": known.metavar, "rich_help_panel": known.panel}
    kind = known.typed or base_of(parameter)
    default = parameter.default
    if isinstance(default, tuple) and known.read is not None:
        form["show_default"] = ",".join(map(str, default))
        kind, default = str, None
    elif is_several(kind):
        kind, default = list[str], default if default is inspect.Parameter.empty else None
    elif default is True:
        default = False
    elif known.read is not None:
        kind = str
    if known.settle is not None:
        default = None
    if kind in (int, float):
        form |= {"min": known.least, "max": known.most}
    if known.default is not None:
        form["show_default"] = known.default
    if known.place == "argument":
        info = typer.Argument(**form)
    else:
        info = typer.Option(*known.words(parameter), hidden=known.common, **form)
    annotation: Any = Annotated[kind if default is not None else kind | None, info]
    return inspect.Parameter(parameter.name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _value(parameter: inspect.Parameter, known: Option, typed: Any) -> Any:
    """Return the value of a parameter for what was typed.

    Raises:
        UsageError: the text cannot be read, or names less than the least.
    """
    name = known.words(parameter)[0]
    if parameter.default is True:
        return not typed
    if typed is None and isinstance(parameter.default, tuple):
        return parameter.default
    if isinstance(typed, list):
        return tuple(typed)
    value = known.read(name, typed) if known.read is not None and typed is not None else typed
    if known.read is not None and known.least is not None and value is not None and value < known.least:
        raise UsageError(f"{name} {show(typed)}: give at least {known.least:g}.")
    return value if known.settle is None else known.settle(value)


def in_words(error: typer.BadParameter) -> str:
    """Return the fault of an option's value; if a number is wanted, with the allowed range and an example."""
    from pydantic import ValidationError

    if not isinstance(error.__cause__, ValidationError):
        return error.message
    fault = error.__cause__.errors(include_url=False)[0]
    if not fault["type"].startswith(("int", "float", "greater", "less")):
        return error.message.removeprefix("Value error, ")
    low, high, default = (getattr(error.param, name, None) for name in ("min", "max", "default"))
    kind = "number" if isinstance(default, float) else "whole number"
    bounds = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"
    return f"{show(fault['input'])} is not a {kind}{bounds}; for example {low or 1 if default is None else default}."
