"""`mnist-bench studies note` and `studies tag`: what people write about a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cells import safe_lines
from mnist_bench.cli import options, output

if TYPE_CHECKING:
    from search.notes import Notes
    from search.study import StudyLocation

Study = Annotated[str, typer.Argument(metavar="STUDY", help="A study; it may be running.")]


def note(
    name: Study,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The new note; an empty text removes the note.")
    ] = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Show the note about a study, or write one.

    The note is kept in the study's database. It changes no result and no digest.

    Examples:
        mnist-bench studies note conv-0 "wider rotation, as in the talk"
        mnist-bench studies note conv-0
        mnist-bench studies note conv-0 ""
    """
    from search.notes import Change
    from search.study import StudyLocation, annotate_at

    location = StudyLocation.of(name, results, storage)
    if text is not None:
        annotate_at(location, Change(note=text))
        output.note(f"{name} has {'a new note' if text.strip() else 'no note'}.")
        return
    found = _notes(location).note
    if not found:
        output.note(f"{name} has no note.")
    for line in safe_lines(found).splitlines():
        output.print_line(line)


def tag(
    name: Study,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags that the study gets.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Tag that the study loses. Repeatable.")
    ] = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Show the tags of a study, add some, or remove some.

    A tag is a word. `studies --tag TAG` lists the studies that have it.

    Examples:
        mnist-bench studies tag conv-0 paper baseline
        mnist-bench studies tag conv-0 --remove baseline
    """
    from search.notes import Change
    from search.study import StudyLocation, annotate_at

    location = StudyLocation.of(name, results, storage)
    if tags or remove:
        annotate_at(location, Change(add=tags or (), remove=remove or ()))
    found = _notes(location).tags
    if not found:
        output.note(f"{name} has no tags.")
    for each in found:
        output.print_line(each)


def _notes(location: StudyLocation) -> Notes:
    """Return the note and the tags of a study.

    Raises:
        StudyNotFoundError: there is no such study.
    """
    from search.study import newest_event, no_such_study, notes_at

    if newest_event(location) is None:
        raise no_such_study(location)
    return notes_at(location)
