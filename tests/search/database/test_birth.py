"""Databases that a kill left half made: they read as having no study yet, and the same search begins it."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from search.database import damage
from search.errors import SearchError, StorageError, StudyNotFoundError
from search.study.folder import StudyFolder
from search.study.studies import list_studies, open_study, read_events
from support import search_fake as fake
from support.dose import dose
from support.paths import DATABASE

pytestmark = pytest.mark.slow

PAGE = 4096
JOURNAL = struct.pack(">8sIIIII", bytes.fromhex("d9d505f920a163d7"), 0, 0, 0, 512, PAGE).ljust(512, b"\0")
"""A rollback journal of a database that had no page before."""


def first_page(folder: Path) -> bytes:
    """Return what SQLite writes first to a new file that is to have a write-ahead log."""
    path = folder / "first"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert path.stat().st_size == PAGE
    return path.read_bytes()


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    database = folder / "fake-0" / DATABASE
    database.parent.mkdir()
    for suffix, content in files.items():
        database.with_name(DATABASE + suffix).write_bytes(content)
    return database


@pytest.mark.parametrize("suffixes", [[], ["-journal"], ["-wal"]])
@pytest.mark.parametrize("page", [False, True])
def test_a_half_made_database_has_no_study_yet_and_gets_one(tmp_path: Path, page: bool, suffixes: list[str]) -> None:
    contents = {"-journal": JOURNAL, "-wal": b""}
    left = {"": first_page(tmp_path) if page else b"", **{suffix: contents[suffix] for suffix in suffixes}}
    database = put(tmp_path, left)
    assert damage(database) is None
    with pytest.raises(StudyNotFoundError, match="No study fake-0"):
        open_study(tmp_path, "fake-0")
    assert list_studies(tmp_path) == []
    assert read_events(StudyFolder.of("fake-0", tmp_path)) == []
    assert database.read_bytes() == left[""]
    assert fake.run(tmp_path, budget=2).reached
    assert [summary.trials for summary in list_studies(tmp_path)] == [2]


def test_tables_are_never_rolled_back_unasked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "whole")) as connection:
        connection.execute("CREATE TABLE filled (value)")
    content = (tmp_path / "whole").read_bytes()
    database = put(tmp_path, {"": content, "-journal": JOURNAL})
    with pytest.raises(StorageError, match=r"is damaged \(a write to it was broken off; .* sqlite3 study.db"):
        fake.run(tmp_path, budget=2)
    assert database.read_bytes() == content


BUDGET = 2
WINDOW = 0.05
"""Seconds after the database's file appears in which a kill comes."""
FIRST_PAGE = 0.004
"""Seconds in which its first page is written, with the rollback journal next to it; every other kill comes in them."""


@pytest.mark.dosed
def test_searches_killed_while_their_database_is_made(tmp_path: Path) -> None:
    assert not any(faults for _, faults in killed_at_birth(tmp_path, max(4, dose(12))))


@pytest.mark.soak
def test_many_searches_killed_while_their_database_is_made(tmp_path: Path) -> None:
    deaths = [*killed_at_birth(tmp_path, 200)]
    assert min(size for size, _ in deaths) <= PAGE, "no kill came before the tables were there"
    assert [faults for _, faults in deaths if faults] == []


def killed_at_birth(folder: Path, kills: int) -> Iterator[tuple[int, list[str]]]:
    """Kill that number of searches, each a process of its own in a folder of its own; yield the bytes of the database
    that each kill left, and the faults that readers and the same search, started again, find."""
    moments = random.Random(0)
    digest = fake.run(folder / "undisturbed", budget=BUDGET).study.digest
    processes = multiprocessing.get_context("forkserver")  # forks from a process that has imported what a search needs
    processes.set_forkserver_preload(["support.search_fake", "optuna.storages", "search.strategies.optuna_samplers"])
    for number in range(kills):
        results = folder / str(number)
        database = StudyFolder.of("fake-0", results).database
        search = processes.Process(target=fake.run, args=(results,), kwargs={"budget": BUDGET})
        search.start()
        while not database.exists():
            time.sleep(0)
        time.sleep(moments.uniform(0, WINDOW if number % 2 else FIRST_PAGE))
        search.kill()
        search.join()
        yield database.stat().st_size, [*faults_after(results, digest)]


def faults_after(results: Path, digest: str) -> Iterator[str]:
    files = StudyFolder.of("fake-0", results)
    if fault := damage(files.database):
        yield f"doctor: {fault}"
    for reader in (
        lambda: open_study(results, files.name),
        lambda: list_studies(results),
        lambda: read_events(files),
        lambda: fake.run(results, budget=BUDGET),
    ):
        try:
            reader()
        except StudyNotFoundError:
            continue  # there is none yet
        except SearchError as error:
            yield str(error)
    if open_study(results, files.name).digest != digest:
        yield "the search has another result"
