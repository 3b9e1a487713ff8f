"""Studies as places: found, listed, removed, and readable by Optuna's own tools."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from search.database import open_for_reading, open_for_writing
from search.errors import StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.events import GoalSet
from search.event_log.log import EventLog
from search.file_lock import driver_lock
from search.study import studies
from search.study.folder import StudyFolder
from search.study.studies import list_studies, open_study, read_events, remove_study
from support import search_fake as fake
from support.canned import Searched
from support.dose import dose
from support.paths import DATABASE, ROOT

NO_DATABASE = b"this is no database" * 100


@pytest.fixture
def results(searched: Searched, tmp_path: Path) -> Path:
    """Return a folder with two studies, `second` the newer one."""
    searched(tmp_path, budget=6, name="first")
    searched(tmp_path, budget=4, name="second", seed=3)
    return tmp_path


def test_studies_are_listed_latest_first_and_the_latest_is_meant_if_none_is_named(results: Path) -> None:
    second, first = list_studies(results)
    assert (second.name, first.name) == ("second", "first")
    assert (first.trials, first.budget, first.live, first.unreadable) == (6, 6, False, None)
    assert first.best_value is not None
    assert first.bytes > 0
    assert open_study(results, None).name == "second"
    assert open_study(results, "first").name == "first"


def test_of_a_study_that_is_not_there_the_advice_names_the_same_place(tmp_path: Path) -> None:
    place = tmp_path / "my results"
    listed = f"^No study third in {place}/; `mnist-bench studies --results '{place}'` lists the studies there\\.$"
    with pytest.raises(StudyNotFoundError, match=listed):
        open_study(place, "third")
    with pytest.raises(StudyNotFoundError, match=listed):
        remove_study(missing := StudyFolder.of("third", place))
    assert (studies.specification(missing), read_events(missing)) == (None, [])
    made = f"^No study in {place}/; `mnist-bench search conv --trials 50 --results '{place}'` makes one\\.$"
    with pytest.raises(StudyNotFoundError, match=made):
        open_study(place, None)


def test_a_study_that_cannot_be_read_is_listed_with_the_reason_among_the_others(results: Path) -> None:
    (results / "broken").mkdir()
    (results / "broken" / DATABASE).write_bytes(NO_DATABASE)
    with closing(sqlite3.connect(results / "first" / DATABASE)) as database, database:
        database.execute("DELETE FROM search_events WHERE seq = 3")
    broken, second, first = list_studies(results)
    assert (broken.name, broken.trials, broken.live, broken.state) == ("broken", 0, False, "unreadable")
    assert "not a database" in str(broken.unreadable)
    assert "lacks event 3" in str(first.unreadable)
    assert (second.name, second.trials, second.unreadable) == ("second", 4, None)
    for name in ("broken", None):
        with pytest.raises(StorageError, match="not a database"):
            open_study(results, name)


@pytest.mark.parametrize("before", ["newest_event", "read_events", "driver_of", "_size"])
def test_a_study_that_is_removed_while_all_are_listed_is_no_error(
    searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    for name in ("gone", "there"):
        searched(tmp_path, budget=1, name=name)
    if before == "driver_of":  # of what cannot be read
        (tmp_path / "gone" / DATABASE).write_bytes(NO_DATABASE)
    function = getattr(studies, before)

    def removed_first(of: Any) -> Any:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return function(of)

    monkeypatch.setattr(studies, before, removed_first)
    listed = {summary.name: summary.bytes for summary in list_studies(tmp_path)}
    assert listed.keys() == ({"there", "gone"} if before.startswith("_size") else {"there"})
    assert listed.get("gone", 0) == 0


@pytest.mark.parametrize("work", [".", "confirm"])
def test_a_study_is_removed_only_if_nobody_works_on_it(
    searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    monkeypatch.setattr("search.file_lock.time.sleep", lambda seconds: None)
    place = searched(tmp_path, budget=1)
    (place.path / work).mkdir(exist_ok=True)
    with driver_lock(place.path / work / "driver.lock", "The work"), pytest.raises(StudyLockedError):
        remove_study(place)
    remove_study(place)
    assert not place.path.exists()
    with pytest.raises(StudyNotFoundError):
        remove_study(place)


def test_a_removal_that_was_cut_off_is_made_again(
    searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = searched(tmp_path, budget=1)
    (place.path / "confirm").mkdir()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("search.study.studies.shutil.rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            remove_study(place)
    assert [study.name for study in list_studies(tmp_path)] == ["fake-0"]
    remove_study(place)
    assert not place.path.exists()
    assert list_studies(tmp_path) == []


def test_a_study_that_is_removed_while_it_is_searched_is_not_gone_on_with(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / DATABASE)) as connection:
        log = EventLog(connection, "made-0")
        log.make_table()
        log.append(GoalSet(goal=1))
        with connection:
            connection.execute("DELETE FROM search_events")
        with pytest.raises(
            StudyLockedError, match=r"^Study made-0 was removed while it was searched; this search stops"
        ):
            log.append(GoalSet(goal=3))
        assert log.newest() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_a_study_in_a_folder_of_another_user_is_read(searched: Searched) -> None:
    code = (
        "import os, sys; from search import open_study; open_study(sys.argv[1], 'first'); os.setresuid(*[65534] * 3); "
        "print(len(open_study(sys.argv[1], 'second').trials), flush=True); os._exit(0)"  # coverage could not save then
    )
    with TemporaryDirectory(dir="/var/tmp") as folder:  # pytest's own is closed to others
        for name in ("first", "second"):  # the first is read as root, after which nothing is left to import
            searched(Path(folder), budget=1, name=name)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_link_counts_with_its_own_size_and_the_folder_that_one_leads_to_is_removed(
    searched: Searched, tmp_path: Path
) -> None:
    place = searched(tmp_path, budget=1)
    before = list_studies(tmp_path)[0].bytes
    place.report.symlink_to(shutil.copy(place.database, tmp_path / "large"))
    assert list_studies(tmp_path)[0].bytes == before
    (place.path / "plots").symlink_to(tmp_path / "marks")  # a folder that is none of the study's
    place.path.rename(tmp_path / "elsewhere")
    place.path.symlink_to("elsewhere")
    remove_study(place)
    assert sorted(os.listdir(tmp_path)) == ["large", "marks"]


def test_a_reader_cannot_write(searched: Searched, tmp_path: Path) -> None:
    database = searched(tmp_path, budget=1).database
    with closing(open_for_reading(database)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM search_events")


def test_a_renamed_study_is_read_and_removed_under_its_folders_name_and_goes_on_under_its_own_alone(
    searched: Searched, tmp_path: Path
) -> None:
    place, other = StudyFolder.of("first", tmp_path), StudyFolder.of("other", tmp_path)
    searched(tmp_path, budget=6, name="first").path.rename(other.path)
    (summary,) = list_studies(tmp_path)
    assert (summary.name, summary.trials, summary.path) == ("other", 6, other.path)
    with pytest.raises(StudyNotFoundError):
        remove_study(place)
    searched(tmp_path, budget=6, name="first")
    here, there = open_study(tmp_path, "other"), open_study(tmp_path, "first")
    assert (here.name, here.digest) == ("other", there.digest)
    assert replace(here, name="first") == there
    assert studies.name_inside(other) == "first"
    assert read_events(other) == read_events(place)
    assert {summary.name for summary in list_studies(tmp_path)} == {"first", "other"}
    with pytest.raises(UsageError, match="other holds study first under another name; rename the folder back to first"):
        fake.run(tmp_path, budget=8, name="other")
    assert open_study(tmp_path, "other").digest == here.digest
    remove_study(place)
    other.path.rename(place.path)
    assert len(fake.run(tmp_path, budget=8, name="first").study.finished()) == 8
    place.path.rename(other.path)
    remove_study(other)
    assert list_studies(tmp_path) == []


def test_a_studys_database_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    results = tmp_path / "50%20off? {x}"
    study = fake.run(results, budget=1).study
    assert open_study(results, "fake-0").digest == study.digest
    assert (results / "fake-0" / DATABASE).is_file()
    assert [path.name for path in tmp_path.iterdir()] == [results.name]


NAME = "fake-0"
BUDGET = 6
LACKS = r"^The event log of study fake-0 lacks event \d+ and all after it; `mnist-bench doctor fake-0 --cut --results "


@pytest.fixture
def folder(searched: Searched, tmp_path: Path) -> Path:
    """Return the folder of a study whose database is as its driver left it in the midst, although the search ended."""
    place = searched(tmp_path, budget=BUDGET)
    place.database.write_bytes((searched.made(budget=BUDGET, events=15) / NAME / DATABASE).read_bytes())
    return place.path


def test_a_lost_tail_is_noticed_by_all_that_read_and_by_the_search(folder: Path) -> None:
    for use in (lambda: open_study(folder.parent, NAME), lambda: fake.run(folder.parent, budget=BUDGET)):
        with pytest.raises(StorageError, match=LACKS):
            use()
    (listed,) = list_studies(folder.parent)
    assert listed.state == "unreadable"
    assert "and all after it" in str(listed.unreadable)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"chain":"","events":9}', b"[" * 299, b"\xff"])
def test_without_a_whole_note_a_log_is_read_as_ever_and_a_search_notes_its_end(
    folder: Path, content: bytes | None
) -> None:
    note = folder / "log-end.json"
    if content is None:
        note.unlink()
    else:
        note.write_bytes(content)
    assert len(open_study(folder.parent, NAME).finished()) < BUDGET
    assert len(fake.run(folder.parent, budget=BUDGET).study.finished()) == BUDGET
    assert note.stat().st_size > 100


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
    place = searched(tmp_path, budget=4)
    note = place.log_end.read_bytes()
    fake.run_killed_between_events(tmp_path, monkeypatch, [7, 10**6], budget=BUDGET)
    assert place.log_end.read_bytes() != note
    place.log_end.write_bytes(note)
    assert len(open_study(tmp_path, NAME).finished()) == BUDGET


def test_when_a_search_has_ended_the_database_alone_has_all_of_it(searched: Searched, tmp_path: Path) -> None:
    place = searched(tmp_path, budget=1)
    with closing(sqlite3.connect(place.database)) as reader:  # without it SQLite would clear up by itself
        assert reader.execute("SELECT count(*) FROM search_events").fetchone()
        digest = fake.run(tmp_path, budget=BUDGET).study.digest
        copy = tmp_path / "copy" / NAME
        copy.mkdir(parents=True)
        for name in (DATABASE, "log-end.json"):
            (copy / name).write_bytes((place.path / name).read_bytes())
        assert open_study(tmp_path / "copy", NAME).digest == digest
