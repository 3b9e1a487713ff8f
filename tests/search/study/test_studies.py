"""Studies as places: found, listed, removed, and readable by Optuna's own tools."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
import pytest

from search.database import file_lock
from search.database.engines import open_for_reading, open_for_writing, sqlite_url
from search.database.urls import is_secret, redacted
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.events import GoalSet
from search.event_log.log import EventLog
from search.study import studies
from search.study.location import StudyLocation
from search.study.studies import remove_study
from support import search_fake as fake
from support.paths import DATABASE, ROOT


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two studies, `second` the newer one."""
    folder = tmp_path_factory.mktemp("results")
    fake.run(folder, goal=6, name="first")
    fake.run(folder, goal=4, name="second", seed=3)
    return folder


def test_the_latest_study_is_meant_where_none_is_named(results: Path) -> None:
    assert studies.open_study(results, None).name == "second"
    assert studies.open_study(results, "first").name == "first"


def test_studies_are_listed_latest_first(results: Path) -> None:
    second, first = studies.list_studies(results)
    assert (second.name, first.name) == ("second", "first")
    assert (first.trials, first.goal, first.live) == (6, 6, False)
    assert first.best_value is not None
    assert first.bytes > 0


def test_a_study_that_is_not_there(results: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyNotFoundError, match="No study third"):
        studies.open_study(results, "third")
    with pytest.raises(StudyNotFoundError, match="mnist-bench search conv"):
        studies.open_study(tmp_path, None)


def test_where_a_study_is_not_the_advice_names_the_same_place(tmp_path: Path) -> None:
    place = tmp_path / "my results"
    listed = f"^No study third in {place}/; `mnist-bench studies --results '{place}'` lists the studies there\\.$"
    for ask in (studies.open_study, remove_study):
        with pytest.raises(StudyNotFoundError, match=listed):
            ask(place, "third")
    made = f"^No study in {place}/; `mnist-bench search conv --trials 50 --results '{place}'` makes one\\.$"
    with pytest.raises(StudyNotFoundError, match=made):
        studies.open_study(place, None)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "[/x]", "a\nb", "\x1b[31m", "x" * 65, "a\0b", "-n", "é"])
def test_names_that_cannot_be_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a study"):
        studies.open_study(tmp_path, name)


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        studies.open_study(tmp_path, "broken")


def test_a_study_that_cannot_be_read_is_listed_with_why_beside_the_others(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / DATABASE).write_bytes(b"this is no database" * 100)
    with closing(sqlite3.connect(tmp_path / "first" / DATABASE)) as database, database:
        database.execute("DELETE FROM search_events WHERE seq = 3")
    broken, second, first = studies.list_studies(tmp_path)
    assert (broken.name, broken.trials, broken.live) == ("broken", 0, False)
    assert "not a database" in str(broken.unreadable)
    assert "lacks event 3" in str(first.unreadable)
    assert (second.name, second.trials, second.unreadable) == ("second", 4, None)
    with pytest.raises(StorageError, match="not a database"):
        studies.open_study(tmp_path, None)


@pytest.mark.parametrize("before", ["newest_event", "_read", "_modified", "_size"])
def test_a_study_that_is_removed_while_all_are_listed_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    for name in ("gone", "there"):
        fake.run(tmp_path, goal=1, name=name)
    if before == "_modified":  # of what cannot be read
        (tmp_path / "gone" / DATABASE).write_bytes(b"this is no database" * 100)
    function = getattr(studies, before)

    def removed_first(of: Any) -> Any:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return function(of)

    with monkeypatch.context() as patched:
        patched.setattr(studies, before, removed_first)
        listed = [summary.name for summary in studies.list_studies(tmp_path)]
    assert listed == ["there"] if before != "_size" else set(listed) == {"gone", "there"}
    assert [summary.name for summary in studies.list_studies(tmp_path)] == ["there"]


def test_a_folder_that_is_removed_while_its_size_is_taken_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.run(tmp_path, goal=1, name="gone")
    size_of = studies._size_of

    def removed_first(file: Path) -> int:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return size_of(file)

    monkeypatch.setattr(studies, "_size_of", removed_first)
    (summary,) = studies.list_studies(tmp_path)
    assert summary.bytes == 0


@pytest.mark.slow
def test_a_removed_study_is_gone(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=2, name="short")
    with file_lock.driver_lock(tmp_path / "short" / "driver.lock", "short"), pytest.raises(StudyLockedError):
        remove_study(tmp_path, "short")
    remove_study(tmp_path, "short")
    with pytest.raises(StudyNotFoundError):
        remove_study(tmp_path, "short")


