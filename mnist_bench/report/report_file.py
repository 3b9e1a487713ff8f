"""A study's report, gathered and written into its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.data.idx import close_test_set
from mnist_bench.export.drawing_page import Drawing, drawing
from mnist_bench.export.winner import WinnerOptions, load_winner
from mnist_bench.plots.kinds import Picture, draw_kinds, kinds_of
from mnist_bench.plots.subject import Subject
from mnist_bench.report import html
from mnist_bench.report.report_page import ReportPage, gather, missing
from mnist_bench.report.sections import read
from mnist_bench.studies.checked import find_trial
from search.errors import SearchError, StudyNotFoundError, UsageError
from search.files import atomic_write, check_target, write_named
from search.study.invocation_log import invocations
from search.study.studies import StoredStudy


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenReport:
    """A report on disk, and the parts that it lacks."""

    file: Path
    pictures: tuple[Picture, ...]
    """Its pictures, one per kind, with the errors of those that could not be drawn."""
    no_drawing: str | None
    """Why the page has no drawing area; None if it has one, or if the study has no network."""

    @property
    def missing(self) -> Mapping[str, str]:
        """The reasons why pictures are not in it, by kind."""
        return missing(self.pictures)


def write(
    study: StoredStudy,
    *,
    to: Path | None = None,
    data_dir: Path | None = None,
    begins: Callable[[str], None] = lambda kind: None,
) -> WrittenReport:
    """Write a study's results into one HTML file; the same study always gives the same file.

    Args:
        study: the study.
        to: the file; None for report.html in the study's folder.
        data_dir: the data set, if it is not the packaged one.
        begins: called with the kind of each plot before it is drawn.

    Raises:
        StudyNotFoundError: no trial has finished yet.
        UsageError: the file cannot be written, or the files in the study's folder are another study's.
        StorageError: a result in the study's folder cannot be read.
    """
    close_test_set()
    if not study.finished():
        raise StudyNotFoundError(f"Study {study.name} has no finished trial yet.")
    files = study.files
    file = to or files.report
    check_target(file, folder=False)
    sections, searched = read(study), invocations(files)
    weights = files.weights if files.kept_weights() else None
    subject = Subject(study=study, data_dir=data_dir)
    # Last, after everything that may be refused: this takes seconds.
    pictures = tuple(draw_kinds(kinds_of(study), subject, ("svg", "png"), narrow=True, begins=begins))
    gathered = gather(
        study, sections=sections, pictures=pictures, invocations=searched, weights=weights,
    )  # fmt: skip
    drawn, reason = _drawing(study, gathered, data_dir)
    _save(file, html.render(gathered, drawn), atomic_write if to is None else write_named)
    return WrittenReport(file=file, pictures=pictures, no_drawing=reason)


def _drawing(study: StoredStudy, gathered: ReportPage, data_dir: Path | None) -> tuple[Drawing | None, str | None]:
    """Return the drawing area of the page, or the reason why there is none; both are None if no network is chosen.

    It needs the weights of the chosen trial and the data set.
    """
    chosen = gathered.chosen
    if chosen is None or chosen.recipe is None:
        return None, None
    trial = find_trial(study, chosen.number)
    try:
        return drawing(load_winner(study, trial, WinnerOptions(trains=False, data_dir=data_dir))), None
    except SearchError as error:
        return None, str(error)


def _save(file: Path, text: str, write: Callable[[Path, bytes], None]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, text.encode())
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from error
