"""Optuna's tables against the event log: every difference is found, and mended from the log."""

from __future__ import annotations

import shutil
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
from support.paths import DATABASE

GOAL = 12
OBJECTIVES = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of the search that nothing disturbs."""
    return fake.run(tmp_path_factory.mktemp("undisturbed"), goal=GOAL).study.digest


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a search that was stopped half-way."""
    results = tmp_path_factory.mktemp("stopped")
    assert not fake.run(results, goal=GOAL, stopping=fake.StopAfter(40)).reached
    return results


@pytest.fixture
def place(stopped: Path, tmp_path: Path) -> StudyLocation:
    """Return a copy of it, to be damaged."""
    return StudyLocation.of("fake-0", Path(shutil.copytree(stopped, tmp_path / "results")))


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


def execute(place: StudyLocation, statement: str) -> None:
    with closing(sqlite3.connect(place.folder / DATABASE)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.execute(statement).rowcount
        connection.commit()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"behaviour": "diverge"}, {"space_values": OBJECTIVES}, {"space_values": fake.CONDITIONAL_LEVELS}],
    ids=lambda o: str(*o),
)
def test_the_tables_of_a_search_follow_its_log(tmp_path: Path, options: dict[str, Any]) -> None:
    fake.run(tmp_path, goal=GOAL, **options)
    place = StudyLocation.of("fake-0", tmp_path)
    assert found(place) == TablesDiff(missing=(), unknown=(), otherwise=(), pending=())
    mend(place)
    assert found(place) == TablesDiff(missing=(), unknown=(), otherwise=(), pending=())


DAMAGES = {
    "DELETE FROM trials WHERE number = 2": TablesDiff(missing=(2,), unknown=(), otherwise=(), pending=()),
    "DELETE FROM trial_params WHERE trial_id = 2": TablesDiff(missing=(), unknown=(), otherwise=(1,), pending=()),
    "DELETE FROM trial_intermediate_values WHERE trial_id = 1": TablesDiff(
        missing=(), unknown=(), otherwise=(0,), pending=()
    ),
    "UPDATE trial_intermediate_values SET intermediate_value = 0.5 WHERE trial_id = 1 AND step = 1": TablesDiff(
        missing=(), unknown=(), otherwise=(0,), pending=()
    ),
    "UPDATE trials SET state = 'FAIL' WHERE number = 1": TablesDiff(missing=(), unknown=(), otherwise=(1,), pending=()),
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", DAMAGES)
def test_every_difference_is_found_and_mended_and_the_search_goes_on(
    undisturbed: str, place: StudyLocation, statement: str
) -> None:
    execute(place, statement)
    assert found(place) == DAMAGES[statement]
    mend(place)
    assert not found(place)
    assert fake.run(place.folder.parent, goal=GOAL).study.digest == undisturbed
    assert not found(place)


@pytest.mark.slow
def test_a_trial_that_others_added_is_unknown(undisturbed: str, place: StudyLocation) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=place.url)
    added = theirs.ask().number
    assert found(place).unknown == (added,)
    with pytest.raises(StorageError, match="do not follow its event log") as refused:
        fake.run(place.folder.parent, goal=GOAL)
    assert f"`mnist-bench doctor fake-0 --repair --results {place.folder.parent}` writes them" in str(refused.value)
    mend(place)
    assert fake.run(place.folder.parent, goal=GOAL).study.digest == undisturbed


def test_what_a_dashboard_notes_is_no_difference(place: StudyLocation) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=place.url)
    running = next(trial for trial in theirs.trials if not trial.state.is_finished())
    theirs._storage.set_trial_system_attr(running._trial_id, "dashboard:note", "look at this")
    assert not found(place)


def test_a_study_that_is_gone_is_missing_and_written_anew(undisturbed: str, place: StudyLocation) -> None:
    optuna.delete_study(study_name=place.name, storage=place.url)
    trials = len([event for event in read_events(place) if event.kind == "ask"])
    assert len(found(place).missing) == trials
    with pytest.raises(StorageError, match="--repair"):
        fake.run(place.folder.parent, goal=GOAL)
    mend(place)
    assert not found(place)
    assert fake.run(place.folder.parent, goal=GOAL).study.digest == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ask", "report", "tell"])
def test_a_driver_killed_between_log_and_tables_leaves_one_event_pending(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with monkeypatch.context() as patch:
        die_at_third(patch, kind)
        with pytest.raises(fake.Killed):
            fake.run(tmp_path, goal=GOAL)
    place = StudyLocation.of("fake-0", tmp_path)
    assert not found(place)
    assert found(place).pending == (trial_of(read_events(place)[-1]),)
    assert fake.run(tmp_path, goal=GOAL).study.digest == undisturbed
    assert found(place) == TablesDiff(missing=(), unknown=(), otherwise=(), pending=())


def die_at_third(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Let what writes Optuna's tables die at the third event of a kind, half-way where it takes several steps."""
    apply, left = OptunaTables.apply, 3

    def dying(mirror: OptunaTables, event: Event) -> None:
        nonlocal left
        left -= event.kind == kind
        if left == 0:
            if isinstance(event, Reported | Told):
                mirror._set_attributes(mirror._id(event), event)
            raise fake.Killed
        apply(mirror, event)

    monkeypatch.setattr(OptunaTables, "apply", dying)


def test_no_more_than_reading_is_done_to_look(place: StudyLocation) -> None:
    before = (place.folder / DATABASE).read_bytes()
    found(place)
    assert (place.folder / DATABASE).read_bytes() == before
    with tables(place) as storage, pytest.raises(Exception, match="readonly"), storage.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trials")


def test_tables_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    with pytest.raises(StorageError, match="Cannot open the database"):
        open_tables_for_reading(sqlite_url(path))