def test_a_study_that_is_being_confirmed_is_not_removed(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=1, name="short")
    (tmp_path / "short" / "confirm").mkdir()
    with (
        file_lock.driver_lock(tmp_path / "short" / "confirm" / "driver.lock", "The confirmation"),
        pytest.raises(StudyLockedError),
    ):
        remove_study(tmp_path, "short")
    remove_study(tmp_path, "short")
    assert not (tmp_path / "short").exists()


@pytest.mark.parametrize("shared", [False, True])
def test_a_removal_that_was_cut_off_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    url = sqlite_url(tmp_path / "shared.db") if shared else None
    fake.run(tmp_path / "studies", goal=1, name="short", url=url)
    (tmp_path / "studies" / "short" / "confirm").mkdir()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("search.study.studies.shutil.rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            remove_study(tmp_path / "studies", "short", url)
    assert [study.name for study in studies.list_studies(tmp_path / "studies", url)] == ["short"]
    remove_study(tmp_path / "studies", "short", url)
    assert not (tmp_path / "studies" / "short").exists()
    assert studies.list_studies(tmp_path / "studies", url) == []


def test_whose_a_folder_is_beside_a_shared_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "shared.db")
    fake.run(tmp_path / "mine", goal=1)
    fake.run(tmp_path / "theirs", goal=1, url=url)
    for results, storage in ((tmp_path / "mine", None), (tmp_path / "theirs", url), (tmp_path / "nowhere", url)):
        study = studies.open_study(results, "fake-0", storage)
        assert study.files.path == results / "fake-0"
        assert study.location == StudyLocation.of("fake-0", results, storage)
    mixed = studies.open_study(tmp_path / "mine", None, url)
    with pytest.raises(UsageError, match=r"fake-0 holds files of another study of this name; name the folder of this"):
        _ = mixed.files


def test_a_study_is_the_same_wherever_it_is_kept(tmp_path: Path) -> None:
    searched = fake.run(tmp_path / "here", goal=1).study
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here, there = (studies.open_study(tmp_path / name, "fake-0") for name in ("here", "there"))
    assert searched == here == there
    assert searched.location == here.location != there.location
    assert "location" not in repr(here), "which may hold a password"


def test_a_lock_on_a_file_that_was_removed_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    with ExitStack() as first:
        first.enter_context(file_lock.driver_lock(path, "The first"))
        took = threading.Event()
        done = threading.Event()

        def wait_for_it() -> None:
            with file_lock.driver_lock(path, "The second"):
                took.set()
                done.wait()

        second = threading.Thread(target=wait_for_it, daemon=True)
        second.start()
        time.sleep(0.1)  # it has opened the file, and waits
        path.unlink()
    took.wait()
    assert file_lock.is_held(path)
    done.set()
    second.join()


def test_a_study_that_is_removed_while_it_is_searched_is_not_gone_on_with(tmp_path: Path) -> None:
    storage = open_for_writing(sqlite_url(tmp_path / "study.db"))
    log = EventLog(storage.engine, "made-0")
    log.make_table()
    for goal in (1, 2):
        log.append(GoalSet(goal=goal))
    log.remove()
    with pytest.raises(
        StudyLockedError, match=r"^Study made-0 was removed while it was searched; this search stops\.$"
    ):
        log.append(GoalSet(goal=3))
    assert log.newest() is None
    storage.engine.dispose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_a_study_in_a_folder_of_another_user_is_read() -> None:
    code = (
        "import os, sys; from search import open_study; open_study(sys.argv[1], 'first'); os.setresuid(*[65534] * 3); "
        "print(len(open_study(sys.argv[1], 'fake-0').trials))"
    )
    with TemporaryDirectory(dir="/var/tmp") as folder:  # pytest's own is closed to others
        Path(folder).chmod(0o755)
        fake.run(Path(folder), goal=1, name="first")  # read as root, after which nothing is left to import
        fake.run(Path(folder), goal=2)
        command = [sys.executable, "-c", code, folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_a_study_whose_folder_is_a_link_is_removed_with_what_it_leads_to(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=1, name="short")
    (tmp_path / "short").rename(tmp_path / "elsewhere")
    (tmp_path / "short").symlink_to("elsewhere")
    remove_study(tmp_path, "short")
    assert not [*tmp_path.glob("short"), *tmp_path.glob("elsewhere")]


def test_a_reader_cannot_write(results: Path) -> None:
    engine = open_for_reading(sqlite_url(results / "first" / DATABASE))
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM search_events")


def test_several_studies_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'team.db'}"
    fake.run(tmp_path, goal=3, name="one", url=url)
    fake.run(tmp_path, goal=4, name="two", url=url)
    assert studies.open_study(tmp_path, None, url).name == "two"
    assert len(studies.open_study(tmp_path, "one", url).finished()) == 3


