"""The kinds of pictures by name: the module that draws each, and its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, cast

from search.errors import UsageError
from search.messages import did_you_mean, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_bench.plots.subject import DataSubject, Subject
    from search.event_log.records import StudyRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture."""

    package: str  # the package in `mnist_bench.plots` with the kind's module, which has the kind's name
    shows: str
    of_data: bool = False  # whether it shows a data set, without a study: its module's functions take a `DataSubject`
    of_nets: bool = False  # whether it needs networks, which studies of other trainers do not have
    half: bool = False
    """Whether its `picture` takes a `width`, in inches, down to `style.NARROW`: half the width of a page."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "history": Kind("study", "the result of each trial in turn, and the best so far", half=True),
        "curves": Kind("study", "learning curves, the pruned ones pale, with the rungs", half=True),
        "importances": Kind("study", "how much each hyperparameter matters, compared with chance", half=True),
        "parallel": Kind("study", "all parameters of all trials side by side"),
        "pareto": Kind(
            "study", "accuracy against parameters and against multiply-accumulates", of_nets=True, half=True
        ),
        "timeline": Kind("study", "what ran where and when; what pruning saved and the order cost"),
        "confusion": Kind("net", "the classes that the best network confuses", of_nets=True, half=True),
        "mistakes": Kind("net", "the images that it misclassifies, with its confidence", of_nets=True, half=True),
        "digits": Kind("data", "the first ten digits, their labels one-hot, mean and standard deviation", of_data=True),
        "augmented": Kind("data", "the same under augmentation: the notebook's, or as set by --set", of_data=True),
    }
)
STUDY_KINDS = tuple(name for name, kind in KINDS.items() if not kind.of_data)
ANY_STUDY_KINDS = tuple(name for name in STUDY_KINDS if not KINDS[name].of_nets)
"""Those that studies of other trainers have, too."""
DATA_KINDS = tuple(name for name, kind in KINDS.items() if kind.of_data)


def kinds_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the kinds of plots of a study: all, or without those that need networks if another trainer made it."""
    from mnist_bench.value_kind import kind_of

    return STUDY_KINDS if kind_of(study.spec).of_nets else ANY_STUDY_KINDS


def check_kind(kind: str) -> None:
    """Check that there is a kind of plot, of a study or of the data.

    Raises:
        UsageError: there is none; names the nearest, and all that there are.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or "."
        raise UsageError(f"{show(kind)}: no such kind of plot{hint} Kinds: {', '.join(KINDS)}.")


def picture(kind: str, subject: Subject | DataSubject, *, narrow: bool = False) -> Figure:
    """Draw a picture of this kind, `narrow` for half the width of a page if the kind allows that.

    Raises:
        StudyNotFoundError: the study lacks the picture's data; the message names them.
        ForeignStudyError: the kind needs networks, and another trainer made the study.
        KeyError: there is no such kind.
    """
    if KINDS[kind].of_nets:
        _check_nets(kind, subject)
    make = cast("Callable[..., Figure]", module_of(kind).picture)
    if not narrow or not KINDS[kind].half:
        return make(subject)
    from mnist_bench.plots import style

    return make(subject, width=style.NARROW)


def _check_nets(kind: str, subject: Subject | DataSubject) -> None:
    from mnist_bench.plots.subject import Subject
    from mnist_bench.value_kind import check_nets

    if isinstance(subject, Subject):
        check_nets(subject.study, f"the plot {kind}")


def lines(kind: str, subject: Subject | DataSubject) -> tuple[str, ...]:
    """Return the lines that are printed with a picture of this kind; most kinds have none."""
    describe: Callable[..., Sequence[str]] = getattr(module_of(kind), "lines", lambda _: ())
    return tuple(describe(subject))


def module_of(kind: str) -> ModuleType:
    """Return the module that draws a kind.

    Raises:
        KeyError: there is no such kind.
    """
    return import_module(f"mnist_bench.plots.{KINDS[kind].package}.{kind}")
