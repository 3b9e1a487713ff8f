"""Notes and tags: kept in the database, changed while a search runs, and harmless whoever wrote them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from search.database import file_lock
from search.errors import StudyNotFoundError, UsageError
from search.notes import Change
from search.study import studies
from search.study.location import StudyLocation
from search.study.studies import remove_study
from support import search_fake as fake
from support.paths import DATABASE

pytestmark = pytest.mark.usefixtures("log_alone")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    fake.run(folder, goal=2, name="first")
    return folder


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    """Return a folder with a study of its own, `first`."""
    shutil.copytree(searched, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_study_has_the_note_and_the_tags_that_it_was_given(folder: Path) -> None:
    study = studies.open_study(folder, "first")
    assert (study.note, study.tags) == ("", ())
    study.annotate(note=" wider rotation\nand more é ", tags=["paper", "baseline"])
    assert (study.note, study.tags) == ("wider rotation\nand more é", ("baseline", "paper"))
    study.annotate(tags=["paper"], without=["baseline"])
    assert (study.note, study.tags) == ("wider rotation\nand more é", ("paper",))
    study.annotate(note="")
    assert studies.list_studies(folder)[0].note == ""
    assert studies.list_studies(folder)[0].tags == ("paper",)


def test_notes_are_no_part_of_a_study(folder: Path) -> None:
    study = studies.open_study(folder, "first")
    modified = studies.newest_event(study.location)
    study.annotate(note="mine", tags=["mine"])
    again = studies.open_study(folder, "first")
    assert (again, again.digest, studies.newest_event(study.location)) == (study, study.digest, modified)


def test_a_note_is_written_while_another_process_searches(folder: Path) -> None:
    study = studies.open_study(folder, "first")
    with file_lock.driver_lock(study.files.lock, "Study first"):
        study.annotate(note="running")
    assert study.note == "running"


def test_a_study_from_before_gets_its_table_with_its_first_note(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "first" / DATABASE)) as database:
        database.execute("DROP TABLE search_notes")
    study = studies.open_study(folder, "first")
    assert (study.note, study.tags) == ("", ())
    study.annotate(note="late")
    assert study.note == "late"


def test_a_copy_of_the_folder_has_them_under_its_new_name(folder: Path) -> None:
    studies.open_study(folder, "first").annotate(note="mine")
    (folder / "first").rename(folder / "renamed")
    renamed = studies.open_study(folder, "renamed")
    assert renamed.note == "mine"
    renamed.annotate(note="yours")
    assert renamed.note == "yours"


def test_in_a_shared_database_each_study_has_its_own_until_it_is_removed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    for name in ("first", "second"):
        fake.run(tmp_path, goal=2, name=name, url=url)
        studies.open_study(tmp_path, name, url).annotate(note=name, tags=[name])
    remove_study(tmp_path, "first", url)
    fake.run(tmp_path, goal=2, name="first", url=url)
    assert studies.open_study(tmp_path, "first", url).note == ""
    assert studies.open_study(tmp_path, "second", url).tags == ("second",)


def test_a_search_writes_its_note_and_keeps_one_without(tmp_path: Path) -> None:
    search = fake.make_search(tmp_path, goal=2)
    study = replace(search, note="by the search").run().study
    fake.run(tmp_path, goal=2)
    assert study.note == "by the search"
    assert replace(fake.make_search(tmp_path, goal=2), note="at its end").run().study.note == "at its end"


@pytest.mark.parametrize("tag", ["", " ", "two words", "-x", "a,b", "x" * 41, "a\x1b[31m", "a\n"])
def test_a_tag_is_a_word(folder: Path, tag: str) -> None:
    with pytest.raises(UsageError, match="cannot be a tag"):
        studies.open_study(folder, "first").annotate(tags=[tag])


@pytest.mark.parametrize(
    ("note", "fault"), [("x" * 4001, "4,001 characters"), ("a\0b", "control character"), ("\x1b[2J", "control")]
)
def test_a_note_is_plain_text(folder: Path, note: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        studies.open_study(folder, "first").annotate(note=note)


def test_what_cannot_be_done_changes_nothing(folder: Path) -> None:
    study = studies.open_study(folder, "first")
    study.annotate(tags=["baseline"])
    with pytest.raises(UsageError, match="no tag baselin; did you mean `baseline`"):
        study.annotate(note="new", without=["baselin"])
    with pytest.raises(UsageError, match="to be added and removed"):
        study.annotate(tags=["a"], without=["a"])
    with pytest.raises(UsageError, match="give a list"):
        study.annotate(tags="baseline")
    assert (study.note, study.tags) == ("", ("baseline",))


def test_there_are_no_notes_about_a_study_that_is_not_there(folder: Path) -> None:
    location = StudyLocation.of("second", folder)
    with pytest.raises(StudyNotFoundError, match="No study second"):
        studies.annotate_at(location, Change(note="x"))
    assert studies.notes_at(location).note == ""
    assert not location.folder.exists()


def test_of_what_a_stranger_wrote_the_form_alone_is_read(folder: Path) -> None:
    study = studies.open_study(folder, "first")
    study.annotate(note="x")
    rows = [("first", "good", ""), ("first", "two words", ""), ("first", "\x1b[31m", ""), ("first", "t" * 60, "")]
    with closing(sqlite3.connect(folder / "first" / DATABASE)) as database, database:
        database.executemany("INSERT INTO search_notes VALUES (?, ?, ?)", rows)
        database.execute("UPDATE search_notes SET text = ? WHERE tag = ''", ("y" * 5000,))
    assert (study.note, study.tags) == ("y" * 4000, ("good",))
