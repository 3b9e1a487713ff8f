"""A command: its options, made of declarations, and its target, a study or a trial of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import output
from mnist_bench.options import FORMS, PANELS, Option, argument, base_of, declaration, declared, is_several
from mnist_bench.result_table import Result
from search.errors import UsageError
from search.messages import show

if TYPE_CHECKING:
    from search.event_log.records import StudyRecord, TrialRecord
    from search.study.studies import StoredStudy

Body = Callable[..., Result | None]
KEYWORD = inspect.Parameter.KEYWORD_ONLY
StudyName = Annotated[str | None, argument("A study.", "STUDY", default="the latest study")]
Target = Annotated[
    str | None,
    argument("A trial, or a study for its best trial.", "STUDY|STUDY/17", default="the latest study"),
]


def takes(
    *functions: Callable[..., Any], without: Sequence[str] = (), prints: Sequence[output.Form] = ()
) -> Callable[[Body], Callable[..., None]]:
    """Make a body a command, whose result is printed: as a table, or in one of the forms that it `prints`.

    The body has its own options, as declared parameters, and gets the value of each option of the functions, but for
    those that it is `without`: of those that it names, without a declaration, and of the others as `**given`, to be
    handed on. The first function that has an option decides. A body that names `form` or `context` gets it, too.
    """

    def made(body: Body) -> Callable[..., None]:
        parameters = inspect.signature(body, eval_str=True).parameters
        forms = [inspect.Parameter(form, KEYWORD, default=False, annotation=FORMS[form]) for form in prints]
        own = {
            each.name: (each, known)
            for each in (*parameters.values(), *forms)
            if (known := declaration(each)) is not None
        }
        theirs = {name: each for function in reversed(functions) for name, each in declared(function).items()}
        theirs = {name: each for name, each in theirs.items() if each[1].place != "Python" and name not in without}
        every = {**{name: each for name, each in own.items() if each[1].place == "argument"}, **theirs, **own}
        listed = sorted(every.values(), key=lambda each: PANELS.index(each[1].panel))
        context_first = inspect.Parameter("context", KEYWORD, annotation=typer.Context)
        typed = [context_first, *(_parameter(each, known) for each, known in listed)]

        def command(context: typer.Context, **values: Any) -> None:
            before = context.find_root().params  # what stands before the command
            given = {name: before.get(name) if value is None else value for name, value in values.items()}
            read = {name: _value(each, known, given[name]) for name, (each, known) in every.items()}
            form = output.form([form for form in prints if read.pop(form)])
            more = {name: value for name, value in (("context", context), ("form", form)) if name in parameters}
            result = body(**read, **more)
            if result is not None:
                output.print_result(form, result)
                if result.exit_code:
                    raise typer.Exit(result.exit_code)

        made_of_it: Any = wraps(body)(command)
        made_of_it.__signature__ = inspect.Signature(typed)
        made_of_it.__annotations__ = {each.name: each.annotation for each in typed}
        return made_of_it  # type: ignore[no-any-return]

    return made


def _parameter(parameter: inspect.Parameter, known: Option) -> inspect.Parameter:
    form: dict[str, Any] = {"help": known.about, "metavar": known.metavar, "rich_help_panel": known.panel}
    kind = known.typed or base_of(parameter)
    default = parameter.default
    if isinstance(default, tuple) and known.read is not None:
        form["show_default"] = ",".join(map(str, default))
        kind, default = str, None
    elif known.read is not None:
        kind = str
    elif is_several(kind):
        kind, default = list[str], default if default is inspect.Parameter.empty else None
    elif default is True:
        default = False
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
    return inspect.Parameter(parameter.name, KEYWORD, annotation=annotation, default=default)


def _value(parameter: inspect.Parameter, known: Option, typed: Any) -> Any:
    name = known.words(parameter)[0]
    if parameter.default is True:
        return not typed
    if typed is None and isinstance(parameter.default, tuple):
        return parameter.default
    if isinstance(typed, list):
        return tuple(typed)
    value = typed
    if known.read is not None and typed is not None:
        value = known.read(name, typed)
        if known.least is not None and value < known.least:
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
    kind = "a number" if isinstance(default, float) else "an integer"
    bounds = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"
    return f"{show(fault['input'])} is not {kind}{bounds}; for example {low or 1 if default is None else default}."


def numbered(target: str) -> tuple[str, int] | None:
    """Return the name and the number of a target `NAME/17`; None if it has no number."""
    found = re.fullmatch(r"(.+)/([0-9]{1,9})", target, re.DOTALL)  # no study has more trials
    return (found[1], int(found[2])) if found else None


def study_name(text: str, results: Path) -> str:
    """Return the name of a study, also if its folder in `results` is given, as a shell completes it."""
    folder = Path(text)
    is_there = "/" in text and folder.is_dir() and folder.resolve().parent == results.resolve()
    return folder.name if is_there else text


def parse(target: str | None) -> tuple[str | None, int | None]:
    """Return (study, trial) of `STUDY`, `STUDY/17` or nothing; None stands for the latest study and for no trial."""
    from search.study.folder import checked_name

    if target is None:
        return None, None
    if "/" not in target:
        return target, None
    if (folder := Path(target)).is_dir():
        record = folder / "RECORD.json"
        raise UsageError(
            f"{folder}: is a folder. Name a study alone, conv-0, or a trial, conv-0/17; --results names the folder of "
            f"studies.{f' The record in it is {record}.' if record.is_file() else ''}"
        )
    checked_name(target.rpartition("/")[0])
    found = numbered(target)
    if found is None:
        raise UsageError(f"{target!r} is not a trial; write STUDY/17.")
    return found


def open_target(
    target: str | None, results: Path, *, of_any_trainer: bool = False
) -> tuple[StoredStudy, TrialRecord | None]:
    """Return the study that `target` names, and the trial if it names one; one of another trainer only if it may be
    `of_any_trainer`."""
    from mnist_bench.studies.checked import find_trial, open_any, open_study

    name, number = parse(target)
    study = (open_any if of_any_trainer else open_study)(results, name)
    return study, None if number is None else find_trial(study, number)


def check_options(study: StudyRecord, function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse an option of a function that is for the other kind of study."""
    from mnist_bench.value_kind import check_nets, kind_of

    of_nets = kind_of(study.spec).of_nets
    for name, (parameter, known) in declared(function).items():
        if known.of is None or given.get(name, parameter.default) == parameter.default:
            continue
        word = known.words(parameter)[0]
        if of_nets and known.of == "own work":
            raise UsageError(f"Study {study.name} is one of networks; leave out {word}.")
        if known.of == "nets":
            check_nets(study, word)
