"""The chain of checksums: whatever is changed in a log is noticed, with the number of its event."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.database import open_for_writing
from search.errors import StorageError
from search.event_log.events import Created, Declined, GoalSet, Told
from search.event_log.log import EventLog, LogEnd
from search.stored_fields import FORMAT
from search.strategies.pruners import Asha
from search.strategies.samplers import Random
from support import search_fake as fake
from support.paths import DATABASE

STUDY = "made-0"
EVENTS = (
    Created(name=STUDY, spec=fake.make_spec(Random(), Asha(), 4, 0).to_json(), format=FORMAT),
    GoalSet(goal=3),
    Told(time=9, trial=0, external=True, state="PRUNED", reason="timed_out", value=None, error="\u00fc", attributes={}),
    Declined(time=12),
)
COLUMNS: dict[str, Any] = {
    "study": "made-1", "seq": 7, "kind": "goal", "time": 10, "trial": 1, "external": False, "at": "2026", "chain": "",
    "payload": '{"attributes":{},"error":"\u00fd","reason":"timed_out","state":"PRUNED","value":null}',
}  # fmt: skip
"""Each column of an event, and another value for it."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Return a log of four events."""
    with closing(open_for_writing(tmp_path / DATABASE)) as connection:
        made = EventLog(connection, STUDY)
        made.make_table()
        for event in EVENTS:
            made.append(event)
        yield made


@pytest.fixture
def change(log: EventLog, tmp_path: Path) -> Callable[..., None]:
    """Return a function that runs a statement on the database."""

    def run(statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
            database.execute(statement, values)

    return run


def test_a_checksum_covers_the_one_before_and_every_column(log: EventLog, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        rows = database.execute("SELECT * FROM search_events ORDER BY seq").fetchall()
    before = ""
    for *columns, chain in rows:
        text = "\n".join([before, *("" if value is None else str(value) for value in columns)])
        before = hashlib.sha256(text.encode()).hexdigest()
        assert chain == before
    assert log.end == LogEnd(events=4, chain=before)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_is_refused(log: EventLog, change: Callable[..., None], column: str) -> None:
    change("UPDATE search_events SET what = ? WHERE seq = 2".replace("what", column), COLUMNS[column])
    is_gone = column in ("study", "seq")
    words = "The event log of study made-0 lacks event 2" if is_gone else "Event 2 of study made-0 is damaged"
    with pytest.raises(StorageError, match=f"^{words}; restore its database\\.$"):
        log.read()
    assert log.first() == EVENTS[0]


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("DELETE FROM search_events WHERE seq = 2", 2),
        ("DELETE FROM search_events WHERE seq = 0", 0),
        ("UPDATE search_events SET seq = CASE seq WHEN 1 THEN -2 WHEN 2 THEN 1 ELSE seq END", 1),
        ("UPDATE search_events SET payload = CAST(x'ff' || payload AS TEXT) WHERE seq = 3", 3),
        ("UPDATE search_events SET chain = ''", 0),
    ],
)
def test_a_changed_log_is_refused(log: EventLog, change: Callable[..., None], statement: str, seq: int) -> None:
    change(statement)
    with pytest.raises(StorageError, match=rf"^(Event|The event log of study made-0 lacks event) {seq}\b"):
        log.read()


def test_a_damaged_first_event_is_no_specification(log: EventLog, change: Callable[..., None]) -> None:
    change("UPDATE search_events SET at = '' WHERE seq = 0")
    with pytest.raises(StorageError, match=r"^Event 0 of study made-0 is damaged; restore its database\.$"):
        log.first()


def test_a_log_that_is_shorter_than_it_was_is_refused(log: EventLog) -> None:
    end = log.end
    assert end is not None
    for noted, words in (
        (replace(end, events=5), "The event log of study made-0 lacks event 4 and all after it; "),
        (replace(end, chain="0" * 64), "Event 3 of study made-0 is damaged; "),
    ):
        with pytest.raises(StorageError, match=f"^{words}do so\\.$"):
            EventLog(log._connection, STUDY, end=noted, advice="do so").read()
    noted_earlier = EventLog(log._connection, STUDY, end=end)
    log.append(GoalSet(goal=4))
    assert noted_earlier.read() == [*EVENTS, GoalSet(goal=4)]
    assert noted_earlier.end == log.end
    nothing = EventLog(log._connection, "made-1", end=end)
    for read in (nothing.read, nothing.first):
        with pytest.raises(StorageError, match=r"^The event log of study made-1 lacks event 0 and all"):
            read()


def test_what_is_left_of_a_damaged_log_can_be_read(log: EventLog, change: Callable[..., None]) -> None:
    change("UPDATE search_events SET payload = '{' WHERE seq = 1")
    found = log.salvage()
    assert (found.events, found.lost, found.unread) == ([EVENTS[0]], [*EVENTS[2:]], 1)
    assert [row[2] for row in found.rows] == ["create"]
