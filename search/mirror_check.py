"""Optuna's tables against the event log: what differs, and writing them anew."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.engine import Engine

from search.events import Event
from search.mirror import Mirror

_VALUES = ("state", "values", "params", "distributions")
_MAPPINGS = ("intermediate_values", "system_attrs", "user_attrs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """Numbers of the trials in which Optuna's tables differ from what the event log means."""

    missing: tuple[int, ...]
    """In the log, and not there."""
    unknown: tuple[int, ...]
    """There, and not in the log."""
    otherwise: tuple[int, ...]
    """There with another state, other parameters, values or attributes; attributes that others added do not count."""
    pending: tuple[int, ...]
    """The newest event's trial, where that event is there in part or not at all: the next run of the search adds it."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.otherwise)


def differences(storage: BaseStorage, name: str, events: Sequence[Event]) -> Differences:
    """Return where a study's tables differ from its log."""
    found = {trial.number: trial for trial in _trials_of(storage, name)}
    before, after = _expected(name, events[:-1]), _expected(name, events)
    wrong = [number for number in after if number not in found or not _is_as(found[number], after[number])]
    newest = events[-1].trial
    pending = [n for n in wrong if n == newest and _is_between(found.get(n), before.get(n), after[n])]
    return Differences(
        missing=tuple(number for number in wrong if number not in found and number not in pending),
        unknown=tuple(sorted(found.keys() - after.keys())),
        otherwise=tuple(number for number in wrong if number in found and number not in pending),
        pending=tuple(pending),
    )


def rebuild(storage: RDBStorage, name: str, events: Sequence[Event]) -> None:
    """Write a study's tables anew from its log; what others added to them is lost, and times are those of now."""
    remove(storage, name)
    _write(storage, name, events)


def remove(storage: RDBStorage, name: str) -> None:
    """Remove a study from Optuna's tables, where it is there."""
    with contextlib.suppress(KeyError):
        storage.delete_study(storage.get_study_id_from_name(name))
    if storage.engine.dialect.name == "sqlite":  # which checks no foreign keys; elsewhere the tables may be others'
        _sweep(storage.engine)


def _sweep(engine: Engine) -> None:
    """Remove what is there of trials that are not: SQLite gives their row's number to a new trial."""
    tables = sa.MetaData()
    tables.reflect(engine)
    trials = sa.select(tables.tables["trials"].c.trial_id)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            if "trial_id" in table.c and table.name != "trials":
                connection.execute(table.delete().where(table.c.trial_id.not_in(trials)))


def _write(storage: BaseStorage, name: str, events: Sequence[Event]) -> None:
    if events:
        mirror = Mirror(storage, name, events[0])
        for event in events:
            mirror.apply(event)


def _expected(name: str, events: Sequence[Event]) -> dict[int, FrozenTrial]:
    """Return the trials that a mirror of these events has."""
    storage = InMemoryStorage()
    _write(storage, name, events)
    return {trial.number: trial for trial in _trials_of(storage, name)}


def _trials_of(storage: BaseStorage, name: str) -> list[FrozenTrial]:
    try:
        return storage.get_all_trials(storage.get_study_id_from_name(name), deepcopy=False)
    except KeyError:
        return []


def _is_as(found: FrozenTrial, wanted: FrozenTrial) -> bool:
    same = all(getattr(found, name) == getattr(wanted, name) for name in _VALUES)
    return same and all(_holds(getattr(found, name), getattr(wanted, name)) for name in _MAPPINGS)


def _holds(found: Mapping[object, object], wanted: Mapping[object, object]) -> bool:
    return all(key in found and found[key] == value for key, value in wanted.items())


def _is_between(found: FrozenTrial | None, before: FrozenTrial | None, after: FrozenTrial) -> bool:
    """Return whether a trial is as an event found it, or as it leaves it, in each of its parts."""
    if found is None or before is None:
        return found is None and before is None
    values = all(getattr(found, name) in (getattr(before, name), getattr(after, name)) for name in _VALUES)
    return values and all(
        _is_each_of_two(getattr(found, name), getattr(before, name), getattr(after, name)) for name in _MAPPINGS
    )


def _is_each_of_two(
    found: Mapping[object, object], before: Mapping[object, object], after: Mapping[object, object]
) -> bool:
    return all(found.get(key) in (before.get(key), value) for key, value in after.items())
