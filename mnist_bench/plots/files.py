"""Pictures drawn into files, one after the other: what fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.plots import style
from search.errors import SearchError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A picture to be drawn."""

    kind: str
    make: Callable[[], Figure]
    lines: Sequence[str] = ()
    """What is told beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture that was drawn, or the reason why it was not."""

    job: Job
    files: Sequence[Path] = ()
    error: SearchError | None = None
    foreseen: bool = True
    """Whether the error, if there is one, was written for the user; its cause is the other one."""


def draw(job: Job, folder: Path, formats: Sequence[style.Format]) -> Drawn:
    """Draw a picture into `folder`, a file a format; what keeps it from being drawn, whatever it is, is returned."""
    try:
        return Drawn(job=job, files=style.save(job.make, folder / job.kind, formats))
    except SearchError as error:
        return Drawn(job=job, error=error)
    except OSError as error:
        return Drawn(job=job, error=UsageError(f"it cannot be written ({error})."))
    except Exception as error:
        told = f"{type(error).__name__}: {error} (unexpected; the same command with -v after `mnist-bench` shows where)"
        unforeseen = SearchError(told)
        unforeseen.__cause__ = error
        return Drawn(job=job, error=unforeseen, foreseen=False)
