"""A damaged log is cut after its last good event, nothing of it is thrown away, and the search comes to its end."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from search.database.engines import damage, sqlite_url
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log.events import GoalSet, Reported
from search.study import studies
from search.study.cutting import cut
from search.study.location import StudyLocation
from support import search_fake as fake
from support.forgery import chain_anew
from support.paths import DATABASE

NAME = "fake-0"
GOAL = 12


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results with a study."""
    results = tmp_path_factory.mktemp("searched")
    fake.run(results, goal=GOAL)
    return results


@pytest.fixture
def place(searched: Path, tmp_path: Path) -> StudyLocation:
    """Return a copy of the study."""
    return StudyLocation.of(NAME, Path(shutil.copytree(searched, tmp_path, dirs_exist_ok=True)))


def change(place: StudyLocation, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(place.files.database)) as database, database:
        database.execute(statement, values)


def damaged(place: StudyLocation, seq: int) -> None:
    """Change a digit of an event, in which there is no other sign of it."""
    change(place, "UPDATE search_events SET at = replace(at, '20', '21') WHERE seq = ?", seq)


def digest(place: StudyLocation, **options: Any) -> str:
    return fake.run(place.folder.parent, goal=GOAL, **options).study.digest


@pytest.mark.parametrize("seq", [1, 2, 17, -1])
def test_after_a_cut_the_search_ends_with_the_digest_of_an_undisturbed_one(place: StudyLocation, seq: int) -> None:
    whole, events = studies.open_study(place.folder.parent, NAME).digest, studies.read_events(place)
    seq %= len(events)
    damaged(place, seq)
    content = place.files.database.read_bytes()
    made = cut(place)
    assert studies.read_events(place) == events[:seq]
    assert (made.history.seq, made.lost, made.unread, made.otherwise) == (seq, events[seq:], 0, None)
    assert made.aside == place.folder / "aside" / DATABASE
    assert made.aside.read_bytes() == content
    assert [path.name for path in place.folder.glob(".*")] == []
    assert digest(place) == whole
    assert len(studies.read_events(place)) == len(events)


def test_every_cut_keeps_what_it_cuts(place: StudyLocation) -> None:
    for seq in (30, 20):
        damaged(place, seq)
        cut(place)
    assert {path.name for path in (place.folder / "aside").iterdir()} >= {DATABASE, f"{DATABASE}.1"}


def test_what_sqlite_kept_beside_the_database_is_kept_with_it_and_does_not_come_back(place: StudyLocation) -> None:
    whole = studies.open_study(place.folder.parent, NAME).digest
    with closing(sqlite3.connect(place.files.database)) as writer:
        writer.execute("UPDATE search_events SET payload = '{}' WHERE seq = 9")
        writer.commit()
        log = place.folder / f"{DATABASE}-wal"
        in_log = log.read_bytes()
        assert in_log
        cut(place)
    assert (place.folder / "aside" / log.name).read_bytes() == in_log
    assert len(studies.read_events(place)) == 9
    assert digest(place) == whole


def test_of_a_torn_file_what_can_be_read_is_kept(place: StudyLocation) -> None:
    whole = studies.open_study(place.folder.parent, NAME).digest
    content = place.files.database.read_bytes()
    place.files.database.write_bytes(content[: len(content) * 4 // 5])
    assert damage(place.files.database)
    made = cut(place)
    assert 0 < made.history.seq < made.history.seq + len(made.lost) + made.unread == 60
    assert damage(place.files.database) is None
    assert digest(place) == whole


def test_a_file_that_is_damaged_elsewhere_keeps_every_event(place: StudyLocation) -> None:
    whole, events = studies.open_study(place.folder.parent, NAME).digest, studies.read_events(place)
    with closing(sqlite3.connect(place.files.database)) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        pages = [
            database.execute(query, (name,)).fetchone()[0] for name in ("trials", "sqlite_autoindex_search_events_1")
        ]
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(place.files.database.read_bytes())
    for page in pages:
        content[(page - 1) * size : page * size] = bytes(size)
    place.files.database.write_bytes(bytes(content))
    with pytest.raises(StorageError):
        studies.open_study(place.folder.parent, NAME)
    made = cut(place)
    assert (studies.read_events(place), made.lost, made.unread) == (events, [], 0)
    assert digest(place) == whole


def test_a_lost_tail_is_given_up(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=GOAL, stopping=fake.StopAfter(20))
    place = StudyLocation.of(NAME, tmp_path)
    paused = place.files.database.read_bytes()
    whole = digest(place)
    place.files.database.write_bytes(paused)
    made = cut(place)
    assert made.lost == []
    assert made.history.seq + made.unread == 60
    assert digest(place) == whole


def test_a_folder_under_another_name_is_cut_as_well(place: StudyLocation) -> None:
    damaged(place, 20)
    place.folder.rename(place.folder.with_name("other"))
    other = StudyLocation.of("other", place.folder.parent)
    with pytest.raises(StorageError, match=r"^Event 20 of study fake-0 is damaged; `mnist-bench doctor other"):
        studies.read_events(other)
    cut(other)
    assert len(studies.open_study(place.folder.parent, "other").trials) > 0


def test_it_says_that_a_larger_budget_is_among_the_lost(place: StudyLocation, tmp_path: Path) -> None:
    ended = len(studies.read_events(place))
    fake.run(tmp_path, goal=GOAL + 2)
    damaged(place, ended + 1)
    assert cut(place).otherwise is None
    damaged(place, 1)
    made = cut(place)
    assert made.lost[0] == GoalSet(goal=GOAL)
    assert made.otherwise == "its trial budget had been raised"


def test_it_says_that_an_end_by_the_machine_is_among_the_lost(place: StudyLocation) -> None:
    change(place, "UPDATE search_events SET payload = replace(payload, 'complete', 'timed_out') WHERE seq > 30")
    chain_anew(place.files.database)
    damaged(place, 20)
    assert str(cut(place).otherwise).startswith("the machine had ended #")


def test_by_arrival_it_may_end_otherwise(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=GOAL, order="as-completed")
    place = StudyLocation.of(NAME, tmp_path)
    damaged(place, 20)
    made = cut(place)
    assert made.otherwise == "it takes up results in the order in which they arrive"
    assert any(isinstance(event, Reported) for event in made.lost)


def test_what_cannot_be_cut_is_left_alone(place: StudyLocation, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^The event log of study fake-0 is not damaged, so there is nothing to cut\.$"
    ):
        cut(place)
    with pytest.raises(StudyNotFoundError):
        cut(StudyLocation.of("none", tmp_path))
    with pytest.raises(
        UsageError, match="is not in its folder, so its event log cannot be cut; restore a backup of its"
    ):
        cut(StudyLocation.of(NAME, tmp_path, sqlite_url(tmp_path / "team.db")))
    damaged(place, 0)
    before = {path: path.read_bytes() for path in place.folder.iterdir() if path.is_file()}
    with pytest.raises(StorageError, match=r"^No event of study fake-0 can be read, so nothing was changed; restore"):
        cut(place)
    assert {path: path.read_bytes() for path in before} == before
    assert not (place.folder / "aside").exists()
