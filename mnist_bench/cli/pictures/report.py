"""`mnist-bench report`: a study as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from search.study import StoredStudy


def report(
    context: typer.Context,
    study_name: Annotated[
        str | None, typer.Argument(metavar="STUDY", show_default="the latest study", help="A study.")
    ] = None,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", show_default="report.html in the study's folder", help="File to write."
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            metavar="STUDY",
            help="Add a comparison with another study, a trial or a record, as `mnist-bench compare` prints it. "
            "Repeatable.",
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Keep the file up to date while another process searches, without plots; with plots at the end.",
        ),
    ] = False,
    data_dir: options.Data = None,
    net: options.Net = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Write the results of a study into one HTML file.

    The file holds the findings in words, the leaderboard, the plots, the recipe of the selected trial, the hardware and
    versions, and the commands that reproduce the study. It needs no internet connection and no other file. If your own
    trainer made the study, the report has no recipe and no plots of networks.

    Examples:
        mnist-bench report conv-0
        mnist-bench report conv-0 --output conv.html
        mnist-bench report conv-0 --compare conv-1
        mnist-bench report conv-0 --follow
    """
    from mnist_bench.cli.pictures import picture_output
    from mnist_bench.cli.views import beginning
    from mnist_bench.plots import kinds_of
    from mnist_bench.report import write
    from mnist_bench.studies import open_any

    study = (beginning.open_to_follow if follow else open_any)(results, study_name, storage)
    if follow and study.live:
        _follow(study, output_file)
        study = open_any(results, study.name, storage)
    with picture_output.progress(len(kinds_of(study))) as begins:
        written = write(study, to=output_file, data_dir=data_dir, compared_with=compare or (), begins=begins)
    if written.no_drawing:
        output.note(f"The page has no drawing area: {written.no_drawing}")
    picture_output.note_missing(written.pictures, verbose=context.find_root().params["verbose"])
    output.print_line(written.file)
    if not all(picture.foreseen for picture in written.pictures):
        raise typer.Exit(ExitCode.FAILURE)


def _follow(study: StoredStudy, output_file: Path | None) -> None:
    """Keep the page of a study up to date until its search ends.

    Raises:
        typer.Exit: the search was stopped before, or following was.
    """
    from mnist_bench.live_page import follow_page
    from search.driver.attended import Interrupts

    output.note(f"page: {(output_file or study.files.report).absolute().as_uri()}")
    with Interrupts(lambda text: None) as interrupts:
        has_ended = follow_page(study.location, to=output_file, stopping=interrupts.stopping, notice=output.note)
    if interrupts.stopping():
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not has_ended:
        output.note(
            f"The search of {study.name} stopped before its trial budget. The page shows the command that resumes it."
        )
        raise typer.Exit
