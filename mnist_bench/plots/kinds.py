"""The kinds of pictures by name, and pictures drawn one after the other: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, cast

from search.errors import SearchError, UsageError
from search.files import check_target, make_folder
from search.messages import did_you_mean, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_bench.plots.frame import Format
    from mnist_bench.plots.subject import DataSubject, Subject
    from search.event_log.records import StudyRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture, drawn by the module in `mnist_bench.plots` that has its name."""

    shows: str
    of_data: bool = False  # whether it shows a data set, without a study: its module's functions take a `DataSubject`
    of_nets: bool = False  # whether it needs networks, which studies of other trainers do not have
    half: bool = False
    """Whether its `picture` takes a `width`, in inches, down to `frame.NARROW`: half the width of a page."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "history": Kind("the result of each trial in turn, and the best so far", half=True),
        "curves": Kind("learning curves, the pruned ones pale, with the rungs", half=True),
        "importances": Kind("how much each hyperparameter matters, compared with chance", half=True),
        "parallel": Kind("all parameters of all trials side by side"),
        "pareto": Kind("accuracy against parameters and against multiply-accumulates", of_nets=True, half=True),
        "timeline": Kind("what ran where and when; what pruning saved and the order cost"),
        "confusion": Kind("the classes that the best network confuses", of_nets=True, half=True),
        "mistakes": Kind("the images that it misclassifies, with its confidence", of_nets=True, half=True),
        "digits": Kind("the first ten digits, their labels one-hot, mean and standard deviation", of_data=True),
        "augmented": Kind("the same under augmentation: the notebook's, or as set by --set", of_data=True),
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that was drawn, or the reason why it was not."""

    kind: str
    finding: str = ""  # its heading, in one line
    content: Mapping[Format, bytes] = field(default_factory=dict, repr=False)
    """Its bytes by format; empty if it was not drawn."""
    files: tuple[Path, ...] = ()  # the files that it was written to, one per format
    lines: tuple[str, ...] = ()  # lines that are printed with it: shapes, means, a ranking
    error: SearchError | None = None  # why it was not drawn; None if it was
    foreseen: bool = True
    """Whether the error was written for the user; the `__cause__` of any other is the original error."""

    def _repr_svg_(self) -> str | None:
        """Return the picture for a notebook; None if it was not drawn in this format."""
        return self.content["svg"].decode() if "svg" in self.content else None

    def _repr_png_(self) -> bytes | None:
        """Return the picture for a notebook; None if it was not drawn in this format."""
        return self.content.get("png")

    @property
    def reason(self) -> str | None:
        """The error in words; None if the picture was drawn."""
        return None if self.error is None else str(self.error)


def draw_kinds(
    kinds: Sequence[str],
    subject: Subject | DataSubject,
    formats: Sequence[Format],
    *,
    folder: Path | None = None,
    narrow: bool = False,
    begins: Callable[[str], None] = lambda kind: None,
) -> Iterator[Picture]:
    """Draw pictures of these kinds, each when it is asked for.

    Args:
        kinds: names of `KINDS`.
        subject: the study, or the data set, that they show.
        formats: formats of the pictures.
        folder: where their files go; None to write no files.
        narrow: whether to draw kinds that can be narrow for half the width of a page.
        begins: called with each kind before it is drawn.

    Raises:
        UsageError: the folder cannot be made, or is closed to the user; raised before anything is drawn.
    """
    if folder is not None:
        check_target(folder, folder=True)
        make_folder(folder)
    for kind in kinds:
        begins(kind)
        yield _drawn(kind, subject, formats, folder, narrow=narrow)


def _drawn(
    kind: str, subject: Subject | DataSubject, formats: Sequence[Format], folder: Path | None, *, narrow: bool
) -> Picture:
    """Draw one picture, into files named by its kind if there is a `folder`; any error is returned with it."""
    from mnist_bench.plots import frame

    try:
        finding, content = frame.render(partial(picture, kind, subject, narrow=narrow), formats)
        files = () if folder is None else frame.write(content, folder / kind)
        return Picture(kind=kind, finding=finding, content=content, files=files, lines=lines(kind, subject))
    except SearchError as error:
        return Picture(kind=kind, error=error)
    except OSError as error:
        return Picture(kind=kind, error=UsageError(f"it cannot be written ({error})."))
    except Exception as error:
        unforeseen = SearchError(
            f"{type(error).__name__}: {error} (unexpected; the same command with -v after `mnist-bench` shows where)"
        )
        unforeseen.__cause__ = error
        return Picture(kind=kind, error=unforeseen, foreseen=False)


def picture(kind: str, subject: Subject | DataSubject, *, narrow: bool = False) -> Figure:
    """Draw a picture of this kind, `narrow` for half the width of a page if the kind allows that.

    Raises:
        StudyNotFoundError: the study lacks the picture's data; the message names them.
        ForeignStudyError: the kind needs networks, and another trainer made the study.
        KeyError: there is no such kind.
    """
    if KINDS[kind].of_nets:
        _check_nets(kind, subject)
    make = cast("Callable[..., Figure]", _module_of(kind).picture)
    if not narrow or not KINDS[kind].half:
        return make(subject)
    from mnist_bench.plots import frame

    return make(subject, width=frame.NARROW)


def _check_nets(kind: str, subject: Subject | DataSubject) -> None:
    from mnist_bench.plots.subject import Subject
    from mnist_bench.value_kind import check_nets

    if isinstance(subject, Subject):
        check_nets(subject.study, f"the plot {kind}")


def lines(kind: str, subject: Subject | DataSubject) -> tuple[str, ...]:
    """Return the lines that are printed with a picture of this kind; most kinds have none."""
    describe: Callable[..., Sequence[str]] = getattr(_module_of(kind), "lines", lambda _: ())
    return tuple(describe(subject))


def _module_of(kind: str) -> ModuleType:
    return import_module(f"mnist_bench.plots.{kind}")
