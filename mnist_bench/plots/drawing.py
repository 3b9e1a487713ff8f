"""Pictures drawn one after the other, as bytes or into files; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.plots import style
from mnist_bench.plots.kinds import lines, picture
from search.errors import SearchError, UsageError
from search.files import check_target, make_folder

if TYPE_CHECKING:
    from mnist_bench.plots.subject import DataSubject, Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that was drawn, or the reason why it was not."""

    kind: str
    finding: str = ""  # its heading, in one line
    content: Mapping[style.Format, bytes] = field(default_factory=dict, repr=False)
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
    formats: Sequence[style.Format],
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
    kind: str, subject: Subject | DataSubject, formats: Sequence[style.Format], folder: Path | None, *, narrow: bool
) -> Picture:
    """Draw one picture, into files named by its kind if there is a `folder`; any error is returned with it."""
    try:
        finding, content = style.render(partial(picture, kind, subject, narrow=narrow), formats)
        files = () if folder is None else style.write(content, folder / kind)
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
