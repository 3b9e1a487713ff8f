"""The Python API does what the command line does: an option has a parameter, or a reason why Python needs none.

An option that is added to a command alone, or a parameter to a function alone, fails here until the other side has it,
or the table says why not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from support.commands import COMMANDS

PRINTED = {"json", "csv", "markdown", "wide"}
"""A function returns typed values, and prints nothing."""
PATHS = {*PRINTED, "results"}
"""The function takes the study itself, as `open_study(results=...)` returns it."""
SHOWN = {"observer", "progress"}
"""Functions in place of lines on a terminal."""
FOLLOWS = {"results", "workers"}
"""Their defaults: the folder in force; a script asks for processes by itself."""


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The functions that do what a command does, and where the two differ."""

    functions: tuple[Callable[..., Any], ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that have another name than their option, or that several options make up."""
    no_parameter: set[str] = field(default_factory=set)
    no_option: set[str] = field(default_factory=set)
    """Among them `study` and `trial`, which STUDY/17 names, and what a caller may listen with."""
    other_default: set[str] = field(default_factory=set)
    """Options whose parameter, left out, is something else."""


MIRRORS: Mapping[str, Mirror] = {
    "search": Mirror(
        functions=(mnist_bench.search,),
        renamed={"no_start": "warm_start"},
        # The last five are for search.run.
        no_parameter={*PRINTED, "dry_run", "objective", "command", "periods", "unchecked", "stall"},
        no_option={*SHOWN, "callbacks"},
        other_default=FOLLOWS,
    ),
    "leaderboard": Mirror(
        functions=(mnist_bench.leaderboard, mnist_bench.to_dataframe),
        renamed={"studies": "study", "every": "infeasible", "curves": "learning_curves", "output_file": "to"},
        no_parameter=PATHS,
        no_option={"others"},  # the second and further STUDY
    ),
    "compare": Mirror(functions=(mnist_bench.compare,), no_parameter=PRINTED, other_default={"results"}),
    "show": Mirror(
        functions=(mnist_bench.show,),
        renamed={"target": "trial"},
        no_parameter={*PATHS, "why", "space", "recipe", "code", "every"},  # fields of the study and of the trial
        no_option={"study"},
    ),
    "studies": Mirror(functions=(mnist_bench.studies,), no_parameter={*PRINTED, "long"}, other_default={"results"}),
    "doctor": Mirror(
        functions=(mnist_bench.doctor,),
        no_parameter={*PRINTED, "cut", "speed"},  # a damaged study cannot be opened; measure_speed
        other_default={"results"},
    ),
    "reproduce": Mirror(
        functions=(mnist_bench.reproduce, mnist_bench.reproduce_record),
        renamed={"target": "trial"},
        no_parameter=PATHS,
        no_option={"study", "record", "on_period"},
    ),
    "confirm": Mirror(
        functions=(mnist_bench.confirm, mnist_bench.confirm_front),
        renamed={"no_test": "test"},
        no_parameter={*PATHS, "front"},
        no_option=SHOWN,
        other_default={"workers", "no_test"},
    ),
    "train": Mirror(
        functions=(mnist_bench.train, mnist_bench.train_seeds, mnist_bench.train_trial),
        renamed={"output_file": "to"},
        no_parameter=PATHS,
        no_option={"study", "trial", "on_period"},
        other_default={"seeds", "workers"},  # train takes one seed, train_seeds several
    ),
    "plot": Mirror(
        functions=(mnist_bench.plot, mnist_bench.plot_data),
        renamed={"words": "kinds", "file_format": "formats", "folder": "to"},
        no_parameter=PRINTED,
        no_option={"study"},
        other_default={"results", "file_format"},
    ),
    "report": Mirror(
        functions=(mnist_bench.report,),
        renamed={"study_name": "study", "output_file": "to"},
        no_parameter={"results"},
    ),
    "export": Mirror(
        functions=(mnist_bench.export,),
        renamed={"target": "trial"},
        no_parameter=PATHS,
        no_option={"study", "on_news"},
    ),
    "predict": Mirror(
        functions=(mnist_bench.predict,),
        renamed={"pictures": "images"},
        no_parameter=PATHS,
        no_option={"trial"},
    ),
    "ablate": Mirror(functions=(mnist_bench.ablate,), no_parameter=PATHS, no_option=SHOWN, other_default={"workers"}),
    "bench notebook": Mirror(
        functions=(mnist_bench.train_notebook,), no_parameter=PRINTED, no_option=SHOWN, other_default=FOLLOWS
    ),
    "bench ladder": Mirror(
        functions=(mnist_bench.train_ladder,), no_parameter=PRINTED, no_option=SHOWN, other_default=FOLLOWS
    ),
    "bench search": Mirror(
        functions=(mnist_bench.compare_methods,),
        renamed={
            "table": "tables",
            "sampler_option": "sampler_options",
            "pruner_option": "pruner_options",
        },
        no_parameter=PRINTED,
        no_option={*SHOWN, "processes"},
        other_default={"table", "samplers", "pruners", "trials"},  # the same, as a tuple
    ),
}
NOT_MIRRORED = {"studies remove", "space show", "space list"}
"""Commands that ask a person or describe something to one."""


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
    assert differ == mirror.other_default


def same(option: str, default: Any, parameter: Any) -> bool:
    if isinstance(default, Path):
        return parameter is not None and default == Path(parameter)
    if option in ("no_start", "only"):
        return default is not parameter
    return bool(default == parameter) or (default is None and parameter in ({}, ()))


def test_every_command_has_its_function_or_a_reason() -> None:
    assert {*COMMANDS} == {*MIRRORS, *NOT_MIRRORED}


def test_every_function_mirrors_a_command_or_is_part_of_one() -> None:
    mirrors = {inspect.unwrap(function) for mirror in MIRRORS.values() for function in mirror.functions}
    alone = {name for name in public() if inspect.unwrap(getattr(mnist_bench, name)) not in mirrors}
    assert alone == {"open_study", "load_model", "measure_speed", "tables"}
