"""Where a log ended when its last driver did: a lost tail is noticed, and nothing else is taken for one."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.errors import StorageError
from search.study.folder import StudyFolder
from search.study.studies import list_studies, open_study, read_events
from support import search_fake as fake
from support.canned import Searched
from support.dose import dose
from support.paths import DATABASE

NAME = "fake-0"
GOAL = 6
LACKS = r"^The event log of study fake-0 lacks event \d+ and all after it; `mnist-bench doctor fake-0 --cut --results "


@pytest.fixture
def folder(searched: Searched, tmp_path: Path) -> Path:
    """Return the folder of a study whose database is as its driver left it in the midst, although the search ended."""
    place = searched(tmp_path, goal=GOAL)
    place.database.write_bytes((searched.made(goal=GOAL, events=15) / NAME / DATABASE).read_bytes())
    return place.path


def test_a_lost_tail_is_noticed_by_all_that_read_and_by_the_search(folder: Path) -> None:
    for use in (lambda: open_study(folder.parent, NAME), lambda: fake.run(folder.parent, goal=GOAL)):
        with pytest.raises(StorageError, match=LACKS):
            use()
    (listed,) = list_studies(folder.parent)
    assert listed.state == "unreadable"
    assert "and all after it" in str(listed.unreadable)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"chain":"","events":9}', b"[" * 299, b"\xff"])
def test_without_a_whole_note_a_log_is_read_as_ever(folder: Path, content: bytes | None) -> None:
    note = folder / "log-end.json"
    if content is None:
        note.unlink()
    else:
        note.write_bytes(content)
    assert len(open_study(folder.parent, NAME).finished()) < GOAL


def test_a_search_without_a_whole_note_goes_on_and_notes_its_end(folder: Path) -> None:
    (folder / "log-end.json").write_bytes(b"{")
    assert len(fake.run(folder.parent, goal=GOAL).study.finished()) == GOAL
    assert (folder / "log-end.json").stat().st_size > 100


@pytest.mark.dosed
def test_no_bit_of_a_note_can_flip_unseen(folder: Path) -> None:
    place, note = StudyFolder.of(NAME, folder.parent), folder / "log-end.json"
    whole = note.read_bytes()
    for at in random.Random(0).sample(range(8 * len(whole)), dose(8 * len(whole))):
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        note.write_bytes(flipped)
        assert read_events(place)


def test_a_log_that_grew_since_is_whole(searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = searched(tmp_path, goal=4)
    note = place.log_end.read_bytes()
    fake.run_killed_between_events(tmp_path, monkeypatch, [7, 10**6], goal=GOAL)
    assert place.log_end.read_bytes() != note
    place.log_end.write_bytes(note)
    assert len(open_study(tmp_path, NAME).finished()) == GOAL


def test_when_a_search_has_ended_the_database_alone_has_all_of_it(searched: Searched, tmp_path: Path) -> None:
    place = searched(tmp_path, goal=1)
    with closing(sqlite3.connect(place.database)) as reader:  # without it SQLite would clear up by itself
        assert reader.execute("SELECT count(*) FROM search_events").fetchone()
        digest = fake.run(tmp_path, goal=GOAL).study.digest
        copy = tmp_path / "copy" / NAME
        copy.mkdir(parents=True)
        for name in (DATABASE, "log-end.json"):
            (copy / name).write_bytes((place.path / name).read_bytes())
        assert open_study(tmp_path / "copy", NAME).digest == digest
