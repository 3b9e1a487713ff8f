"""Optuna's own tables, a copy of a study for Optuna's command line and dashboard; no decision reads them.

`sync` is the one writer: it compares the rows of some trials with the history, and writes what differs, in one
transaction. So it may be repeated, after a crash or changes by others. It also writes how many events the tables show;
the trials of the events after those are behind.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from optuna.distributions import distribution_to_json
from optuna.storages._rdb.models import BaseModel
from sqlalchemy.engine import Connection, Engine

from search.arguments import is_number
from search.event_log.events import Event, trial_of
from search.event_log.history import History
from search.space.space import score
from search.strategies.optuna_samplers import OptunaRanges
from search.study import spec as specs

_TABLES = BaseModel.metadata.tables
_STUDIES, _TRIALS = _TABLES["studies"], _TABLES["trials"]
_PARTS = {
    "trial_params": ("param_name", ("param_value", "distribution_json")),
    "trial_values": ("objective", ("value", "value_type")),
    "trial_intermediate_values": ("step", ("intermediate_value", "intermediate_value_type")),
    "trial_user_attributes": ("key", ("value_json",)),
    "trial_system_attributes": ("key", ("value_json",)),
}
"""The tables with the parts of a trial: of each the column by which its rows differ, and those that hold a value."""
_MAX_ATTRIBUTE = 2000  # characters of a text attribute; the event log has it whole
_METRIC_NAMES = "study:metric_names"  # where Optuna keeps the objectives' names (`Study.set_metric_names`)
_RUNG = "completed_rung_"
"""Prefix of the attributes in which a pruner of Optuna keeps what a trial had reached at its rungs."""
BEHIND = 1.0  # seconds by which the tables may be behind the event log of a search
_AT_ONCE = 500  # trials of a query: SQLite takes 32,766 values, and old ones 999

Part = tuple[Any, ...]  # A value of a trial, in the columns that hold it
Parts = Mapping[str, Mapping[Any, Part]]  # what a trial has in each table of `_PARTS`, by key


@dataclass(frozen=True, slots=True)
class _Row:
    """A trial as it stands in the tables."""

    id: int
    state: str
    parts: dict[str, dict[Any, Part]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TablesDiff:
    """Numbers of the trials in which Optuna's tables differ from the event log."""

    missing: tuple[int, ...]  # in the log, and not there
    unknown: tuple[int, ...]  # there, and not in the log
    otherwise: tuple[int, ...]
    """There with another state, other parameters, values or attributes; attributes that others added do not count."""
    pending: tuple[int, ...]  # of events that the tables do not show yet; the next run of the search adds them

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.otherwise)


