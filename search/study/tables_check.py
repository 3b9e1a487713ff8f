"""Compare Optuna's tables with the event log, and write them anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._rdb.models import BaseModel
from optuna.trial import FrozenTrial

from search.errors import StorageError
from search.event_log.events import Created, Event, trial_of
from search.messages import in_a_sentence
from search.study.optuna_tables import UNREADABLE_ROWS, OptunaTables

_VALUES = ("state", "values", "params", "distributions")
_MAPPINGS = ("intermediate_values", "system_attrs", "user_attrs")


@dataclass(frozen=True, kw_only=True, slots=True)
class TablesDiff:
    """Numbers of the trials in which Optuna's tables differ from the event log."""

    missing: tuple[int, ...]
    """In the log, and not there."""
    unknown: tuple[int, ...]
    """There, and not in the log."""
    otherwise: tuple[int, ...]
    """There with another state, other parameters, values or attributes; attributes that others added do not count."""
    pending: tuple[int, ...]
    """The newest event's trial, if the tables lack that event or a part of it; the next run of the search adds it."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.otherwise)


def compare_tables(storage: BaseStorage, name: str, events: Sequence[Event]) -> TablesDiff:
    """Return the trials in which a study's tables differ from its log."""
    found = {trial.number: trial for trial in _trials_of(storage, name)}
    before, after = _expected(name, events[:-1]), _expected(name, events)
    wrong = [number for number in after if number not in found or not _equals(found[number], after[number])]
    newest = trial_of(events[-1])
    pending = [n for n in wrong if n == newest and _is_between(found.get(n), before.get(n), after[n])]
    return TablesDiff(
        missing=tuple(number for number in wrong if number not in found and number not in pending),
        unknown=tuple(sorted(found.keys() - after.keys())),
        otherwise=tuple(number for number in wrong if number in found and number not in pending),
        pending=tuple(pending),
    )


def rebuild(storage: RDBStorage, name: str, events: Sequence[Event]) -> None:
    """Write a study's tables anew from its log; additions by others are lost, and times are those of now."""
    remove(storage, name)
    _write(storage, name, events)


def remove(storage: RDBStorage, name: str) -> None:
    """Remove a study from Optuna's tables without reading its rows, since Optuna cannot read all that others write.

    SQLite checks no foreign keys and gives the numbers of removed rows to new ones. There the leftover rows of removed
    trials are removed, too.
    """
    tables = BaseModel.metadata
    studies, trials = tables.tables["studies"], tables.tables["trials"]
    study = sa.select(studies.c.study_id).where(studies.c.study_name == name)
    of_study, of_others = (
        sa.select(trials.c.trial_id).where(condition)
        for condition in (trials.c.study_id.in_(study), trials.c.study_id.not_in(study))
    )
    has_orphans = storage.engine.dialect.name == "sqlite"
    with storage.engine.begin() as connection:
        for table in reversed(tables.sorted_tables):
            if "trial_id" in table.c and table is not trials:
                trial = table.c.trial_id
                connection.execute(
                    table.delete().where(trial.not_in(of_others) if has_orphans else trial.in_(of_study))
                )
            elif "study_id" in table.c:
                connection.execute(table.delete().where(table.c.study_id.in_(study)))


def _write(storage: BaseStorage, name: str, events: Sequence[Event]) -> None:
    if events and isinstance(events[0], Created):
        tables = OptunaTables(storage, name, events[0].spec)
        for event in events:
            tables.apply(event)


def _expected(name: str, events: Sequence[Event]) -> dict[int, FrozenTrial]:
    """Return the trials that Optuna's tables of these events have."""
    storage = InMemoryStorage()
    _write(storage, name, events)
    return {trial.number: trial for trial in _trials_of(storage, name)}


def _trials_of(storage: BaseStorage, name: str) -> list[FrozenTrial]:
    """Return the trials that Optuna reads; it trusts its tables, so rows of others make it fail in many ways.

    Raises:
        StorageError: it cannot read them.
    """
    try:
        return storage.get_all_trials(storage.get_study_id_from_name(name), deepcopy=False)
    except KeyError:
        return []
    except UNREADABLE_ROWS as error:
        raise StorageError(f"Optuna cannot read its tables of study {name} ({in_a_sentence(error)}).") from error


def _equals(found: FrozenTrial, wanted: FrozenTrial) -> bool:
    """Return whether a trial is as its events leave it, apart from attributes that others added."""
    same = all(getattr(found, name) == getattr(wanted, name) for name in _VALUES)
    return same and all(getattr(wanted, name).items() <= getattr(found, name).items() for name in _MAPPINGS)


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
