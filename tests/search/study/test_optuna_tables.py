"""Events written to Optuna's tables a second time, whatever of the first came through."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search.errors import StorageError
from search.event_log.events import Created, Event, Reported, trial_of
from search.study.location import StudyLocation
from search.study.optuna_tables import OptunaTables
from search.study.studies import read_events
from support.searched import Searched


class LateCommit(InMemoryStorage):
    """Shows a trial as running when it is looked at for the first time: its end comes through a moment later."""

    looks: Iterator[bool] = iter(())

    def get_trial(self, trial_id: int) -> FrozenTrial:
        trial = copy.copy(super().get_trial(trial_id))
        if next(self.looks, False):
            trial.state = TrialState.RUNNING
        return trial


@pytest.fixture
def events(searched: Searched) -> list[Event]:
    """Return the events of a search up to the first end of a trial."""
    found = read_events(StudyLocation.of("fake-0", searched.made(goal=2)))
    return found[: next(number for number, event in enumerate(found) if event.kind == "tell") + 1]


def written(events: list[Event]) -> tuple[LateCommit, OptunaTables]:
    """Return tables with these events."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    assert isinstance(events[0], Created)
    storage = LateCommit()
    tables = OptunaTables(storage, "fake-0", events[0].spec)
    for event in events[1:]:
        tables.apply(event)
    return storage, tables


def test_an_end_that_comes_through_after_it_was_looked_for_is_an_end(events: list[Event]) -> None:
    storage, tables = written(events)
    before = storage.get_all_trials(0)
    storage.looks = iter([True])
    tables.complete(events[-1])
    assert storage.get_all_trials(0) == before


def test_a_report_on_a_trial_that_others_have_ended_is_astray(events: list[Event]) -> None:
    _, tables = written(events)
    report = next(event for event in events if isinstance(event, Reported) and event.trial == trial_of(events[-1]))
    with pytest.raises(StorageError, match="do not follow its event log"):
        tables.apply(report)
