"""What a database and a disk do to a search: locks of other processes, no room, torn files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from search.database import TIMEOUT, open_for_writing, storage_errors
from search.errors import StorageError, StudyLockedError
from search.event_log.events import GoalSet
from search.event_log.log import EventLog
from search.study.studies import open_study
from support import search_fake as fake
from support.canned import Searched
from support.damage import small_disk
from support.paths import DATABASE

BUDGET = 8
LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


@pytest.fixture
def undisturbed(searched: Searched) -> str:
    return searched.digest(budget=BUDGET)


@pytest.fixture
def database(searched: Searched, tmp_path: Path) -> Path:
    """Return the database of a search in `tmp_path` that was stopped half-way."""
    return searched(tmp_path, budget=BUDGET, events=16).database


@contextmanager
def locked(database: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the database's write lock for so long."""
    command = [sys.executable, "-c", LOCK, str(database), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


@pytest.mark.slow
def test_a_search_waits_for_another_process_to_let_go_of_the_lock(
    undisturbed: str, database: Path, tmp_path: Path
) -> None:
    with locked(database, 0.5):
        assert fake.run(tmp_path, budget=BUDGET).study.digest == undisturbed


def test_a_lock_that_is_held_too_long_is_a_sentence_and_ends_with_its_holder(
    undisturbed: str, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.database.TIMEOUT", 0.2)
    before = open_study(tmp_path, None).digest
    with locked(database, 60) as holder:
        with pytest.raises(StorageError, match=r"^The study cannot be written: database is locked\. Nothing .* lost"):
            fake.run(tmp_path, budget=BUDGET)
        assert open_study(tmp_path, None).digest == before
        holder.kill()
    assert fake.run(tmp_path, budget=BUDGET).study.digest == undisturbed


def test_a_writer_whose_lock_was_not_seen_is_told_at_once(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / DATABASE)) as connection:
        one, other = EventLog(connection, "made-0"), EventLog(connection, "made-0")
        one.make_table()
        one.append(GoalSet(goal=1))
        with pytest.raises(StudyLockedError, match=r"^Another process is writing this study;"), storage_errors():
            other.append(GoalSet(goal=1))
        newest = one.newest()
    assert newest is not None
    assert newest[0] == 0


def test_a_reader_that_never_ends_does_no_harm(undisturbed: str, database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=TIMEOUT)) as reader:
        reader.execute("BEGIN")
        (before,) = reader.execute("SELECT count(*) FROM search_events").fetchone()
        assert fake.run(tmp_path, budget=BUDGET).study.digest == undisturbed
        assert reader.execute("SELECT count(*) FROM search_events").fetchone() == (before,)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as made:
        yield made


def fill(folder: Path, left: int) -> Path:
    filler = folder / "filler"
    room = shutil.disk_usage(folder).free - left
    filler.write_bytes(bytes(max(0, room)))
    return filler


@pytest.mark.parametrize("left", [0, 40_000, 120_000])
def test_a_full_disk_is_a_sentence_and_the_search_goes_on_when_there_is_room(
    undisturbed: str, searched: Searched, disk: Path, left: int
) -> None:
    searched(disk, budget=BUDGET, events=16)
    before = open_study(disk, None)
    filler = fill(disk, left)
    with pytest.raises(StorageError) as caught:
        fake.run(disk, budget=BUDGET)
    assert "\n" not in str(caught.value)
    assert any(words in str(caught.value) for words in ("No space left", "is full", "I/O"))
    after = open_study(disk, None)
    assert [trial for trial in before.finished() if trial not in after.finished()] == []
    filler.unlink()
    assert fake.run(disk, budget=BUDGET).study.digest == undisturbed


@pytest.mark.parametrize("left", [slice(100), slice(4096), slice(30_000), slice(-4096), slice(0)], ids=str)
def test_a_torn_database_is_a_sentence_and_nothing_is_written(database: Path, tmp_path: Path, left: slice) -> None:
    content = database.read_bytes()[left]
    database.write_bytes(content)
    sentence = rf"^The database {database} is (damaged|empty).*restore a copy of it"
    with pytest.raises(StorageError, match=sentence) as caught:
        fake.run(tmp_path, budget=BUDGET)
    assert "\n" not in str(caught.value)
    assert database.read_bytes() == content


def test_the_log_of_an_emptied_database_is_left_alone(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE other (value)")
        connection.commit()
        copy = Path(shutil.copytree(tmp_path, tmp_path.parent / "copy")) / "fake-0" / DATABASE
    copy.write_bytes(b"")
    log = copy.with_name(f"{DATABASE}-wal")
    content = log.read_bytes()
    assert content
    for use in (lambda: open_study(copy.parents[1], "fake-0"), lambda: fake.run(copy.parents[1], budget=BUDGET)):
        with pytest.raises(StorageError, match=rf"^The database {copy} is (empty|damaged)"):
            use()
    assert log.read_bytes() == content


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_a_database_with_a_second_name_is_not_written(database: Path, tmp_path: Path, ending: str) -> None:
    file = database.with_name(f"{database.name}{ending}")
    file.touch()
    os.link(file, tmp_path / "victim")
    before = file.read_bytes()
    uses: list[Callable[[], object]] = [
        lambda: fake.run(tmp_path, budget=BUDGET),
        lambda: open_study(tmp_path, "fake-0"),
    ]
    for use in uses if ending == "-shm" else uses[:1]:  # which readers share
        with pytest.raises(StorageError, match=rf"{file.name}: has a second name"):
            use()
    assert (tmp_path / "victim").read_bytes() == before