class OptunaTables:
    """One study in Optuna's tables."""

    def __init__(self, connection: sqlite3.Connection, history: History) -> None:
        """Read and write nothing yet; the tables are to show the study as this history has it."""
        self._engine, self._history = _engine(connection), history
        self._ranges, self._aim = OptunaRanges(history.space), history.space.aim
        self._spans = {path: distribution_to_json(span) for path, span in self._ranges.optunas.items()}
        self._behind: set[int] = set()  # trials that the tables do not show as they are
        self._shown = 0.0  # when they were written last

    def show(self, number: int | None) -> None:
        """Take note of an event that the history has: the tables do not show its trial."""
        if number is not None:
            self._behind.add(number)
        self.keep_up()

    def keep_up(self) -> None:
        """Write the trials noted if it is time: each event would take 24 of the 33 ms that a trial takes the driver."""
        if self._behind and time.monotonic() - self._shown >= BEHIND:
            self.catch_up()

    def catch_up(self) -> None:
        """Write the trials noted, and how many events the tables show."""
        self.sync(self._behind)
        self._behind.clear()
        self._shown = time.monotonic()

    def behind(self, events: Sequence[Event]) -> set[int]:
        """Return the trials of the events that the tables do not show."""
        with self._engine.connect() as connection:
            study = self._study(connection)
            return set() if study is None else _behind(connection, study, events)

    def sync(self, numbers: Iterable[int]) -> None:
        """Bring the rows of these trials to what the history says; of all, if the study is not there."""
        history = self._history
        with self._engine.begin() as connection:
            if (study := self._study(connection)) is None:
                study, numbers = self._add_study(connection), range(len(history.trials))
            for some in _batched(numbers):
                self._write(connection, study, some)
            _set(connection, "study_user_attributes", study, "events", history.seq)

    def compare(self, events: Sequence[Event]) -> TablesDiff:
        """Return the trials in which the tables differ from the history, which these events made."""
        history = self._history
        every = range(len(history.trials))
        with self._engine.connect() as connection:
            if (study := self._study(connection)) is None:
                return TablesDiff(missing=tuple(every), unknown=(), otherwise=(), pending=())
            late = _behind(connection, study, events)
            of_study = sa.select(_TRIALS.c.number).where(_TRIALS.c.study_id == study)
            there = sorted(connection.scalars(of_study))
            found = {number: row for some in _batched(every) for number, row in _found(connection, study, some).items()}
        wrong = [
            number
            for number in every
            if number not in found
            or found[number].state != history.trials[number].state
            or any(any(_changes(name, part, found[number].parts[name])) for name, part in self._parts(number).items())
        ]
        return TablesDiff(
            missing=tuple(number for number in wrong if number not in found and number not in late),
            unknown=tuple(number for number in there if number not in every),
            otherwise=tuple(number for number in wrong if number in found and number not in late),
            pending=tuple(number for number in wrong if number in late),
        )

    def _study(self, connection: Connection) -> int | None:
        of_name = sa.select(_STUDIES.c.study_id).where(_STUDIES.c.study_name == self._history.name)
        found: int | None = connection.scalar(of_name)
        return found

    def _add_study(self, connection: Connection) -> int:
        made = connection.execute(_STUDIES.insert().values(study_name=self._history.name)).inserted_primary_key
        study = int(made[0]) if made else 0
        directions = [self._aim.direction, "minimize"][: 2 if self._aim.cost else 1]
        for objective, direction in enumerate(directions):
            row = {"study_id": study, "objective": objective, "direction": direction.upper()}
            connection.execute(_TABLES["study_directions"].insert().values(row))
        _set(connection, "study_user_attributes", study, "fingerprint", specs.fingerprint(self._history.spec))
        if self._aim.metric is not None:
            names = [self._aim.metric, *([self._aim.cost] if self._aim.cost else [])]
            _set(connection, "study_system_attributes", study, _METRIC_NAMES, names)
        return study

    def _write(self, connection: Connection, study: int, numbers: Sequence[int]) -> None:
        history = self._history
        found = _found(connection, study, numbers)
        if new := [history.trials[number] for number in numbers if number not in found]:
            rows = []
            for trial in new:
                started = _time(trial.reports[0].started if trial.reports else None)
                rows.append({"number": trial.number, "study_id": study, "state": "RUNNING", "datetime_start": started})
            connection.execute(_TRIALS.insert(), rows)
            found |= _found(connection, study, [trial.number for trial in new])
        wanted = {number: self._parts(number) for number in numbers}
        for name in _PARTS:
            changes = [
                (found[number].id, *change)
                for number in numbers
                for change in _changes(name, wanted[number][name], found[number].parts[name])
            ]
            _replace(connection, name, changes)
        for trial in (history.trials[number] for number in numbers):
            row, ended = found[trial.number], trial.reports[-1].handled if trial.reports else None
            if row.state != trial.state:
                values = {"state": trial.state, "datetime_complete": _time(ended)}
                connection.execute(_TRIALS.update().where(_TRIALS.c.trial_id == row.id).values(values))

    def _parts(self, number: int) -> Parts:
        """Return what a trial is to have in each table."""
        trial, attributes = self._history.trials[number], self._history.attributes[number]
        shown = {"place": f"slot {trial.slot} from {trial.logical_start}, seed {trial.seed}"}
        if trial.state != "RUNNING":
            shown["reason"] = trial.reason
        if trial.error is not None:
            shown["error"] = trial.error[-_MAX_ATTRIBUTE:]
        values = [trial.value] if trial.reason in ("complete", "pruned") else []
        if values and self._aim.cost is not None:
            values.append(trial.facts[self._aim.cost])
        reached = {period: report.value for period, report in enumerate(trial.reports, 1) if report.value is not None}
        return {
            "trial_params": {
                path: (self._ranges.optunas[path].to_internal_repr(value), self._spans[path])
                for path, value in self._ranges.stored(trial.params).items()
            },
            "trial_values": {objective: (value, "FINITE") for objective, value in enumerate(values)},
            "trial_intermediate_values": {period: (value, "FINITE") for period, value in reached.items()},
            "trial_user_attributes": {key: (json.dumps(value),) for key, value in {**trial.facts, **shown}.items()},
            "trial_system_attributes": {
                key: (json.dumps(self._as_shown(key, value), sort_keys=True),) for key, value in attributes.items()
            },
        }

    def _as_shown(self, key: str, value: Any) -> Any:
        # A pruner of Optuna that reads these tables compares it in the direction of the study there.
        return score(value, self._aim.direction) if key.startswith(_RUNG) and is_number(value) else value


