"""The Python API does what the command line does: an option has a parameter, or a reason why Python needs none.

An option that is added to a command alone, or a parameter to a function alone, fails here until the other side has it,
or the table says why not.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from support.commands import COMMANDS

PRINTED = dict.fromkeys(("json", "csv", "markdown", "wide"), "a function returns typed values, and prints nothing")
OPENED = {"storage": "the function takes the study itself: open_study(storage=...)"}
PATHS = {**OPENED, "results": "the function takes the study itself, and looks for nothing beside it"}
FOLLOWS = {"results": "None is the default in force, as the option without a value is"}
ITS_OWN_PLACE = {"results": "the folder from which the study was read"}
HEARD = "a function of yours in place of lines on a terminal"
SHOWN = {"observer": HEARD, "progress": "a command always shows it, if there is a terminal"}
ONE_A_CORE = "a script asks for processes by itself; a command takes all cores"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The functions that do what a command does, and where the two differ."""

    functions: tuple[Callable[..., Any], ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that have another name than their option, or that several options make up."""
    no_parameter: Mapping[str, str] = field(default_factory=dict)
    """Reasons why an option has none."""
    no_option: Mapping[str, str] = field(default_factory=dict)
    """Reasons why a parameter has none."""
    other_default: Mapping[str, str] = field(default_factory=dict)
    """Reasons why a parameter, left out, is something else than the option."""


MIRRORS: Mapping[str, Mirror] = {
    "search": Mirror(
        functions=(mnist_bench.search,),
        renamed={"no_start": "warm_start"},
        no_parameter={
            **PRINTED,
            "dry_run": "it says to a person what would run; a call runs",
            **dict.fromkeys(("objective", "command", "periods", "unchecked", "stall"), "search.run does it"),
        },
        no_option={**SHOWN, "callbacks": HEARD},
        other_default={**FOLLOWS, "workers": ONE_A_CORE},
    ),
    "leaderboard": Mirror(
        functions=(mnist_bench.leaderboard, mnist_bench.to_dataframe),
        renamed={
            "studies": "study", "every": "infeasible", "curves": "learning_curves", "output_file": "to",
        },
        no_parameter={**PRINTED, **PATHS},
        no_option={"others": "the second and further STUDY"},
    ),
    "compare": Mirror(functions=(mnist_bench.compare,), no_parameter=PRINTED, other_default=FOLLOWS),
    "show": Mirror(
        functions=(mnist_bench.show,),
        renamed={"target": "trial"},
        no_parameter={
            **PRINTED, **PATHS, "why": "search.explanations", "space": "study.space", "recipe": "trial.config",
            "code": "study.spec", "every": "study.spec",
        },
        no_option={"study": "STUDY of STUDY/17"},
    ),
    "studies": Mirror(
        functions=(mnist_bench.studies,),
        no_parameter={**PRINTED, "long": "it prints more"},
        other_default=FOLLOWS,
    ),
    "doctor": Mirror(
        functions=(mnist_bench.doctor,),
        no_parameter={**PRINTED, **OPENED, "cut": "a study that is damaged cannot be opened", "speed": "measure_speed"},
        other_default=ITS_OWN_PLACE,
    ),
    "reproduce": Mirror(
        functions=(mnist_bench.reproduce, mnist_bench.reproduce_record),
        renamed={"target": "trial"},
        no_parameter={**PRINTED, **PATHS},
        no_option={"study": "STUDY of STUDY/17", "record": "RECORD.json in the target's place", "on_period": HEARD},
    ),
    "confirm": Mirror(
        functions=(mnist_bench.confirm, mnist_bench.confirm_front, mnist_bench.confirm_values),
        renamed={"no_test": "test_set", "open_test": "test_set"},
        no_parameter={**PRINTED, **OPENED, "front": "confirm_front does it"},
        no_option=SHOWN,
        other_default={
            **ITS_OWN_PLACE, "workers": ONE_A_CORE, "no_test": "one word for two options", "open_test": "the same"
        },
    ),
    "train": Mirror(
        functions=(mnist_bench.train, mnist_bench.train_seeds, mnist_bench.train_trial),
        renamed={"output_file": "to"},
        no_parameter={**PRINTED, **PATHS},
        no_option={
            "study": "STUDY of STUDY/17, in the recipe's place", "trial": "17 of the same", "on_period": HEARD
        },
        other_default={"seeds": "fit takes one, fit_seeds several", "workers": ONE_A_CORE},
    ),
    "plot": Mirror(
        functions=(mnist_bench.plot, mnist_bench.plot_data),
        renamed={"words": "kinds", "file_format": "formats", "folder": "to"},
        no_parameter={**PRINTED, **OPENED},
        no_option={"study": "the first of the words"},
        other_default={**ITS_OWN_PLACE, "file_format": "both, as a tuple of two"},
    ),
    "report": Mirror(
        functions=(mnist_bench.report,),
        renamed={"study_name": "study", "output_file": "to"},
        no_parameter=OPENED,
        other_default=ITS_OWN_PLACE,
    ),
    "export": Mirror(
        functions=(mnist_bench.export,),
        renamed={"target": "trial"},
        no_parameter={**PRINTED, **OPENED},
        no_option={"study": "STUDY of STUDY/17", "on_news": HEARD},
        other_default=ITS_OWN_PLACE,
    ),
    "predict": Mirror(
        functions=(mnist_bench.predict,),
        renamed={"pictures": "images"},
        no_parameter={**PRINTED, **OPENED},
        no_option={"trial": "17 of STUDY/17, in the model's place"},
        other_default=ITS_OWN_PLACE,
    ),
    "ablate": Mirror(
        functions=(mnist_bench.ablate,),
        no_parameter={**PRINTED, **OPENED},
        no_option=SHOWN,
        other_default={**ITS_OWN_PLACE, "workers": ONE_A_CORE},
    ),
    "bench notebook": Mirror(
        functions=(mnist_bench.train_notebook,),
        no_parameter=PRINTED,
        no_option=SHOWN,
        other_default={**FOLLOWS, "workers": ONE_A_CORE},
    ),
    "bench ladder": Mirror(
        functions=(mnist_bench.train_ladder,),
        no_parameter=PRINTED,
        no_option=SHOWN,
        other_default={**FOLLOWS, "workers": ONE_A_CORE},
    ),
    "bench search": Mirror(
        functions=(mnist_bench.compare_methods,),
        renamed={
            "table": "tables", "sampler_option": "sampler_options", "pruner_option": "pruner_options",
            "only": "baselines",
        },
        no_parameter=PRINTED,
        no_option={**SHOWN, "processes": ONE_A_CORE},
        other_default=dict.fromkeys(("table", "samplers", "pruners"), "the same, as a tuple"),
    ),
}  # fmt: skip

NOT_MIRRORED: Mapping[str, str] = {
    "studies remove": "it asks a person first; search.study.studies.remove_study does not",
    "space show": "it describes a space to a person; a search, too, refuses a faulty one",
    "space list": "it lists what is shipped to a person",
}
"""Commands without a function, and what there is in its place."""


def public() -> set[str]:
    names: list[str] = vars(mnist_bench)["__all__"]
    return {*names}


def options_of(command: str) -> dict[str, Any]:
    return {str(option.name): option for option in COMMANDS[command].params if option.name != "help"}


def parameters_of(mirror: Mirror) -> dict[str, list[inspect.Parameter]]:
    found: dict[str, list[inspect.Parameter]] = {}
    for function in mirror.functions:
        for name, parameter in inspect.signature(function).parameters.items():
            found.setdefault(name, []).append(parameter)
    return found


def gaps(options: set[str], parameters: set[str], mirror: Mirror) -> list[str]:
    """Return what one side has and the other lacks without a reason, and reasons for what is not so."""
    met = {option: mirror.renamed.get(option, option) for option in options if option not in mirror.no_parameter}
    return [
        *(f"--{option}: no parameter {name}" for option, name in met.items() if name not in parameters),
        *(f"{name}=: no option" for name in parameters - {*met.values()} if name not in mirror.no_option),
        *(f"no option {name}, which the table excuses" for name in ({*mirror.renamed}) - options),
        *(f"{name}: excused, and there" for name in mirror.no_option if name in met.values() or name not in parameters),
    ]


@pytest.mark.parametrize("command", MIRRORS)
def test_an_option_has_its_parameter_or_a_reason(command: str) -> None:
    mirror = MIRRORS[command]
    assert gaps({*options_of(command)}, {*parameters_of(mirror)}, mirror) == []


@pytest.mark.parametrize("command", MIRRORS)
def test_left_out_an_option_and_its_parameter_are_the_same(command: str) -> None:
    mirror, differ = MIRRORS[command], set()
    for name, option in options_of(command).items():
        for parameter in parameters_of(mirror).get(mirror.renamed.get(name, name), []):
            needed = option.required or parameter.default is inspect.Parameter.empty
            if not needed and not same(name, option.default, parameter.default):
                differ.add(name)
    assert differ == {*mirror.other_default}


def same(option: str, default: Any, parameter: Any) -> bool:
    if isinstance(default, Path):
        return parameter is not None and default == Path(parameter)
    if option in ("no_start", "only"):
        return default is not parameter
    return bool(default == parameter) or (default is None and parameter in ({}, ()))


@pytest.mark.parametrize("command", MIRRORS)
def test_a_closed_set_of_values_is_the_same_on_both_sides(command: str) -> None:
    mirror = MIRRORS[command]
    for name, annotation in typing.get_type_hints(inspect.unwrap(COMMANDS[command].callback)).items():
        wanted = mirror.renamed.get(name, name)
        for function in mirror.functions:
            if (values := {*words_in(annotation)} - {"both"}) and wanted in inspect.signature(function).parameters:
                assert {*words_in(typing.get_type_hints(inspect.unwrap(function))[wanted])} == values, (function, name)


def words_in(annotation: Any) -> Iterator[str]:
    """Yield the texts that a Literal anywhere in an annotation allows."""
    for inner in typing.get_args(annotation):
        if isinstance(inner, str):
            yield inner
        yield from words_in(inner)


def test_every_command_has_its_function_or_a_reason() -> None:
    assert {*COMMANDS} == {*MIRRORS} | {*NOT_MIRRORED}
    assert not {*MIRRORS} & {*NOT_MIRRORED}


def test_every_function_mirrors_a_command_or_is_told_why_not() -> None:
    alone = {
        "open_study": "the first word of every command that takes a study",
        "load_model": "the MODEL of predict",
        "measure_speed": "doctor --speed",
        "tables": "a package",
    }
    mirrors = {inspect.unwrap(function) for mirror in MIRRORS.values() for function in mirror.functions}
    assert {name for name in public() if inspect.unwrap(getattr(mnist_bench, name)) not in mirrors} == {*alone}
