"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.models import OptionInfo

from mnist_bench.config.settings import OfferedDataset
from mnist_bench.numerics.kinds import PrecisionName, cores as cores
from search.defaults import RESULTS as RESULTS, results_in_force, workers_in_force
from search.errors import UsageError
from search.messages import show
from search.strategies import pruners, samplers

T = TypeVar("T")
RUNNING = "Where it runs"
FILES = "Files and data"
OUTPUT = "Output"
STRATEGIES = "Sampler and pruner (override the space file)"
BUDGET = "Budget and stopping"
REPRODUCIBILITY = "Reproducibility"
OWN_WORK = "Your own function or program (instead of networks)"
"""Headings of options in a command's help."""


def _or_in_force(in_force: Callable[[], T]) -> Callable[[typer.Context, typer.CallbackParam, T], T]:
    """Return the callback of an option: without the option, the value is the one that the user has set once."""

    def chosen(context: typer.Context, param: typer.CallbackParam, value: T) -> T:
        source = context.get_parameter_source(str(param.name))
        if context.resilient_parsing or (source is not None and source.name == "COMMANDLINE"):
            return value
        return in_force()

    return chosen


Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        rich_help_panel=RUNNING,
        callback=_or_in_force(workers_in_force),
        show_default="one per core, or one on a GPU, unless you set another number",
        help="Number of processes. In deterministic order it does not change the result.",
    ),
]
Results = Annotated[
    Path,
    typer.Option(
        "--results",
        metavar="DIR",
        rich_help_panel=FILES,
        callback=_or_in_force(results_in_force),
        show_default="results, unless you set another folder",
        help="Folder of the studies.",
    ),
]
Json = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON object.")]
Csv = Annotated[bool, typer.Option("--csv", rich_help_panel=OUTPUT, help="Print CSV.")]
Markdown = Annotated[bool, typer.Option("--markdown", rich_help_panel=OUTPUT, help="Print a Markdown table.")]
Wide = Annotated[
    bool, typer.Option("--wide", rich_help_panel=OUTPUT, help="Print every column, however narrow the terminal.")
]
Device = Annotated[
    str,
    typer.Option(
        "--device", metavar="NAME", rich_help_panel=RUNNING, help="Device to train on: auto, cpu, cuda or cuda:1."
    ),
]
PrecisionOption = Annotated[
    PrecisionName,
    typer.Option(
        "--precision",
        rich_help_panel=RUNNING,
        help="Precision of training. portable has the same bits on every x86-64 processor; auto is the space's or the "
        "recipe's, else the fastest.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        "--data-dir",
        metavar="FILE.npz|DIR",
        rich_help_panel=FILES,
        show_default="the bundled MNIST",
        help="Your own data: an .npz file with the arrays x_train, y_train, x_test and y_test; a folder with "
        "train/CLASS/*.png and test/CLASS/*.png; or a folder with the four IDX files of MNIST's format.",
    ),
]


def _load_net(name: str | None) -> str | None:
    """Load the code that a command names, before the command does anything."""
    from mnist_bench.nets import own_net

    own_net.load_code(name)
    return name


