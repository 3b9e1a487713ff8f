"""A damaged log is cut after its last good event, nothing of it is thrown away, and the search comes to its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.database import damage
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log.events import GoalSet
from search.study.cutting import cut
from search.study.folder import StudyFolder
from search.study.studies import open_study, read_events
from support import search_fake as fake
from support.canned import Searched
from support.damage import chain_anew
from support.paths import DATABASE

NAME = "fake-0"
BUDGET = 6


@pytest.fixture
def whole(searched: Searched) -> str:
    return searched.digest(budget=BUDGET)


@pytest.fixture
def place(searched: Searched, tmp_path: Path) -> StudyFolder:
    return searched(tmp_path, budget=BUDGET)


def change(place: StudyFolder, statement: str, *values: int) -> None:
    with closing(sqlite3.connect(place.database)) as database, database:
        database.execute(statement, values)


def damaged(place: StudyFolder, seq: int) -> None:
    """Change a digit of an event, in which there is no other sign of it."""
    change(place, "UPDATE search_events SET at = replace(at, '20', '21') WHERE seq = ?", seq)


def digest(place: StudyFolder) -> str:
    return fake.run(place.path.parent, budget=BUDGET).study.digest


@pytest.mark.parametrize("seq", [1, 2, 17, -1])
def test_after_a_cut_the_search_ends_with_the_digest_of_an_undisturbed_one(
    whole: str, place: StudyFolder, seq: int
) -> None:
    events = read_events(place)
    seq %= len(events)
    damaged(place, seq)
    content = place.database.read_bytes()
    made = cut(place)
    assert read_events(place) == events[:seq]
    assert (made.history.seq, made.lost, made.unread, made.otherwise) == (seq, events[seq:], 0, None)
    assert made.aside == place.path / "aside" / DATABASE
    assert made.aside.read_bytes() == content
    assert [path.name for path in place.path.glob(".*")] == []
    assert digest(place) == whole
    assert len(read_events(place)) == len(events)


def test_what_sqlite_kept_beside_the_database_is_kept_with_it_and_does_not_come_back(
    whole: str, place: StudyFolder
) -> None:
    with closing(sqlite3.connect(place.database)) as writer:
        writer.execute("UPDATE search_events SET payload = '{}' WHERE seq = 9")
        writer.commit()
        log = place.path / f"{DATABASE}-wal"
        in_log = log.read_bytes()
        assert in_log
        cut(place)
    assert (place.path / "aside" / log.name).read_bytes() == in_log
    assert len(read_events(place)) == 9
    assert digest(place) == whole


def test_of_a_torn_file_what_can_be_read_is_kept(searched: Searched, tmp_path: Path) -> None:
    place = searched(tmp_path, budget=12)
    content, events = place.database.read_bytes(), len(read_events(place))
    place.database.write_bytes(content[: len(content) * 4 // 5])
    assert damage(place.database)
    made = cut(place)
    assert 0 < made.history.seq < made.history.seq + len(made.lost) + made.unread == events
    assert damage(place.database) is None
    assert fake.run(tmp_path, budget=12).study.digest == searched.digest(budget=12)


def test_a_file_that_is_damaged_elsewhere_keeps_every_event(whole: str, place: StudyFolder) -> None:
    events = read_events(place)
    with closing(sqlite3.connect(place.database)) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        pages = [
            database.execute(query, (name,)).fetchone()[0] for name in ("trials", "sqlite_autoindex_search_events_1")
        ]
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(place.database.read_bytes())
    for page in pages:
        content[(page - 1) * size : page * size] = bytes(size)
    place.database.write_bytes(bytes(content))
    with pytest.raises(StorageError):
        open_study(place.path.parent, NAME)
    made = cut(place)
    assert (read_events(place), made.lost, made.unread) == (events, [], 0)
    assert digest(place) == whole


def test_a_lost_tail_is_given_up(whole: str, searched: Searched, place: StudyFolder) -> None:
    paused = searched.made(budget=BUDGET, events=15) / NAME / DATABASE
    place.database.write_bytes(paused.read_bytes())
    chain = len(read_events(StudyFolder.of(NAME, paused.parents[1])))
    made = cut(place)
    assert (made.lost, made.history.seq) == ([], chain)
    assert made.unread > 0
    assert digest(place) == whole


def test_every_cut_keeps_what_it_cuts_in_a_folder_under_another_name_too(place: StudyFolder) -> None:
    damaged(place, 20)
    place.path.rename(place.path.with_name("other"))
    other = StudyFolder.of("other", place.path.parent)
    with pytest.raises(StorageError, match=r"^Event 20 of study fake-0 is damaged; `mnist-bench doctor other"):
        read_events(other)
    cut(other)
    assert len(open_study(place.path.parent, "other").trials) > 0
    damaged(other, 10)
    cut(other)
    assert {path.name for path in (other.path / "aside").iterdir()} >= {DATABASE, f"{DATABASE}.1"}


def test_it_says_what_is_lost_that_may_end_the_search_otherwise(
    searched: Searched, place: StudyFolder, tmp_path: Path
) -> None:
    ended = len(read_events(place))
    fake.run(tmp_path, budget=BUDGET + 2)
    kept = place.database.read_bytes()
    raised = "its trial budget had been raised"
    for seq, otherwise in ((ended + 1, None), (ended, raised), (1, raised)):
        place.database.write_bytes(kept)
        damaged(place, seq)
        made = cut(place)
        assert made.otherwise == otherwise
    assert made.lost[0] == GoalSet(goal=BUDGET)
    place.database.write_bytes(kept)
    change(place, "UPDATE search_events SET payload = replace(payload, 'complete', 'timed_out') WHERE seq > 10")
    chain_anew(place.database)
    damaged(place, 10)
    assert str(cut(place).otherwise).startswith("the machine had ended #")
    by_arrival = searched(tmp_path / "arrival", budget=BUDGET, order="as-completed")
    damaged(by_arrival, 10)
    assert cut(by_arrival).otherwise == "it takes up results in the order in which they arrive"


def test_what_cannot_be_cut_is_left_alone(place: StudyFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^The event log of study fake-0 is not damaged, so there is nothing to cut"):
        cut(place)
    with pytest.raises(StudyNotFoundError):
        cut(StudyFolder.of("none", tmp_path))
    damaged(place, 0)
    before = {path: path.read_bytes() for path in place.path.iterdir() if path.is_file()}
    with pytest.raises(StorageError, match=r"^No event of study fake-0 can be read, so nothing was changed; restore"):
        cut(place)
    assert {path: path.read_bytes() for path in before} == before
    assert not (place.path / "aside").exists()
