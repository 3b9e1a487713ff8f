"""The kinds of pictures by name, and pictures drawn one after the other: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from search.errors import SearchError, UsageError
from search.files import check_target, make_folder
from search.messages import did_you_mean, show

if TYPE_CHECKING:
    from mnist_bench.plots.frame import Drawn, Format
    from mnist_bench.plots.subject import DataSubject, Subject
    from search.event_log.records import StudyRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture: the function of its name gives what is drawn of a `Subject`, or of a `DataSubject`."""

    module: str  # in `mnist_bench.plots`
    shows: str
    of_data: bool = False  # whether it shows a data set, without a study
    of_nets: bool = False  # whether it needs networks, which studies of other trainers do not have


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "history": Kind("learning", "the result of each trial in turn, and the best so far"),
        "curves": Kind("learning", "learning curves, the pruned ones pale, with the rungs"),
        "importances": Kind("importances", "how much each hyperparameter matters, compared with chance"),
        "parallel": Kind("parallel", "all parameters of all trials side by side"),
        "pareto": Kind("pareto", "accuracy against parameters and against multiply-accumulates", of_nets=True),
        "timeline": Kind("timeline", "what ran where and when; what pruning saved and the order cost"),
        "errors": Kind("images", "the classes that the best network confuses, and its surest mistakes", of_nets=True),
        "digits": Kind("images", "the first ten digits, as they are and distorted; --set changes how", of_data=True),
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
    """Check that there is a kind of plot, of a study or of the data."""
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
    half: bool = False  # whether it was drawn for half the width of a page
    lines: tuple[str, ...] = ()  # lines that are printed with it: shapes, means, a ranking
    error: SearchError | None = None  # why it was not drawn; None if it was
    foreseen: bool = True
    """Whether the error was written for the user; the `__cause__` of any other is the original error."""

    def _repr_svg_(self) -> str | None:
        return self.content["svg"].decode() if "svg" in self.content else None

    def _repr_png_(self) -> bytes | None:
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
    """Draw pictures of these kinds of `KINDS`, each when it is asked for, into files if there is a `folder`.

    `narrow` draws those that can be narrow for half the width of a page. `begins` is called with each kind before it is
    drawn. A folder that cannot be made is refused before anything is drawn.
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
        shown = drawn(kind, subject)
        content = frame.render(shown, formats, narrow=narrow)
        return Picture(
            kind=kind, finding=shown.finding, content=content, half=narrow and shown.narrow is not None,
            files=() if folder is None else frame.write(content, folder / kind), lines=shown.lines,
        )  # fmt: skip
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


def drawn(kind: str, subject: Subject | DataSubject) -> Drawn:
    """Return what a picture of this kind shows of a subject."""
    from mnist_bench.plots.subject import Subject
    from mnist_bench.value_kind import check_nets

    if KINDS[kind].of_nets and isinstance(subject, Subject):
        check_nets(subject.study, f"the plot {kind}")
    found: Drawn = getattr(import_module(f"mnist_bench.plots.{KINDS[kind].module}"), kind)(subject)
    return found
