"""What every event log keeps to, in a file of SQLite and on a PostgreSQL server that is locked and that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from search.database import postgres as postgres_locks
from search.database.engines import sqlite_url
from search.errors import OtherVersionError, StorageError, StudyLockedError
from search.event_log import log as logs
from search.event_log.events import Asked, Created, Declined, Event, GoalSet, Stopped, Told
from search.event_log.log import EventLog
from search.stored_fields import FORMAT
from support.postgres_server import Server

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
]  # fmt: skip
STOPPED = Stopped(time=9, rule="target", limit=0.1 + 0.2, best=0)
Open = Callable[[str], EventLog]
"""Opens the log of a study of this name, in one database."""


@contextmanager
def opened(url: str, *, locked: bool = False) -> Iterator[Open]:
    engine = create_engine(url)
    with ExitStack() as held:

        def open_log(study: str) -> EventLog:
            lock = held.enter_context(postgres_locks.driver_lock(url, study)) if locked else None
            return EventLog(engine, study, lock)

        open_log(STUDY + "-table").make_table()
        yield open_log
    engine.dispose()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.slow),  # a server starts
        pytest.param("postgresql, locked", marks=pytest.mark.slow),
    ]
)
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    url = sqlite_url(tmp_path / "study.db")
    if request.param != "sqlite":
        server: Server = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    with opened(url, locked=request.param.endswith("locked")) as opener:
        yield opener


@pytest.fixture
def log(open_log: Open) -> EventLog:
    """Return a log of two events."""
    made = open_log(STUDY)
    for event in EVENTS[:2]:
        made.append(event)
    return made


def test_what_is_appended_is_read_in_order_and_as_it_was(open_log: Open) -> None:
    log = open_log(STUDY)
    assert (log.read(), log.newest(), log.begun()) == ([], None, None)
    for event in EVENTS:
        log.append(event)
    assert log.read() == EVENTS
    newest, begun = log.newest(), log.begun()
    assert newest is not None
    assert begun is not None
    assert newest[0] == len(EVENTS) - 1
    assert begun <= newest[1]


def test_a_log_that_was_read_goes_on_after_what_is_there(log: EventLog) -> None:
    log.read()
    log.append(EVENTS[2])
    assert log.read() == EVENTS[:3]


def test_logs_in_one_database_do_not_know_each_other(log: EventLog, open_log: Open) -> None:
    other = open_log("other-0")
    other.append(replace(EVENTS[0], name="other-0"))  # type: ignore[arg-type]
    assert (len(log.read()), len(other.read())) == (2, 1)
    assert [name for name, _ in sorted(logs.studies(log._engine))] == [STUDY, "other-0"]
    log.remove()
    assert (log.read(), len(other.read())) == ([], 1)


def test_an_event_that_may_have_come_through_is_there_once_after_it_was_settled(log: EventLog) -> None:
    log._length -= 1  # as where the commit came through and nobody heard of it
    log.settle()
    log.append(EVENTS[2])
    assert log.read() == EVENTS[:3]


def test_the_table_is_that_of_all_studies() -> None:
    made = str(CreateTable(logs._events).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert " ".join(made.split()) == (
        "CREATE TABLE search_events ( study VARCHAR(128) NOT NULL, seq INTEGER NOT NULL, kind VARCHAR(16) NOT NULL, "
        "time BIGINT NOT NULL, trial INTEGER, external BOOLEAN NOT NULL, at VARCHAR(32) NOT NULL, "
        "payload TEXT NOT NULL, chain VARCHAR(64) NOT NULL, PRIMARY KEY (study, seq) )"
    )


def test_after_an_outage_the_lock_is_taken_again(tmp_path: Path) -> None:
    class Held:
        """Stands in for PostgreSQL's lock, in the session of which events are written."""

        def __init__(self, connection: Connection) -> None:
            self.connection = connection
            self.taken = 0

        def take(self) -> None:
            self.taken += 1

    with opened(sqlite_url(tmp_path / "study.db")) as opener:
        plain = opener(STUDY)
        with plain._engine.connect() as connection:
            held = Held(connection)
            log = EventLog(plain._engine, STUDY, held)  # type: ignore[arg-type]
            log.append(EVENTS[0])
            log._length -= 1
            log.settle()
            assert held.taken == 1
            assert log.read() == EVENTS[:1]


def test_a_log_of_an_older_version_is_named_as_that(open_log: Open) -> None:
    log = open_log(STUDY)
    log.append(replace(EVENTS[0], format=7))  # type: ignore[arg-type]
    sentence = r"^Study made-0 was made by an older mnist-bench; version 0\.3\.0 \(commit 5a98ef84\) reads it\.$"
    with pytest.raises(OtherVersionError, match=sentence):
        log.read()
    with log._engine.begin() as connection:  # as the formats before it, which had no checksums
        connection.execute(text("ALTER TABLE search_events DROP COLUMN chain"))
    for reader in (log.read, log.first):
        with pytest.raises(OtherVersionError, match=sentence):
            reader()


def test_a_log_that_another_driver_has_gone_on_with_is_left_alone(log: EventLog) -> None:
    log._newest = {**log._newest, "payload": '{"goal":9}'}
    log._length -= 1
    with pytest.raises(StudyLockedError, match="has continued study made-0"):
        log.settle()
    log._length += 5
    with pytest.raises(StorageError, match="has lost events of study made-0: it has 2, and 6 were written"):
        log.settle()


def test_the_studies_of_a_database_are_listed_with_their_newest_event(log: EventLog) -> None:
    newest = log.newest()
    assert newest is not None
    assert logs.studies(log._engine) == [(STUDY, newest[1])]
