"""An event log: what is appended is read as it was; whatever is changed in it is noticed, with its event's number."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.database import open_for_writing
from search.errors import OtherVersionError, StorageError
from search.event_log import log as logs
from search.event_log.events import Asked, Created, Declined, Event, GoalSet, Stopped, Told
from search.event_log.log import EventLog, LogEnd
from search.stored_fields import FORMAT
from support.paths import DATABASE

STUDY = "made-0"
CREATED = Created(
    name=STUDY, format=FORMAT,
    spec={"space": {"name": "made", "settings": {}, "fields": []}, "seed": 0, "concurrent_trials": 1, "sampler": {},
          "order": "deterministic", "pruner": {}, "periods": 2, "context": {}, "versions": {}, "numerics": {}},
)  # fmt: skip
EVENTS: list[Event] = [
    CREATED,
    GoalSet(goal=3),
    Told(time=9, trial=0, external=True, state="PRUNED", reason="timed_out", value=None, error="ü", attributes={}),
    Asked(trial=0, params={"m.a": 0.1 + 0.2, "m.b": "ü \u2028"}, config={"a": [1, 1.0, None]}, costs=(2**53, 0),
          facts={"macs": 7}, constraints={"macs": -0.5}, slot=0, seed=2**63, attributes={}),
    Declined(time=2**53),
    Stopped(time=9, rule="target", limit=0.1 + 0.2, best=0),
]  # fmt: skip
OTHERWISE: dict[str, Any] = {
    "study": "made-1", "seq": 7, "kind": "goal", "time": 10, "trial": 1, "external": False, "at": "2026", "chain": "",
    "payload": '{"attributes":{},"error":"ý","reason":"timed_out","state":"PRUNED","value":null}',
}  # fmt: skip
"""Each column of the third event, and another value for it."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_for_writing(tmp_path / DATABASE)) as connection:
        EventLog(connection, STUDY).make_table()
        yield connection


@pytest.fixture
def log(database: sqlite3.Connection) -> EventLog:
    made = EventLog(database, STUDY)
    assert (made.read(), made.newest()) == ([], None)
    for event in EVENTS[:2]:
        made.append(event)
    assert made.read() == EVENTS[:2]  # after which it goes on
    for event in EVENTS[2:]:
        made.append(event)
    return made


def change(database: sqlite3.Connection, statement: str, *values: Any) -> None:
    with database:
        database.execute(statement, values)


def test_what_is_appended_is_read_in_order_and_as_it_was(log: EventLog) -> None:
    assert log.read() == EVENTS
    newest = log.newest()
    assert newest is not None
    assert newest[0] == len(EVENTS) - 1


def test_logs_in_one_database_do_not_know_each_other(log: EventLog, database: sqlite3.Connection) -> None:
    other = EventLog(database, "other-0")
    other.append(replace(CREATED, name="other-0"))
    assert (len(log.read()), len(other.read())) == (len(EVENTS), 1)
    assert sorted(logs.studies(database)) == [STUDY, "other-0"]


def test_a_log_of_an_older_version_is_named_as_that(database: sqlite3.Connection) -> None:
    log = EventLog(database, STUDY)
    log.append(replace(CREATED, format=7))
    sentence = r"^Study made-0 was made by an older mnist-bench; version 0\.3\.0 \(commit 5a98ef84\) reads it\.$"
    with pytest.raises(OtherVersionError, match=sentence):
        log.read()
    # As the formats before it, which had no checksums.
    change(database, "ALTER TABLE search_events DROP COLUMN chain")
    for reader in (log.read, log.first):
        with pytest.raises(OtherVersionError, match=sentence):
            reader()


def test_a_checksum_covers_the_one_before_and_every_column(log: EventLog, database: sqlite3.Connection) -> None:
    before = ""
    for *columns, chain in database.execute("SELECT * FROM search_events ORDER BY seq").fetchall():
        text = "\n".join([before, *("" if value is None else str(value) for value in columns)])
        before = hashlib.sha256(text.encode()).hexdigest()
        assert chain == before
    assert log.end == LogEnd(events=len(EVENTS), chain=before)


@pytest.mark.parametrize("column", OTHERWISE)
def test_a_changed_column_is_refused(log: EventLog, database: sqlite3.Connection, column: str) -> None:
    change(database, "UPDATE search_events SET what = ? WHERE seq = 2".replace("what", column), OTHERWISE[column])
    is_gone = column in ("study", "seq")
    words = "The event log of study made-0 lacks event 2" if is_gone else "Event 2 of study made-0 is damaged"
    with pytest.raises(StorageError, match=f"^{words}; restore its database\\.$"):
        log.read()
    assert log.first() == CREATED


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
def test_a_changed_log_is_refused(log: EventLog, database: sqlite3.Connection, statement: str, seq: int) -> None:
    change(database, statement)
    with pytest.raises(StorageError, match=rf"^(Event|The event log of study made-0 lacks event) {seq}\b"):
        log.read()


def test_a_damaged_first_event_is_no_specification(log: EventLog, database: sqlite3.Connection) -> None:
    change(database, "UPDATE search_events SET at = '' WHERE seq = 0")
    with pytest.raises(StorageError, match=r"^Event 0 of study made-0 is damaged; restore its database\.$"):
        log.first()


def test_a_log_that_is_shorter_than_it_was_is_refused(log: EventLog, database: sqlite3.Connection) -> None:
    end = log.end
    assert end is not None
    for noted, words in (
        (replace(end, events=7), "The event log of study made-0 lacks event 6 and all after it; "),
        (replace(end, chain="0" * 64), "Event 5 of study made-0 is damaged; "),
    ):
        with pytest.raises(StorageError, match=f"^{words}do so\\.$"):
            EventLog(database, STUDY, end=noted, advice="do so").read()
    noted_earlier = EventLog(database, STUDY, end=end)
    log.append(GoalSet(goal=4))
    assert noted_earlier.read() == [*EVENTS, GoalSet(goal=4)]
    assert noted_earlier.end == log.end
    nothing = EventLog(database, "made-1", end=end)
    for read in (nothing.read, nothing.first):
        with pytest.raises(StorageError, match=r"^The event log of study made-1 lacks event 0 and all"):
            read()


def test_what_is_left_of_a_damaged_log_can_be_read(log: EventLog, database: sqlite3.Connection) -> None:
    change(database, "UPDATE search_events SET payload = '{' WHERE seq = 1")
    found = log.salvage()
    assert (found.events, found.lost, found.unread) == ([CREATED], EVENTS[2:], 1)
    assert [row[2] for row in found.rows] == ["create"]
