"""The table of notes and tags, in the database of the studies that they are about.

A copy of an SQLite file therefore has them, and a team sees them in PostgreSQL. They are not in the event log, because
only the process that searches may write that, and a note can be written while a search runs. They are not among
Optuna's attributes, because `doctor --repair` writes Optuna's tables again from the event log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search.arguments import check_several, check_text, check_utf8
from search.database import open_beside_driver, storage_errors, wait_to_make_tables
from search.errors import UsageError
from search.messages import did_you_mean, show

MAX_NOTE = 4000
"""Most characters of a note; of a longer one in a database, which a stranger wrote, the beginning is read."""
MAX_TAGS = 100
"""Most tags of a study that are read."""
TAG = re.compile(r"\w[\w.:/=+@-]{0,39}")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters but the tab and the line break; PostgreSQL cannot keep the first of them."""
_NOTE = ""
"""The tag of the row that holds the note."""

_metadata = sa.MetaData()
_notes = sa.Table(
    "search_notes",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("tag", sa.String(64), primary_key=True),  # a row for each: two people who tag at once lose none
    sa.Column("text", sa.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notes:
    """The note about a study, and its tags."""

    note: str = ""
    """Empty if there is none."""
    tags: tuple[str, ...] = ()
    """In alphabetical order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of the note and the tags of a study."""

    note: str | None = None
    """The new note; empty to remove it, None to keep it."""
    add: Sequence[str] = ()
    """Tags that the study gets."""
    remove: Sequence[str] = ()
    """Tags that the study loses."""

    def __post_init__(self) -> None:
        if self.note is not None:
            check_note(self.note)
        for tags in (self.add, self.remove):
            check_several("tags", tags)
        for tag in self.add:
            _check_tag(tag)
        if both := {*self.add} & {*self.remove}:
            raise UsageError(f"The tag {show(min(both))} is to be added and removed; name it once.")


def check_note(note: str) -> None:
    """Check that a text can be a note.

    Raises:
        UsageError: it cannot; the message names the reason.
    """
    check_text("note", note, "a note")
    check_utf8("note", note)
    if len(note) > MAX_NOTE:
        raise UsageError(f"The note has {len(note):,} characters; write at most {MAX_NOTE:,}.")
    if hidden := _HIDDEN.search(note):
        raise UsageError(f"The note holds the control character {hidden[0]!r}; write plain text.")


def notes_of(engine: Engine, study: str) -> Notes:
    """Return the note and the tags of a study, as far as they have the form in which they are written."""
    query = sa.select(_notes.c.tag, sa.func.substr(_notes.c.text, 1, MAX_NOTE)).where(_notes.c.study == study)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(_notes.name):
                return Notes()
            rows = connection.execute(query.order_by(_notes.c.tag).limit(MAX_TAGS + 1)).all()
    except sa.exc.ProgrammingError:  # PostgreSQL: a role that was granted the tables before this one was made
        return Notes()
    texts = {str(tag): str(text) for tag, text in rows}
    return Notes(note=texts.pop(_NOTE, ""), tags=tuple(sorted(filter(TAG.fullmatch, texts))))


def make_note_table(engine: Engine) -> None:
    """Make the table if it is missing."""
    with engine.begin() as connection:
        wait_to_make_tables(connection)
        _metadata.create_all(connection)


def annotate(url: str, study: str, change: Change) -> None:
    """Change the note and the tags of a study in the database at a URL; a search of it may be running.

    Raises:
        UsageError: a tag that is to be removed is not there.
        StorageError: the database cannot be written.
    """
    with storage_errors():
        engine = open_beside_driver(url)
        try:
            change_notes(engine, study, change)
        finally:
            engine.dispose()


def change_notes(engine: Engine, study: str, change: Change) -> None:
    """Change the note and the tags of a study in an open database.

    Raises:
        UsageError: a tag that is to be removed is not there.
    """
    make_note_table(engine)
    known = notes_of(engine, study).tags
    for tag in change.remove:
        if tag not in known:
            raise UsageError(f"The study has no tag {show(tag)}{did_you_mean(tag, known) or '.'}")
    with engine.begin() as connection:
        if change.note is not None:
            _remove(connection, study, [_NOTE])
            _insert(connection, study, _NOTE, change.note.strip())
        _remove(connection, study, change.remove)
        for tag in change.add:
            _remove(connection, study, [tag])
            _insert(connection, study, tag, "")


def remove_notes(engine: Engine, study: str) -> None:
    """Remove the note and all tags of a study."""
    with engine.begin() as connection:
        if sa.inspect(connection).has_table(_notes.name):
            connection.execute(_notes.delete().where(_notes.c.study == study))


def _remove(connection: Connection, study: str, tags: Sequence[str]) -> None:
    connection.execute(_notes.delete().where(_notes.c.study == study, _notes.c.tag.in_(tags)))


def _insert(connection: Connection, study: str, tag: str, text: str) -> None:
    connection.execute(_notes.insert(), {"study": study, "tag": tag, "text": text})


def _check_tag(tag: str) -> None:
    check_text("tags", tag, "words such as baseline")
    if not TAG.fullmatch(tag):
        raise UsageError(f"{show(repr(tag))} cannot be a tag; write a word of at most 40 letters, digits and .:/=+@-_")
