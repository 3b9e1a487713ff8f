"""`mnist-bench report`: a study as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.output import ExitCode

if TYPE_CHECKING:
    pass


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
    data_dir: options.Data = None,
    net: options.Net = None,
    results: options.Results = options.RESULTS,
) -> None:
    """Write the results of a study into one HTML file.

    The file holds the findings in words, the leaderboard, the plots, the recipe of the selected trial, the hardware and
    versions, and the commands that reproduce the study. It needs no internet connection and no other file. If your own
    trainer made the study, the report has no recipe and no plots of networks.

    Examples:
        mnist-bench report conv-0
        mnist-bench report conv-0 --output conv.html
    """
    from mnist_bench.cli.pictures import picture_output
    from mnist_bench.plots.kinds import kinds_of
    from mnist_bench.report.page import write
    from mnist_bench.studies.checked import open_any

    study = open_any(results, study_name)
    with picture_output.progress(len(kinds_of(study))) as begins:
        written = write(study, to=output_file, data_dir=data_dir, begins=begins)
    if written.no_drawing:
        output.note(f"The page has no drawing area: {written.no_drawing}")
    picture_output.note_missing(written.pictures, verbose=context.find_root().params["verbose"])
    output.print_line(written.file)
    if not all(picture.foreseen for picture in written.pictures):
        raise typer.Exit(ExitCode.FAILURE)
