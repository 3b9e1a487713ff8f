"""`mnist-bench plot`: pictures of a study, of its best trial, or of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.pictures import picture_output
from mnist_bench.plots.kinds import ANY_STUDY_KINDS, DATA_KINDS, KINDS, STUDY_KINDS, check_kind, kinds_of
from search.arguments import MAX_SEED
from search.errors import StudyNotFoundError, UsageError
from search.messages import did_you_mean, joined, show
from search.study.folder import ResultsFolder

if TYPE_CHECKING:
    from mnist_bench.plots.frame import Format
    from mnist_bench.plots.subject import DataSubject, Subject
    from search.study.studies import StoredStudy

FORMATS: Mapping[str, tuple[Format, ...]] = MappingProxyType({"png": ("png",), "svg": ("svg",), "both": ("png", "svg")})


def _listed(kinds: Sequence[str]) -> str:
    return "\n".join(f"  {kind:<11} {KINDS[kind].shows}" for kind in kinds)


HELP = f"""Draw plots of a study: all kinds, or the kinds that you name.

The first word is the study (default: the latest). A word that names a kind is always the kind. A study that your own
trainer made has {joined(ANY_STUDY_KINDS)}; the other kinds need networks.

\b
Of a study:
{_listed(STUDY_KINDS)}

\b
Of the data, without a study:
{_listed(DATA_KINDS)}

Examples:
mnist-bench plot conv-0
mnist-bench plot conv-0 curves errors --format svg
mnist-bench plot digits --set augment.rotation_degrees=30
"""


def plot(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY|KIND", show_default="all plots of the latest study", help="A study, kinds of plots, or both."
        ),
    ] = None,
    file_format: Annotated[
        Literal["png", "svg", "both"], typer.Option("--format", help="Format of the files.")
    ] = "both",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            show_default="plots/ in the folder of the study or of the results",
            help="Folder for the files.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="For digits: a strength of their distortion, e.g. augment.rotation_degrees=30. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=MAX_SEED, metavar="N", help="For digits: seed of their distortions."),
    ] = None,
    data_dir: options.Data = None,
    net: options.Net = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Draw pictures; its help is `HELP`."""
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.plots.kinds import draw_kinds
    from mnist_bench.plots.subject import Subject, data_subject

    close_test_set()
    name, kinds = chosen(words or ())
    if "digits" not in kinds and (overrides or seed is not None):
        raise UsageError("--set and --seed are for `mnist-bench plot digits`.")
    study = None
    subject: DataSubject | Subject
    if kinds and kinds[0] in DATA_KINDS:
        subject = data_subject(data_dir, overrides or (), seed or 0)
        destination = folder or ResultsFolder(results).plots
    else:
        study = _open(name, results)
        subject = Subject(study=study, data_dir=data_dir)
        destination = folder or study.files.plots
    wanted = kinds or (STUDY_KINDS if study is None else kinds_of(study))
    with picture_output.progress(len(wanted)) as begins:
        pictures = list(draw_kinds(wanted, subject, FORMATS[file_format], folder=destination, begins=begins))
    picture_output.note_missing(pictures, verbose=context.find_root().params["verbose"])
    if json:
        output.print_json({"study": study.name if study else None, **picture_output.plain(pictures)})
    else:
        picture_output.print_drawn(pictures)
    if code := picture_output.exit_code(pictures, named=bool(kinds)):
        raise typer.Exit(code)


def chosen(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the study that the words name, None for the latest, and the kinds, none for all.

    Raises:
        UsageError: there is no such kind, or kinds of a study and of the data are mixed.
    """
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
    """Return the study; if there is none, the error also names a kind of picture of nearly that name."""
    from mnist_bench.studies.checked import open_any

    try:
        return open_any(results, name)
    except StudyNotFoundError as error:
        hint = did_you_mean(name or "", KINDS)
        if not hint:
            raise
        raise StudyNotFoundError(f"{show(name)}: no such study, and no kind of plot{hint}") from error
