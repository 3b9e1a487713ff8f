"""Options, each declared once: the command, the Python function, its docstring and the reference read the declaration.

It stands in the annotation of a parameter, `workers: Annotated[int | None, option(...)] = None`: of a function of
`mnist_bench.api`, of a field of `SearchConfig`, or of a command. `mnist_bench.cli.command` makes the command's option
of it, `documented` the part `Args` of a function's docstring. `--help` imports all this: heavy types are quoted.
"""

import ctypes
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar, get_args, get_origin

from mnist_bench.numerics.kinds import PrecisionName, cores
from search.arguments import check_choice, check_count, check_seconds, check_several, check_text, check_utf8
from search.defaults import RESULTS as RESULTS, results_in_force, workers_in_force
from search.errors import UsageError
from search.messages import show
from search.trainer_api import MAX_PERIODS

if TYPE_CHECKING:
    from search.event_log.records import TrialRecord
    from search.study.studies import StoredStudy

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
Asked = TypeVar("Asked")
R = TypeVar("R")
Kind = Literal["nets", "own work"]  # what a search may train: networks, or your own function or program
OwnNetSource = Callable[..., Any] | str | None
"""Your own network: a function or class at the top of a file, or its name; None for the built-in ones."""

TOP = 8  # trials that `confirm` retrains, unless another number is asked for
SEEDS = 8  # fresh seeds of each of them

PANELS = (
    None,
    BUDGET := "Budget and stopping",
    REPRODUCIBILITY := "Reproducibility",
    STRATEGIES := "Sampler and pruner (override the space file)",
    RUNNING := "Where it runs",
    FILES := "Files and data",
    OWN_WORK := "Your own function or program (instead of networks)",
    OUTPUT := "Output",
)
"""Headings of options in a command's help, in their order; None for those without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """What is known of a parameter: its text, and how it is typed on the command line."""

    about: str
    python: str = ""  # what Python takes besides
    raises: str = ""  # what every function raises that has it
    metavar: str | None = None
    panel: str | None = None
    default: str | None = None  # in words, if it is not the value of the parameter
    least: float | None = None
    most: float | None = None
    names: tuple[str, ...] = ()  # in place of the parameter's own
    typed: Any = None  # its type on the command line, if that is another one
    read: Callable[[str, str], Any] | None = None  # makes the value of the option's name and the text that was typed
    settle: Callable[[Any], Any] | None = None  # makes the value in force of the one that was typed, or not
    of: Kind | None = None  # the only kind of search that has it
    place: Literal["option", "argument", "Python"] = "option"  # an argument has no name, one of Python no form at all
    common: bool = False  # whether the page of the whole program explains it, and no other

    def words(self, parameter: inspect.Parameter) -> tuple[str, ...]:
        """The names under which it is typed: the parameter's own, with `no` if it is true where nothing is typed."""
        own = f"{'no-' if parameter.default is True else ''}{parameter.name.replace('_', '-')}"
        return self.names or (f"--{own}",)


def option(about: str, metavar: str | None = None, **form: Any) -> Option:
    """Declare a parameter with an option of its name."""
    return Option(about=about, metavar=metavar, **form)


def argument(about: str, metavar: str, **form: Any) -> Option:
    """Declare a parameter that a command takes without a name."""
    return Option(about=about, metavar=metavar, place="argument", **form)


def in_python(about: str, **form: Any) -> Option:
    """Declare a parameter that only Python has."""
    return Option(about=about, place="Python", **form)


def declaration(parameter: inspect.Parameter) -> Option | None:
    """Return what is known of a parameter."""
    return next((each for each in getattr(parameter.annotation, "__metadata__", ()) if isinstance(each, Option)), None)


Declared = Mapping[str, tuple[inspect.Parameter, Option]]  # parameters with their declarations, by name


def declared(function: Callable[..., Any]) -> Declared:
    """Return the declared parameters of a function by their names."""
    signature: inspect.Signature = getattr(function, "declared", None) or inspect.signature(function)
    found = {name: (each, declaration(each)) for name, each in signature.parameters.items()}
    return {name: (each, known) for name, (each, known) in found.items() if known is not None}


def documented(function: F) -> F:
    """Let a function check its arguments by their declarations, and list these in its docstring, as `Args`."""
    signature, known = inspect.signature(function), declared(function)

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in known:
                _check_value(*known[name], value)
        return function(*args, **kwargs)

    _describe(checked, signature, known)
    return checked  # type: ignore[return-value]