Net = Annotated[
    str | None,
    typer.Option(
        "--net",
        metavar="NAME",
        callback=_load_net,
        help="Your own network: file.py:build or package.module:build.",
    ),
]
Trainer = Annotated[
    str | None,
    typer.Option(
        "--trainer",
        metavar="NAME",
        help="Your own trainer, if it made the study: file.py:Trainer or package.module:Trainer.",
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="NAME",
        help="Your own function, if it made the study: file.py:function or package.module:function.",
    ),
]
Command = Annotated[
    str | None,
    typer.Option("--command", metavar="COMMAND", help="Your own program, if it made the study, as it was searched."),
]
Dataset = Annotated[
    OfferedDataset | None,
    typer.Option(
        "--dataset",
        rich_help_panel=FILES,
        show_default="the space file's, else mnist",
        help="Data set. fashion-mnist, kmnist and qmnist are downloaded on first use (mnist-bench[datasets]).",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Replace a field of the file, e.g. optim.lr=0.01. Repeatable."),
]
SamplerName = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        rich_help_panel=STRATEGIES,
        show_default="the space file's, else curves",
        help=f"Sampler, which proposes trials: {', '.join(samplers.SAMPLERS)}, optuna:GPSampler and any other of "
        "Optuna's, or your own (package.module:Name or file.py:Name).",
    ),
]
SamplerOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--sampler-option",
        metavar="K=V",
        rich_help_panel=STRATEGIES,
        help="Option of the sampler, e.g. n_startup_trials=20. Repeatable.",
    ),
]
PrunerName = Annotated[
    str | None,
    typer.Option(
        "--pruner",
        metavar="NAME",
        rich_help_panel=STRATEGIES,
        show_default="the space file's, else asha",
        help=f"Pruner, which stops trials early: {', '.join(pruners.PRUNERS)}, optuna:HyperbandPruner and any other of "
        "Optuna's, or your own, as with --sampler.",
    ),
]
PrunerOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--pruner-option",
        metavar="K=V",
        rich_help_panel=STRATEGIES,
        help="Option of the pruner, e.g. reduction_factor=4. Repeatable.",
    ),
]

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def time(
    name: str, help: str, default: str | None = None, *, least: float = 0.0, panel: str | None = None
) -> OptionInfo:
    """Return an option whose value is a time in seconds: `90s`, `15m`, `1h`, or a number alone.

    A time below `least` seconds is refused. `default` is the default as the help prints it.
    """

    def seconds(text: object) -> float:
        found = _DURATION.fullmatch(str(text).strip())
        given = float(found[1]) * _SECONDS[found[2]] if found else None
        if given is None or given < least:
            raise UsageError(
                f"{name} {show(text)}: not a {'positive ' if least else ''}duration; write 90s, 15m or 1h."
            )
        return given

    option: OptionInfo = typer.Option(
        name, parser=seconds, metavar="TIME", help=help, show_default=default or False, rich_help_panel=panel
    )
    return option


def fraction(text: str) -> float | None:
    """Return the share, above 0 and up to 1, that `5%` or `0.05` names; None if the text is not a share."""
    try:
        number = Decimal(text.strip().removesuffix("%"))  # as a float, 99.4% would be above 0.994
        share = float(number / 100 if text.strip().endswith("%") else number)
    except (ArithmeticError, ValueError):
        return None
    return share if 0 < share <= 1 else None


def accuracy(option: str, text: str) -> float:
    """Return the validation accuracy, above 0 and up to 1, that `99.4%` or `0.994` names.

    Raises:
        UsageError: the text is not one.
    """
    given = fraction(text)
    if given is None:
        raise UsageError(f"{option} {show(text)}: not an accuracy; write 99.4% or 0.994.")
    return given


def number(option: str, text: str) -> float:
    """Return the number that a text names.

    Raises:
        UsageError: the text is not a finite number.
    """
    try:
        given = float(text)
    except ValueError:
        given = math.nan
    if not math.isfinite(given):
        raise UsageError(f"{option} {show(text)}: not a number; write 0.994 or -12.5, in the unit of your objective.")
    return given


def budget(help: str) -> OptionInfo:
    """Return the option of the time that an experiment may take."""
    return time("--budget", help, least=0.001)


def assigned(option: str, assignments: Sequence[str]) -> dict[str, Any]:
    """Return the values that a repeatable option `NAME=VALUE` gives by name, read as in a space file.

    Raises:
        UsageError: one is not an assignment of a plain value, or a name is given twice.
    """
    from search.space import yaml_text

    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.isidentifier() or name in values:
            raise UsageError(f"{option} {show(assignment)}: give each name once, as NAME=VALUE.")
        value = yaml_text.parse(text, f"{option} {name}").value
        if isinstance(value, dict | list):
            raise UsageError(f"{option} {show(assignment)}: a number, a text, true, false or null is needed.")
        values[name] = value
    return values


def suitable_workers(device: str) -> int:
    """Return how many processes suit a device by its name: one per core, or one on a GPU, which several may share."""
    return 1 if _is_gpu(device) else cores()


def _is_gpu(device: str) -> bool:
    """Return whether training on this device is training on a GPU.

    PyTorch takes seconds to load, so it is asked only if NVIDIA's driver is installed.
    """
    if device != "auto":
        return device.startswith("cuda")
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


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
