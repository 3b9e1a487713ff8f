"""Optuna's tables against the event log: every difference is found, and mended from the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.engine import Connection

from search.database import open_for_reading, open_for_writing, sqlite_url
from search.event_log.events import trial_of
from search.event_log.history import History
from search.event_log.records import ENDS
from search.strategies.pruners import NoPruner
from search.study import optuna_tables
from search.study.folder import StudyFolder
from search.study.optuna_tables import OptunaTables, TablesDiff, rebuild
from search.study.studies import read_events
from support import search_fake as fake
from support.canned import Searched

BUDGET = 8
LEVELS = fake.LEVELS["optim"]["lr"]["levels"]
NONE = TablesDiff(missing=(), unknown=(), otherwise=(), pending=())


@pytest.fixture
def undisturbed(searched: Searched) -> str:
    return searched.digest(budget=BUDGET)


@pytest.fixture
def place(searched: Searched, tmp_path: Path) -> StudyFolder:
    """Return the study of a search that was stopped half-way, to be damaged."""
    return searched(tmp_path, budget=BUDGET, events=14)


def found(place: StudyFolder) -> TablesDiff:
    events = read_events(place)
    with closing(open_for_reading(place.database)) as connection:
        return OptunaTables(connection, History.of(events)).compare(events)


def mend(place: StudyFolder) -> None:
    with closing(open_for_writing(place.database)) as connection:
        rebuild(connection, History.of(read_events(place)))


def end_of(place: StudyFolder) -> str:
    return fake.run(place.path.parent, budget=BUDGET).study.digest


def execute(place: StudyFolder, statement: str) -> None:
    with closing(sqlite3.connect(place.database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.execute(statement).rowcount


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] >= other[0] and one[1] >= other[1]


TWO, MINIMIZED = {"objective": ["val_accuracy", "parameters"]}, {"objective": "loss", "direction": "minimize"}
OVER_TIME: dict[str, Any] = {"behaviour": "claim_time", "trial_timeout": 1.0, "pruner": NoPruner()}


ENQUEUED = {"optim.lr": 1e-2, "model.width": 16}  # not in the order of the log


@pytest.mark.parametrize(
    "options",
    [
        {"space_values": {**fake.SPACE, **TWO}},
        {"enqueued": (ENQUEUED,)},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"space_values": {**fake.SPACE, **MINIMIZED}}, marks=pytest.mark.slow),
        pytest.param({"space_values": {**fake.SPACE, **TWO, "direction": "minimize"}}, marks=pytest.mark.slow),
        pytest.param({"space_values": fake.CONDITIONAL_LEVELS}, marks=pytest.mark.slow),
        pytest.param({"behaviour": "diverge"}, marks=pytest.mark.slow),
        pytest.param({"behaviour": "raise"}, marks=pytest.mark.slow),
        pytest.param(OVER_TIME, marks=pytest.mark.slow),
    ],
    ids=["two", "enqueued", "one", "minimized", "two minimized", "levels", "diverged", "crashed", "timed out"],
)
def test_the_tables_of_a_search_follow_its_log_and_optuna_reads_them_so(
    searched: Searched, tmp_path: Path, options: dict[str, Any]
) -> None:
    place = searched(tmp_path, budget=12, **options)
    assert found(place) == NONE
    mend(place)
    assert found(place) == NONE
    theirs = optuna.load_study(study_name=place.name, storage=sqlite_url(place.database))
    study = History.of(read_events(place)).record()
    two = study.cost is not None
    assert [direction.name.lower() for direction in theirs.directions] == [study.direction, *["minimize"] * two]
    assert theirs.metric_names == (None if study.metric is None else [study.metric, *[study.cost] * two])
    for shown, trial in zip(theirs.trials, study.trials, strict=True):
        assert (shown.state.name, shown.user_attrs["reason"]) == (trial.state, trial.reason)
        assert shown.params.keys() == trial.params.keys()
        assert list(shown.intermediate_values.values()) == [r.value for r in trial.reports if r.value is not None]
        values = [trial.value, trial.facts["parameters"]] if two else [trial.value]
        assert shown.values == (values if trial.reason in ("complete", "pruned") else None)
        assert shown.user_attrs.get("error") == trial.error
        counts = ENDS[trial.reason].counts_against or (two and trial.reason == "pruned")
        assert (shown.constraints.get(trial.reason, 0) > 0) == counts
        if (lr := shown.distributions["optim.lr"]) == optuna.distributions.IntDistribution(0, 4):  # of levels
            assert lr.to_external_repr(shown.params["optim.lr"]) == LEVELS.index(trial.params["optim.lr"])
    reached = [trial for trial in theirs.trials if "completed_rung_0" in trial.system_attrs]
    assert [trial.system_attrs["completed_rung_0"] for trial in reached] == [
        trial.intermediate_values[1] for trial in reached
    ]
    complete = {trial.number: (trial.score or 0, -trial.facts["parameters"]) for trial in study.complete()}
    if two:
        front = {number for number, each in complete.items() if not any(dominates(o, each) for o in complete.values())}
        assert {trial.number for trial in theirs.best_trials} == front
    else:
        assert study.best is None or theirs.best_trial.number == study.best.number


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
        ("UPDATE trials SET state = 'nonsense' WHERE number = 1", "otherwise", 1),
    ],
)
def test_every_difference_is_found_and_mended_and_the_search_goes_on(
    undisturbed: str, place: StudyFolder, statement: str, kind: str, trial: int
) -> None:
    execute(place, statement)
    difference: dict[str, Any] = {"missing": (), "unknown": (), "otherwise": (), "pending": (), kind: (trial,)}
    assert found(place) == TablesDiff(**difference)
    mend(place)
    assert not found(place)
    assert end_of(place) == undisturbed
    assert not found(place)


@pytest.mark.slow
def test_a_trial_that_others_added_is_unknown_until_the_search_comes_to_its_number(
    undisturbed: str, place: StudyFolder
) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=sqlite_url(place.database))
    added = theirs.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).number
    assert found(place).unknown == (added,)
    assert end_of(place) == undisturbed
    assert found(place) == NONE


def test_what_a_dashboard_notes_is_no_difference_and_stays(undisturbed: str, place: StudyFolder) -> None:
    theirs = optuna.load_study(study_name=place.name, storage=sqlite_url(place.database))
    running = next(trial for trial in theirs.trials if not trial.state.is_finished())
    theirs._storage.set_trial_system_attr(running._trial_id, "dashboard:note", "look at this")
    assert not found(place)
    assert end_of(place) == undisturbed
    noted = optuna.load_study(study_name=place.name, storage=sqlite_url(place.database)).trials[running.number]
    assert noted.system_attrs["dashboard:note"] == "look at this"


def test_a_study_that_is_gone_is_written_anew_by_its_search(undisturbed: str, place: StudyFolder) -> None:
    optuna.delete_study(study_name=place.name, storage=sqlite_url(place.database))
    assert len(found(place).missing) == len([event for event in read_events(place) if event.kind == "ask"])
    assert end_of(place) == undisturbed
    assert found(place) == NONE


@pytest.mark.parametrize("table", ["trials", "trial_params", "trial_intermediate_values", "study_user_attributes"])
def test_a_driver_killed_between_two_tables_leaves_the_newest_events_pending(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(optuna_tables, "BEHIND", 0.0)
    execute, left = Connection.execute, 3

    def dying(connection: Connection, statement: Any, *more: Any, **options: Any) -> Any:
        nonlocal left
        if getattr(getattr(statement, "table", None), "name", "") == table:
            left -= 1
            if not left:
                raise fake.Killed
        return execute(connection, statement, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute", dying)
        with pytest.raises(fake.Killed):
            fake.run(tmp_path, budget=BUDGET)
    place = StudyFolder.of("fake-0", tmp_path)
    assert not found(place)
    assert found(place).pending in ((), (trial_of(read_events(place)[-1]),))
    assert end_of(place) == undisturbed
    assert found(place) == NONE


def test_the_tables_are_as_far_behind_as_they_may_be_and_no_farther(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna_tables, "BEHIND", 3600.0)
    written: list[OptunaTables] = []
    sync = OptunaTables.sync

    def counted(tables: OptunaTables, numbers: Iterable[int]) -> None:
        written.append(tables)
        sync(tables, numbers)

    monkeypatch.setattr(OptunaTables, "sync", counted)
    fake.run(tmp_path, budget=BUDGET)
    assert len(written) == 3, "as it begins, at its first event, and as it ends"


def test_to_look_changes_nothing_and_takes_many_trials_a_few_at_a_time(
    place: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna_tables, "_AT_ONCE", 2)
    before = place.database.read_bytes()
    assert found(place) == NONE
    assert place.database.read_bytes() == before
    mend(place)
    assert found(place) == NONE