def _describe(function: Any, signature: inspect.Signature, known: Declared) -> None:
    """Write the part `Args` of a function's docstring, above `Raises`, and its signature."""
    function.declared = signature
    plain = [each.replace(annotation=_type(each.annotation)) for each in signature.parameters.values()]
    function.__signature__ = signature.replace(parameters=plain)
    entries = [
        f"{name}: {_begun_small(option.about, each.default is True)} {option.python}".rstrip()
        for name, (each, option) in known.items()
    ]
    lines = [textwrap.fill(entry, 112, initial_indent=" " * 4, subsequent_indent=" " * 8) for entry in entries]
    faults = dict.fromkeys(f"    {option.raises}" for _, option in known.values() if option.raises)
    head, raises, rest = (inspect.getdoc(function) or "").partition("Raises:\n")
    own, examples, more = rest.partition("\nExamples:\n")
    parts = [f"{head.rstrip()}\n", "Args:", *lines, "", f"{raises}{own.rstrip()}", *faults, f"{examples}{more}"]
    function.__doc__ = "\n".join(parts)


def _type(annotation: Any) -> Any:
    base = getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
    return getattr(base, "__forward_arg__", base)


def _begun_small(text: str, is_true: bool) -> str:
    small = text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
    return f"False to {small}" if is_true else small


def made_of(options: Callable[P, Asked]) -> Callable[[Callable[[Asked], R]], Callable[P, R]]:
    """Make a function of a value one whose parameters are those of which the value is made; they document it."""

    def made(function: Callable[[Asked], R]) -> Callable[P, R]:
        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(options(*args, **kwargs))

        returned = inspect.signature(function).return_annotation
        _describe(called, inspect.signature(options).replace(return_annotation=returned), declared(options))
        return called

    return made