def _engine(connection: sqlite3.Connection) -> Engine:
    return sa.create_engine("sqlite://", creator=lambda: connection, poolclass=sa.StaticPool)


def rebuild(database: sqlite3.Connection, history: History) -> None:
    """Write a study's rows anew; additions by others are lost."""
    study = sa.select(_STUDIES.c.study_id).where(_STUDIES.c.study_name == history.name)
    of_others = sa.select(_TRIALS.c.trial_id).where(_TRIALS.c.study_id.not_in(study))
    with _engine(database).begin() as connection:
        for table in reversed(BaseModel.metadata.sorted_tables):
            if "trial_id" in table.c and table is not _TRIALS:
                # SQLite checks no foreign keys, and gives the numbers of removed rows to new ones: what is left of
                # trials that were removed goes, too.
                connection.execute(table.delete().where(table.c.trial_id.not_in(of_others)))
            elif "study_id" in table.c:
                connection.execute(table.delete().where(table.c.study_id.in_(study)))
    OptunaTables(database, history).sync(())


def _found(connection: Connection, study: int, numbers: Sequence[int]) -> dict[int, _Row]:
    """Return the trials of these numbers that are there; enumerations as texts, for others may write any."""
    trials = sa.select(_TRIALS.c.number, _TRIALS.c.trial_id, sa.cast(_TRIALS.c.state, sa.String)).where(
        _TRIALS.c.study_id == study, _TRIALS.c.number.in_(numbers)
    )
    found = {number: _Row(id, state, {name: {} for name in _PARTS}) for number, id, state in connection.execute(trials)}
    by_id = {row.id: row for row in found.values()}
    for name, (key, columns) in _PARTS.items():
        table = _TABLES[name]
        values = [
            sa.cast(table.c[each], sa.String) if isinstance(table.c[each].type, sa.Enum) else table.c[each]
            for each in columns
        ]
        rows = sa.select(table.c.trial_id, table.c[key], *values).where(table.c.trial_id.in_(list(by_id)))
        for trial, at, *value in connection.execute(rows):
            by_id[trial].parts[name][at] = tuple(value)
    return found


def _changes(
    name: str, wanted: Mapping[Any, Part], found: Mapping[Any, Part]
) -> Iterator[tuple[Any, Part | None, Part | None]]:
    """Yield key, the value that a trial has in a table, and the one that it is to have there, where they differ.

    Attributes that only the tables have are additions by others.
    """
    others = () if name.endswith("attributes") else found
    for key in dict.fromkeys([*others, *wanted]):
        before, after = found.get(key), wanted.get(key)
        if before != after:
            yield key, before, after


def _replace(connection: Connection, name: str, changes: Sequence[tuple[int, Any, Part | None, Part | None]]) -> None:
    """Change rows of trials, given by id, key, and value before and after."""
    table, (column, columns) = _TABLES[name], _PARTS[name]
    if gone := [{"of": trial, "at": key} for trial, key, before, _ in changes if before is not None]:
        at = (table.c.trial_id == sa.bindparam("of"), table.c[column] == sa.bindparam("at"))
        connection.execute(table.delete().where(*at), gone)
    if added := [
        {"trial_id": trial, column: key, **dict(zip(columns, after, strict=True))}
        for trial, key, _, after in changes
        if after is not None
    ]:
        connection.execute(table.insert(), added)


def _behind(connection: Connection, study: int, events: Sequence[Event]) -> set[int]:
    attributes = _TABLES["study_user_attributes"]
    noted = sa.select(attributes.c.value_json).where(attributes.c.study_id == study, attributes.c.key == "events")
    shown = connection.scalar(noted)
    since = int(shown) if shown is not None and shown.isdecimal() else 0
    return {number for event in events[since:] if (number := trial_of(event)) is not None}


def _set(connection: Connection, name: str, study: int, key: str, value: Any) -> None:
    """Set an attribute of the study."""
    table, text = _TABLES[name], json.dumps(value)
    there = (table.c.study_id == study, table.c.key == key)
    if not connection.execute(table.update().where(*there).values(value_json=text)).rowcount:
        connection.execute(table.insert().values(study_id=study, key=key, value_json=text))


def _time(seconds: float | None) -> datetime:
    """Return a time as Optuna stores it: UTC, without saying so."""
    return (datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)).replace(tzinfo=None)


def _batched(numbers: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(sorted(numbers))
    while some := list(islice(rest, _AT_ONCE)):
        yield some