def test_optuna_reads_the_study_as_its_own(results: Path) -> None:
    ours = studies.open_study(results, "first")
    theirs = optuna.load_study(study_name="first", storage=sqlite_url(results / "first" / DATABASE))
    assert len(theirs.trials) == len(ours.trials)
    for trial, frozen in zip(ours.trials, theirs.trials, strict=True):
        assert frozen.state.name == trial.state
        assert list(frozen.intermediate_values.values()) == [report.value for report in trial.reports]
        assert frozen.user_attrs["reason"] == trial.reason
        assert frozen.params.keys() == trial.params.keys()
    assert ours.best is not None
    assert theirs.best_trial.number == ours.best.number


def test_optunas_command_line_reads_the_study(results: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("optuna")),
        "--storage",
        sqlite_url(results / "first" / DATABASE),
    ]
    done = subprocess.run([*command, "studies", "-f", "json"], capture_output=True, text=True, check=True)
    assert [row["name"] for row in json.loads(done.stdout)] == ["first"]


def test_a_password_is_never_shown() -> None:
    url = "postgresql+psycopg://me:canary-secret@db.example/x"
    assert "canary-secret" not in redacted(url)
    assert "canary-secret" not in redacted("not a url canary-secret")
    with pytest.raises(SearchError) as caught:
        studies.open_study(Path("results"), "x", "nosuchdialect://me:canary-secret@db/x")
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("sqlite:///x.db", False),
        ("sqlite:///x.db?timeout=5", False),
        ("postgresql://me@host:5432/db", False),
        ("postgresql+psycopg://me:word@host/db", True),
        ("postgresql://me:@host/db", True),
        ("postgresql://host/db?user=me&password=word", True),
        ("postgresql://host:port/db", True),
        ("me:word@host", True),
        ("", True),
    ],
)
def test_whether_a_url_may_be_shown(url: str, secret: bool) -> None:
    assert is_secret(url) == secret


@pytest.fixture
def renamed(results: Path, tmp_path: Path) -> Path:
    """Return a folder in which a study's folder was given another name."""
    shutil.copytree(results / "first", tmp_path / "other")
    return tmp_path


def test_a_renamed_study_is_read_under_its_folders_name(results: Path, renamed: Path) -> None:
    (summary,) = studies.list_studies(renamed)
    assert (summary.name, summary.trials, summary.path) == ("other", 6, renamed / "other")
    there, here = studies.open_study(results, "first"), studies.open_study(renamed, None)
    assert here.name == "other"
    assert replace(here, name="first") == there
    assert here.digest == there.digest
    place = StudyLocation.of("other", renamed)
    assert studies.name_inside(place) == "first"
    assert studies.read_events(place) == studies.read_events(StudyLocation.of("first", results))


def test_a_copy_is_listed_beside_its_original(renamed: Path) -> None:
    shutil.copytree(renamed / "other", renamed / "first")
    assert {summary.name for summary in studies.list_studies(renamed)} == {"first", "other"}


@pytest.mark.parametrize("goal", [6, 20])
def test_a_search_leaves_a_renamed_study_alone(renamed: Path, goal: int) -> None:
    before = studies.open_study(renamed, "other").digest
    with pytest.raises(UsageError, match="other holds study first under another name; rename the folder back to first"):
        fake.run(renamed, goal=goal, name="other")
    assert studies.open_study(renamed, "other").digest == before


def test_a_renamed_study_goes_on_under_its_own_name(renamed: Path) -> None:
    (renamed / "other").rename(renamed / "first")
    assert len(fake.run(renamed, goal=8, name="first").study.finished()) == 8


def test_a_renamed_study_is_removed_by_its_folders_name(renamed: Path) -> None:
    with pytest.raises(StudyNotFoundError):
        remove_study(renamed, "first")
    remove_study(renamed, "other")
    assert studies.list_studies(renamed) == []
    assert not (renamed / "other").exists()


def test_two_studies_under_other_names_are_none_of_a_folders(renamed: Path) -> None:
    """Which of them is meant nobody can tell."""
    fake.run(renamed, goal=2, name="second", url=sqlite_url(renamed / "other" / DATABASE))
    assert studies.list_studies(renamed) == []
    with pytest.raises(StorageError, match="The event log of study other lacks event 0 and all after it"):
        studies.open_study(renamed, "other")