def base_of(parameter: inspect.Parameter) -> Any:
    """Return the type of a parameter, without None where that is another one's absence; a quoted one is unknown."""
    base = get_args(parameter.annotation)[0]
    if isinstance(base, UnionType):
        kinds = [kind for kind in get_args(base) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else None
    return base


def check(values: Any) -> None:
    """Check the fields of a value by their declarations."""
    for name, (parameter, known) in declared(type(values)).items():
        _check_value(parameter, known, getattr(values, name))


def _check_value(parameter: inspect.Parameter, known: Option, value: Any) -> None:
    """Check a value; one that is left out, and is then None, passes."""
    name, kind = parameter.name, base_of(parameter)
    check_utf8(name, *(value if isinstance(value, tuple) else [value]))
    if value is None and parameter.default is None:
        return
    if kind is int:
        check_count(name, value, None if known.most is None else int(known.most), least=int(known.least or 0))
    elif kind is str:
        check_text(name, value, "a text" if known.metavar is None else known.metavar)
    elif get_origin(kind) is Literal:
        check_choice(name, value, get_args(kind))
    elif known.read is seconds:
        check_seconds(name, value)
    elif parameter.kind is not parameter.VAR_POSITIONAL and is_several(known.typed or kind):
        check_several(name, value)


def is_several(kind: Any) -> bool:
    """Return whether a type is one of several values."""
    return get_origin(kind) is Sequence


def workers_for(device: str, given: int | None = None) -> int:
    """Return the number of processes that is given, or that the user has set once, or that suits a device by its name:
    one per core, or one on a GPU, which several may share; UsageError if it is no number of processes."""
    if given is not None:
        check_count("workers", given)
        return given
    return workers_in_force() or (1 if _is_gpu(device) else cores())


def _is_gpu(device: str) -> bool:
    """Return whether it is a GPU; PyTorch, which takes seconds to load, is asked only if NVIDIA's driver is there."""
    if device != "auto":
        return device.startswith("cuda")
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds(name: str, text: str) -> float:
    """Return the seconds of a duration: `90s`, `15m`, `1h`, or a number alone."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{name} {show(text)}: not a duration; write 90s, 15m or 1h.")
    return float(found[1]) * _SECONDS[found[2]]


def duration(about: str, **form: Any) -> Option:
    """Declare a parameter of seconds."""
    return option(about, "TIME", read=seconds, **form)


def names(name: str, text: str) -> tuple[str, ...]:
    """Return the names in a text with commas between them, each once."""
    return tuple(dict.fromkeys(each.strip() for each in text.split(",")))


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Return the numbers in a text with commas between them."""
    found = names(name, text)
    if not all(each.isdecimal() and int(each) for each in found):
        raise UsageError(f"{name} {show(text)}: write a number, or several with commas between: 10,25,50.")
    return tuple(map(int, found))


def strategies(name: str, text: str) -> tuple[str | dict[str, Any], ...]:
    """Return samplers or pruners: names with commas between, or mappings of a name and options, as in a space file."""
    if "{" not in text:
        return names(name, text)
    from search.errors import SpaceError
    from search.space import yaml_text

    try:
        named = yaml_text.parse(f"[{text}]", name).value
    except SpaceError:
        named = None
    if not isinstance(named, list) or not all(isinstance(one, str | dict) for one in named):
        raise UsageError(f"{name} {show(text)}: give a name, or {{name: NAME, option: 5}}.")
    return tuple(named)


def strategy(name: str, text: str) -> str | dict[str, Any]:
    """Return one sampler or pruner; all else as in `strategies`."""
    return text if "{" not in text else strategies(name, text)[0]


def share_or_number(name: str, text: str) -> float:
    """Return the number that a text names, or the share: 0.994 of `99.4%`."""
    try:
        number = Decimal(text.strip().removesuffix("%"))  # as a float, 99.4% would be above 0.994
        given = float(number / 100 if text.strip().endswith("%") else number)
    except (ArithmeticError, ValueError):
        given = math.nan
    if not math.isfinite(given):
        raise UsageError(f"{name} {show(text)}: not a number; write 99.4%, 0.994 or -12.5.")
    return given


def loaded_net(net: OwnNetSource) -> str | None:
    """Load your own network, which can be built from then on, and return its name."""
    if net is None:
        return None
    from mnist_bench.nets import own_net

    name = own_net.name_of_function(net)
    own_net.load_code(name)
    return name


Study = Annotated["StoredStudy", in_python("As `search` or `open_study` returned it.")]
Trial = Annotated["TrialRecord | int | None", in_python("The trial, or its number; None for the best one.")]
Workers = Annotated[
    int | None,
    option(
        "Number of processes. In deterministic order it does not change the result.",
        "N",
        panel=RUNNING,
        raises="WorkerError: training fails in a process, or processes die.",
        least=1,
        default="$MNIST_BENCH_WORKERS, else one per core, or one on a GPU",
    ),
]
RESULTS_OPTION = option(
    "Folder of the studies.",
    "DIR",
    panel=FILES,
    typed=Path,
    settle=results_in_force,
    default="results, or $MNIST_BENCH_RESULTS",
    common=True,
)
"""As the page of the program explains it, see `mnist_bench.cli.app`."""
Results = Annotated[str | Path | None, RESULTS_OPTION]
Folder = Annotated[Path, RESULTS_OPTION]  # the same of a command's body, which gets the folder in force
Device = Annotated[
    str,
    option(
        "Device to train on: auto, cpu, cuda or cuda:1.",
        "NAME",
        panel=RUNNING,
        of="nets",
        raises="DeviceError: there is no such device.",
    ),
]
Precision = Annotated[
    PrecisionName,
    option(
        "Precision of training. portable gives the same bits on every x86-64 processor; auto is the recipe's, else the "
        "fastest.",
        panel=RUNNING,
    ),
]
Data = Annotated[
    str | Path | None,
    option(
        "Your own data: an .npz file with the arrays x_train, y_train, x_test and y_test; a folder with "
        "train/CLASS/*.png and test/CLASS/*.png; or a folder with the four IDX files of MNIST's format.",
        "FILE.npz|DIR",
        panel=FILES,
        typed=Path,
        default="the bundled MNIST",
        raises="DataError: the data set cannot be loaded.",
        of="nets",
    ),
]
Net = Annotated[
    OwnNetSource,
    option("Your own network: file.py:build or package.module:build.", "NAME", typed=str, settle=loaded_net, of="nets"),
]
Overrides = Annotated[
    Sequence[str],
    option("Replace a field of the file, e.g. optim.lr=0.01. Repeatable.", "FIELD=VALUE", names=("--set",)),
]
ConcurrentTrials = Annotated[
    int,
    option(
        "Number of concurrent trials. It changes the result; --workers does not.",
        "N",
        panel=REPRODUCIBILITY,
        least=1,
        most=MAX_PERIODS,
    ),
]
Trainer = Annotated[
    str | None,
    option("Your own trainer, if it made the study: file.py:Trainer or package.module:Trainer.", "NAME", of="own work"),
]
Objective = Annotated[
    Callable[..., Any] | str | None,
    option(
        "Your own function, if it made the study: file.py:function or package.module:function.",
        "NAME",
        typed=str,
        of="own work",
    ),
]
Command = Annotated[
    str | None,
    option("Your own program, if it made the study: the same text as in the search.", "COMMAND", of="own work"),
]
INTERRUPTED = "Interrupted: Ctrl-C, or a notebook's stop button, ended the work; the same call continues it."
OBSERVER = in_python("Called as the work goes on; if its `stopping` returns True, the work stops.", raises=INTERRUPTED)
Progress = Annotated[
    bool | None,
    in_python("Whether to show the progress in the terminal or notebook; None to show it unless there is an observer."),
]
FORMS: Mapping[str, Any] = MappingProxyType(
    {
        "wide": Annotated[bool, option("Print every column, however narrow the terminal.", panel=OUTPUT)],
        "json": Annotated[bool, option("Print one JSON object.", panel=OUTPUT)],
        "csv": Annotated[bool, option("Print CSV.", panel=OUTPUT)],
        "markdown": Annotated[bool, option("Print a Markdown table.", panel=OUTPUT)],
    }
)
"""Forms of a result, besides a table, and their options."""
