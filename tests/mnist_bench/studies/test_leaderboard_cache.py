"""Leaderboards that were kept: the same as those made anew, and only where nothing has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mnist_bench.leaderboard.board import Leaderboard, leaderboard_of
from mnist_bench.studies import leaderboard_cache
from search.database import file_lock
from search.event_log.records import StudyRecord
from search.study.location import StudyLocation
from support import handmade
from support.paths import LEDGER


@dataclass
class Database:
    """One study that counts how often it is read whole."""

    study: StudyRecord = field(default_factory=handmade.two_objectives)
    newest: tuple[int, str] | None = (7, "2026-01-01T00:00:00.000+00:00")
    reads: int = 0

    def open_study(self, *_: object) -> StudyRecord:
        self.reads += 1
        return self.study


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return a database in place of the real one; its study counts as large."""
    database = Database()
    monkeypatch.setattr("search.study.studies.open_study", database.open_study)
    monkeypatch.setattr("mnist_bench.studies.leaderboard_cache.newest_event", lambda place: database.newest)
    monkeypatch.setattr(leaderboard_cache, "FROM", len(database.study.trials))
    return database


@pytest.fixture
def look(tmp_path: Path, database: Database) -> Callable[..., Leaderboard]:
    """Return what shows the leaderboard of the study, whose folder is there."""
    (tmp_path / "two").mkdir()

    def shown(top: int | None = 3) -> Leaderboard:
        return leaderboard_cache.leaderboard(tmp_path, "two", top=top)

    return shown


def test_a_page_is_made_once_and_is_as_if_made_anew(database: Database, look: Callable[..., Leaderboard]) -> None:
    assert look() == look() == leaderboard_of(database.study, top=3)
    assert database.reads == 1


def test_any_event_makes_it_anew(database: Database, look: Callable[..., Leaderboard]) -> None:
    for newest in [(7, "then"), (8, "then"), (8, "later"), (8, "later")]:
        database.newest = newest
        look()
    assert database.reads == 3


def test_another_number_of_rows_is_another_page(database: Database, look: Callable[..., Leaderboard]) -> None:
    assert [len(look(top=top).rows) for top in (2, 4, None)] == [2, 4, 6]
    assert database.reads == 3


def test_what_is_no_part_of_the_study_is_as_it_is_now(tmp_path: Path, look: Callable[..., Leaderboard]) -> None:
    assert _now(look()) == (False, 0)
    with file_lock.driver_lock(StudyLocation.of("two", tmp_path).files.lock, "it"):
        for line in ("look", "confirm two: #1", "confirm two: #2"):
            with (tmp_path / LEDGER).open("a") as ledger:
                ledger.write(json.dumps({"purpose": line}) + "\n")
        board = look()
    assert _now(board) == (True, 2)


def _now(board: Leaderboard) -> tuple[bool, int | None]:
    return board.live, None if board.net is None else board.net.test_openings


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stamp": 1}'])
def test_a_damaged_page_is_made_anew(
    database: Database, tmp_path: Path, look: Callable[..., Leaderboard], content: bytes
) -> None:
    look()
    (tmp_path / "two" / "leaderboard.json").write_bytes(content)
    assert look() == look()
    assert database.reads == 2


def test_a_page_that_was_changed_by_hand_is_not_believed(
    database: Database, tmp_path: Path, look: Callable[..., Leaderboard]
) -> None:
    before = look()
    page = tmp_path / "two" / "leaderboard.json"
    page.write_bytes(page.read_bytes().replace(before.digest.encode(), b"0" * 64))
    assert look() == before
    assert database.reads == 2


def test_a_page_that_cannot_be_kept_is_shown(database: Database, tmp_path: Path) -> None:
    assert leaderboard_cache.leaderboard(tmp_path, "two").rows  # its folder is not there
    assert not (tmp_path / "two").exists()


def test_the_page_of_the_latest_is_of_the_study_whose_page_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    named: list[object] = []

    def noting(*given: object) -> StudyRecord:
        named.append(given[1])
        return database.study

    monkeypatch.setattr("search.study.studies.open_study", noting)
    monkeypatch.setattr(leaderboard_cache, "latest", lambda *_: "two")
    (tmp_path / "two").mkdir()
    leaderboard_cache.leaderboard(tmp_path, None)
    assert named == ["two"], "another one may be the latest by now"


def test_small_studies_keep_no_page(
    database: Database, tmp_path: Path, look: Callable[..., Leaderboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboard_cache, "FROM", 1000)
    look()
    assert list((tmp_path / "two").iterdir()) == []
