"""What every event log keeps to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from search.errors import OtherVersionError
from search.event_log import log as logs
from search.event_log.events import Asked, Created, Declined, Event, GoalSet, Stopped, Told
from search.event_log.log import EventLog
from search.stored_fields import FORMAT

STUDY = "made-0"
ENDS = Told(time=9, trial=0, external=True, state="PRUNED", reason="timed_out", value=None, error="so", attributes={})
EVENTS: list[Event] = [
    Created(name=STUDY, spec={"space": {"name": "made", "settings": {}, "fields": []}, "seed": 0,
            "concurrent_trials": 1, "order": "deterministic", "sampler": {}, "pruner": {}, "periods": 2, "context": {},
            "versions": {}, "numerics": {}}, format=FORMAT),
    GoalSet(goal=3),
    Asked(trial=0, params={"m.a": 0.1 + 0.2, "m.b": "\u00fc \u2028"}, config={"a": [1, 1.0, None]}, costs=(2**53, 0),
          facts={"macs": 7}, constraints={"macs": -0.5}, slot=0, seed=2**63, attributes={}),
    ENDS,
    Declined(time=2**53),
    Stopped(time=9, rule="target", limit=0.1 + 0.2, best=0),
]  # fmt: skip
Open = Callable[[str], EventLog]
"""Opens the log of a study of this name, in one database."""


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection:
        EventLog(connection, STUDY).make_table()
        yield lambda study: EventLog(connection, study)


@pytest.fixture
def log(open_log: Open) -> EventLog:
    """Return a log of two events."""
    made = open_log(STUDY)
    for event in EVENTS[:2]:
        made.append(event)
    return made


def test_what_is_appended_is_read_in_order_and_as_it_was(open_log: Open) -> None:
    log = open_log(STUDY)
    assert (log.read(), log.newest()) == ([], None)
    for event in EVENTS:
        log.append(event)
    assert log.read() == EVENTS
    newest = log.newest()
    assert newest is not None
    assert newest[0] == len(EVENTS) - 1


def test_a_log_that_was_read_goes_on_after_what_is_there(log: EventLog) -> None:
    log.read()
    log.append(EVENTS[2])
    assert log.read() == EVENTS[:3]


def test_logs_in_one_database_do_not_know_each_other(log: EventLog, open_log: Open) -> None:
    other = open_log("other-0")
    other.append(replace(EVENTS[0], name="other-0"))  # type: ignore[arg-type]
    assert (len(log.read()), len(other.read())) == (2, 1)
    assert sorted(logs.studies(log._connection)) == [STUDY, "other-0"]


def test_the_table_is_that_of_all_studies() -> None:
    assert " ".join(logs._TABLE.split()) == (
        "CREATE TABLE search_events ( study VARCHAR(128) NOT NULL, seq INTEGER NOT NULL, kind VARCHAR(16) NOT NULL, "
        "time BIGINT NOT NULL, trial INTEGER, external BOOLEAN NOT NULL, at VARCHAR(32) NOT NULL, "
        "payload TEXT NOT NULL, chain VARCHAR(64) NOT NULL, PRIMARY KEY (study, seq) )"
    )


def test_a_log_of_an_older_version_is_named_as_that(open_log: Open) -> None:
    log = open_log(STUDY)
    log.append(replace(EVENTS[0], format=7))  # type: ignore[arg-type]
    sentence = r"^Study made-0 was made by an older mnist-bench; version 0\.3\.0 \(commit 5a98ef84\) reads it\.$"
    with pytest.raises(OtherVersionError, match=sentence):
        log.read()
    # As the formats before it, which had no checksums.
    log._connection.execute("ALTER TABLE search_events DROP COLUMN chain")
    for reader in (log.read, log.first):
        with pytest.raises(OtherVersionError, match=sentence):
            reader()
