"""`mnist-bench plot` and `report`: a study, its best trial or the data as pictures, and a study as one HTML page."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import options
from mnist_bench.api import reading
from mnist_bench.cli import output
from mnist_bench.cli.command import StudyName, takes
from mnist_bench.cli.output import ExitCode
from mnist_bench.options import argument
from mnist_bench.plots.kinds import ANY_STUDY_KINDS, DATA_KINDS, KINDS, STUDY_KINDS, check_kind, kinds_of
from mnist_bench.result_table import Line, Result, Table
from search.arguments import check_choice
from search.errors import StudyNotFoundError, UsageError
from search.messages import did_you_mean, joined, show
from search.study.folder import ResultsFolder

if TYPE_CHECKING:
    from mnist_bench.plots.kinds import Picture
    from mnist_bench.plots.subject import DataSubject, Subject
    from search.study.studies import StoredStudy


def _listed(kinds: Sequence[str]) -> str:
    return "\n".join(f"  {kind:<11} {KINDS[kind].shows}" for kind in kinds)


HELP = f"""Draw plots of a study: all kinds, or the kinds that you name.

The first word is the study (default: the latest), unless it is the name of a kind. A study of your own code has only
{joined(ANY_STUDY_KINDS)}: the other kinds need networks.

\b
Of a study:
{_listed(STUDY_KINDS)}

\b
Of the data, without a study:
{_listed(DATA_KINDS)}

Examples:
mnist-bench plot conv-0 curves errors --formats svg
mnist-bench plot digits --set augment.rotation_degrees=30
"""


@takes(reading.plot_data, reading.plot, prints=["json"])
def plot(
    context: typer.Context,
    to: Path | None,
    formats: Sequence[Any],
    overrides: Sequence[str],
    data: Path | None,
    net: str | None,
    words: Annotated[
        Sequence[str],
        argument("A study, kinds of plots, or both.", "STUDY|KIND", default="all plots of the latest study"),
    ] = (),
    results: options.Folder = options.RESULTS,
) -> Result:
    """Draw pictures; its help is `HELP`."""
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.plots.kinds import draw_kinds
    from mnist_bench.plots.subject import Subject, data_subject

    close_test_set()
    for each in formats:
        check_choice("formats", each, reading.FORMATS)
    name, kinds = chosen(words)
    if "digits" not in kinds and overrides:
        raise UsageError("--set is for `mnist-bench plot digits`.")
    study = None
    subject: DataSubject | Subject
    if kinds and kinds[0] in DATA_KINDS:
        subject = data_subject(data, overrides, 0)
        destination = to or ResultsFolder(results).plots
    else:
        study = _open(name, results)
        subject = Subject(study=study, data_dir=data)
        destination = to or study.files.plots
    wanted = kinds or (STUDY_KINDS if study is None else kinds_of(study))
    with _progress(len(wanted)) as begins:
        pictures = list(draw_kinds(wanted, subject, formats, folder=destination, begins=begins))
    drawn = [picture for picture in pictures if picture.error is None]
    errors = [(picture.error, picture.foreseen) for picture in pictures if picture.error is not None]
    counts = kinds or not drawn  # each error, else unforeseen ones alone
    return Result(
        [Table(caption=[Line(file) for picture in pictures for file in picture.files])],
        document={
            "study": study.name if study else None,
            "plots": [
                {"kind": picture.kind, "files": [*map(str, picture.files)], "lines": [*picture.lines]}
                for picture in drawn
            ],
            "skipped": [{"kind": picture.kind, "reason": picture.reason} for picture in pictures if picture.error],
        },
        notes=[*_missing(pictures, context), *(line for picture in pictures for line in picture.lines)],
        exit_code=next((error.exit_code for error, foreseen in errors if counts or not foreseen), 0),
    )


def chosen(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the study that the words name, None for the latest, and the kinds, none for all."""
    study = words[0] if words and words[0] not in KINDS else None
    kinds = tuple(dict.fromkeys(words if study is None else words[1:]))
    for kind in kinds:
        check_kind(kind)
    of_data = [kind for kind in kinds if kind in DATA_KINDS]
    if of_data and study is not None:
        raise UsageError(f"{of_data[0]} shows the data and takes no study; leave out {show(study)}.")
    if of_data and len(of_data) < len(kinds):
        other = next(kind for kind in kinds if kind in STUDY_KINDS)
        raise UsageError(f"{of_data[0]} shows the data and {other} a study; use one command for each.")
    return study, kinds


def _open(name: str | None, results: Path) -> StoredStudy:
    from mnist_bench.studies.checked import open_any

    try:
        return open_any(results, name)
    except StudyNotFoundError as error:
        hint = did_you_mean(name or "", KINDS)
        if not hint:
            raise
        raise StudyNotFoundError(f"{show(name)}: no such study, and no kind of plot{hint}") from error


@takes(reading.report)
def report(
    context: typer.Context,
    to: Path | None,
    data: Path | None,
    net: str | None,
    study: StudyName = None,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Write the results of a study into one HTML file.

    The file holds findings, leaderboard, plots, the recipe of the selected trial, hardware, versions, and the commands
    that reproduce the study. It works offline. A study of your own code has no recipe and no plots of networks.

    Examples:
        mnist-bench report conv-0
        mnist-bench report conv-0 --to conv.html
    """
    from mnist_bench.report.page import write
    from mnist_bench.studies.checked import open_any

    record = open_any(results, study)
    with _progress(len(kinds_of(record))) as begins:
        written = write(record, to=to, data_dir=data, begins=begins)
    drawing = [] if written.no_drawing is None else [f"The page has no drawing area: {written.no_drawing}"]
    failed = not all(picture.foreseen for picture in written.pictures)
    return Result(
        [Table(caption=[Line(written.file)])],
        notes=[*drawing, *_missing(written.pictures, context)],
        exit_code=ExitCode.FAILURE if failed else ExitCode.OK,
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    console = output.console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _kind: None
        return
    numbers = count(1)
    with console.status("") as status:
        yield lambda kind: status.update(f"{kind} {next(numbers)} of {total}")


def _missing(pictures: Sequence[Picture], context: typer.Context) -> Iterator[str]:
    for picture in pictures:
        if picture.error is not None:
            if context.find_root().params["verbose"] and not picture.foreseen:
                traceback.print_exception(picture.error.__cause__)
            yield f"{picture.kind} is not drawn: {picture.error}"
