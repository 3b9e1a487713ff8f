"""Optuna's tables against the event log: every difference is found, and mended from the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest

from search.database.engines import open_for_writing, open_tables_for_reading, sqlite_url
from search.errors import StorageError
from search.event_log.events import Event, Reported, Told, trial_of
from search.study.location import StudyLocation
from search.study.optuna_tables import OptunaTables
from search.study.studies import read_events
from search.study.tables_check import TablesDiff, compare_tables, rebuild
from support import search_fake as fake
from support.searched import Searched

GOAL = 8
OBJECTIVES = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}
NONE = TablesDiff(missing=(), unknown=(), otherwise=(), pending=())


@pytest.fixture
def undisturbed(searched: Searched) -> str:
    """Return the digest of the search that nothing disturbs."""
    return searched.digest(goal=GOAL)


@pytest.fixture
def place(searched: Searched, tmp_path: Path) -> StudyLocation:
    """Return the study of a search that was stopped half-way, to be damaged."""
    return searched(tmp_path, goal=GOAL, events=14)


@contextmanager
def tables(place: StudyLocation) -> Iterator[optuna.storages.RDBStorage]:
    storage = open_tables_for_reading(place.url)
    try:
        yield storage
    finally:
        storage.engine.dispose()


def found(place: StudyLocation) -> TablesDiff:
    with tables(place) as storage:
        return compare_tables(storage, place.name, read_events(place))


def mend(place: StudyLocation) -> None:
    storage = open_for_writing(place.url)
    try:
        rebuild(storage, place.name, read_events(place))
    finally:
        storage.engine.dispose()


def end_of(place: StudyLocation) -> str:
    return fake.run(place.folder.parent, goal=GOAL).study.digest


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"behaviour": "diverge"}, {"space_values": OBJECTIVES}, {"space_values": fake.CONDITIONAL_LEVELS}],
    ids=lambda o: str(*o),
)
def test_the_tables_of_a_search_follow_its_log(searched: Searched, tmp_path: Path, options: dict[str, Any]) -> None:
    place = searched(tmp_path, goal=GOAL, **options)
    assert found(place) == NONE
    mend(place)
    assert found(place) == NONE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "kind", "trial"),
    [
        ("DELETE FROM trials WHERE number = 2", "missing", 2),
        ("DELETE FROM trial_params WHERE trial_id = 2", "otherwise", 1),
        ("DELETE FROM trial_intermediate_values WHERE trial_id = 1", "otherwise", 0),
        ("UPDATE trial_intermediate_values SET intermediate_value = 0.5 WHERE trial_id = 1", "otherwise", 0),
        ("DELETE FROM trial_system_attributes WHERE trial_id = 1", "otherwise", 0),
        ("UPDATE trial_user_attributes SET value_json = '7' WHERE trial_id = 2", "otherwise", 1),
        ("UPDATE trials SET state = 'FAIL' WHERE number = 1", "otherwise", 1),
    ],
)
def test_every_difference_is_found_and_mended_and_the_search_goes_on(
    undisturbed: str, place: StudyLocation, statement: str, kind: str, trial: int
) -> None:
    with closing(sqlite3.connect(place.files.database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.execute(statement).rowcount
    difference: dict[str, Any] = {"missing": (), "unknown": (), "otherwise": (), "pending": (), kind: (trial,)}
    assert found(place) == TablesDiff(**difference)
    mend(place)
    assert not found(place)
    assert end_of(place) == undisturbed
    assert not found(place)


@pytest.mark.slow
def test_a_trial_that_others_added_is_unknown(undisturbed: str, place: StudyLocation) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=place.url)
    added = theirs.ask().number
    assert found(place).unknown == (added,)
    with pytest.raises(StorageError, match="do not follow its event log") as refused:
        end_of(place)
    assert f"`mnist-bench doctor fake-0 --repair --results {place.folder.parent}` writes them" in str(refused.value)
    mend(place)
    assert end_of(place) == undisturbed


def test_what_a_dashboard_notes_is_no_difference(place: StudyLocation) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=place.url)
    running = next(trial for trial in theirs.trials if not trial.state.is_finished())
    theirs._storage.set_trial_system_attr(running._trial_id, "dashboard:note", "look at this")
    assert not found(place)


def test_a_study_that_is_gone_is_missing_and_written_anew(undisturbed: str, place: StudyLocation) -> None:
    optuna.delete_study(study_name=place.name, storage=place.url)
    assert len(found(place).missing) == len([event for event in read_events(place) if event.kind == "ask"])
    with pytest.raises(StorageError, match="--repair"):
        end_of(place)
    mend(place)
    assert not found(place)
    assert end_of(place) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ask", "report", "tell"])
def test_a_driver_killed_between_log_and_tables_leaves_one_event_pending(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    apply, left = OptunaTables.apply, 3

    def dying(mirror: OptunaTables, event: Event) -> None:
        """Die at the third event of the kind, half-way if it takes several steps."""
        nonlocal left
        left -= event.kind == kind
        if left == 0:
            if isinstance(event, Reported | Told):
                mirror._set_attributes(mirror._id(event), event)
            raise fake.Killed
        apply(mirror, event)

    with monkeypatch.context() as patch:
        patch.setattr(OptunaTables, "apply", dying)
        with pytest.raises(fake.Killed):
            fake.run(tmp_path, goal=GOAL)
    place = StudyLocation.of("fake-0", tmp_path)
    assert not found(place)
    assert found(place).pending == (trial_of(read_events(place)[-1]),)
    assert end_of(place) == undisturbed
    assert found(place) == NONE


def test_no_more_than_reading_is_done_to_look(place: StudyLocation) -> None:
    before = place.files.database.read_bytes()
    found(place)
    assert place.files.database.read_bytes() == before
    with tables(place) as storage, pytest.raises(Exception, match="readonly"), storage.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trials")


def test_tables_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    with pytest.raises(StorageError, match="Cannot open the database"):
        open_tables_for_reading(sqlite_url(path))
