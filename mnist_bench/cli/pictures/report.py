"""`mnist-bench report`: a study as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from search.errors import SearchError, StudyNotFoundError, UsageError
from search.files import atomic_write

if TYPE_CHECKING:
    from mnist_bench.export import Drawing
    from mnist_bench.report import Chosen
    from search.event_log import StudyRecord
    from search.study import StudyLocation


def report(
    study_name: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A study; left out, the latest.", show_default=False)
    ] = None,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where it goes; left out, report.html in the study's folder."),
    ] = None,
    data_dir: options.Data = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Write all about a study into one HTML file.

    The finding in words, the leaderboard, the pictures, the winner's recipe, what the bits depend on, and the commands
    that reproduce it. The file needs no network and no other file.
    """
    from mnist_bench.cli.pictures import drawing, page
    from mnist_bench.data import close_test_set
    from mnist_bench.plots import KINDS, Subject
    from mnist_bench.plots.gallery import gallery
    from mnist_bench.report import gather, read
    from mnist_bench.studies import open_study, openings
    from search.study import StudyLocation, invocations

    if output_file is not None:
        drawing.check_target(output_file, folder=False)
    close_test_set()
    study = open_study(results, study_name, storage)
    if not study.finished():
        raise StudyNotFoundError(f"Study {study.name} has no finished trial yet.")
    location = StudyLocation.of(study.name, results, storage)
    folder, files = location.folder, location.files
    file = output_file or files.report
    drawing.check_target(file, folder=False)
    with drawing.progress(len(KINDS)) as begins:
        pictures = gallery(Subject(study=study, folder=folder, data_dir=data_dir), begins)
    gathered = gather(
        study,
        sections=read(study, folder),
        gallery=pictures,
        test_openings=openings.for_study(location),
        invocations=invocations(files),
        weights=files.weights if files.kept_weights() else None,
    )
    _write(file, page.render(gathered, _drawing(study, gathered.chosen, location, data_dir)))
    for kind, reason in gathered.gallery.missing.items():
        output.note(f"{kind} is not drawn: {reason}")
    output.print_line(file)


def _drawing(
    study: StudyRecord, chosen: Chosen | None, location: StudyLocation, data_dir: Path | None
) -> Drawing | None:
    """Return the part of the page to draw on, where the weights of the chosen trial are here, and the data set."""
    from mnist_bench.cli.targets import find_trial
    from mnist_bench.export import Options, drawing, find

    if chosen is None:
        return None
    try:
        return drawing(
            find(study, find_trial(study, chosen.number), location, Options(trains=False, data_dir=data_dir))
        )
    except SearchError as error:
        output.note(f"No digit can be drawn on the page: {error}")
        return None


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, text.encode())
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from error
