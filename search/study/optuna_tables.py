"""Optuna's own tables, kept in step with the event log, so that its command line and dashboard can read a study.

After a crash the newest event may be in the log but only in part here; `complete` applies it again, and does no
harm where it was whole. Other tools may write these tables too; where they no longer follow the log, the search stops
with advice, and `search.study.tables_check` reports the differences and writes them anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search.arguments import is_number
from search.database.postgres import wait_for_writers
from search.errors import StorageError
from search.event_log.events import (
    Asked,
    Created,
    Declined,
    Event,
    GoalSet,
    OfTrial,
    Reported,
    Resumed,
    Stopped,
    Told,
    trial_of,
)
from search.messages import command_line
from search.space.objective import cost_of, direction_of, metric_of, score
from search.space.space import Space
from search.strategies.distributions import OptunaRanges
from search.strategies.optuna_study import frozen_trial
from search.study import spec as specs

_MAX_ATTRIBUTE = 2000
"""Characters of a text attribute; the event log has it whole."""
UNREADABLE_ROWS = (LookupError, ValueError, TypeError, AttributeError, AssertionError)
"""Exceptions that Optuna raises if rows are missing or other tools have written rows: it trusts its tables."""
_ASTRAY = (*UNREADABLE_ROWS, UpdateFinishedTrialError)
_METRIC_NAMES = "study:metric_names"
"""Where Optuna keeps the objectives' names (`Study.set_metric_names`)."""
_RUNG = "completed_rung_"
"""Prefix of the attributes in which a pruner of Optuna keeps what a trial had reached at its rungs."""


class OptunaTables:
    """One study in an Optuna storage."""

    def __init__(self, storage: BaseStorage, name: str, spec: Mapping[str, Any], place: Sequence[str] = ()) -> None:
        """Find the study of a specification, or make it; `place` as in `StudyLocation.words`."""
        self._storage = storage
        self._name = name
        self._place = place
        self._ids: dict[int, int] = {}
        space = Space.from_spec(spec["space"])
        self._ranges = OptunaRanges.of(space)
        self._cost = cost_of(space.settings)
        self._direction = direction_of(space.settings)
        directions = [StudyDirection[self._direction.upper()]]
        if self._cost is not None:
            directions.append(StudyDirection.MINIMIZE)
        try:  # not the other way round: the index that forbids a second one is missing if its making was cut off
            self._study = storage.get_study_id_from_name(name)
        except KeyError:
            self._study = storage.create_new_study(directions, name)
        storage.set_study_user_attr(self._study, "fingerprint", specs.fingerprint(spec))
        if (metric := metric_of(space.settings)) is not None:
            names = [metric] if self._cost is None else [metric, self._cost]
            storage.set_study_system_attr(self._study, _METRIC_NAMES, names)

    def apply(self, event: Event) -> None:
        """Write an event as Optuna's tables hold it.

        Raises:
            StorageError: its trial is not there as the events before this one left it.
        """
        try:
            match event:
                case Asked():
                    self._ask(event)
                case Reported():
                    self._report(event)
                case Told():
                    self._tell(event)
                case Created() | GoalSet() | Declined() | Stopped() | Resumed():
                    pass  # Optuna has no word for it
                case _:
                    assert_never(event)
        except _ASTRAY as error:
            raise self._astray(event) from error

    def complete(self, event: Event) -> None:
        """Write an event that may have been written already, in whole or in part; errors as in `apply`."""
        self._storage.remove_session()  # one that broke is of no further use
        if isinstance(event, Asked) and isinstance(self._storage, RDBStorage):
            wait_for_writers(self._storage.engine, self._study)
        if isinstance(event, OfTrial) and self._exists(event):
            try:
                is_told = self._storage.get_trial(self._id(event)).state.is_finished()
            except _ASTRAY as error:
                raise self._astray(event) from error
            if is_told or isinstance(event, Asked):
                return
        try:
            self.apply(event)
        except StorageError as error:
            # A commit that broke with its connection may come through only now, after it was looked for. A trial's end
            # is the last that is written of it, so all of it is there.
            if not (isinstance(event, Told) and isinstance(error.__cause__, UpdateFinishedTrialError)):
                raise

    def _ask(self, event: Asked) -> None:
        template = frozen_trial(
            self._ranges,
            state="RUNNING",
            params=event.params,
            system_attrs=event.attributes,
            user_attrs={**event.facts, "place": f"slot {event.slot} from {event.time}, seed {event.seed}"},
        )
        created = self._storage.create_new_trial(self._study, template)
        if self._storage.get_trial_number_from_id(created) != event.trial:
            raise self._astray(event)
        self._ids[event.trial] = created

    def _report(self, event: Reported) -> None:
        trial = self._id(event)
        if event.report.value is not None:
            self._storage.set_trial_intermediate_value(trial, event.period, event.report.value)
        self._set_attributes(trial, event)

    def _tell(self, event: Told) -> None:
        trial = self._id(event)
        self._set_attributes(trial, event)
        shown = {"reason": event.reason, "error": event.error}
        for key, value in shown.items():
            if value is not None:
                self._storage.set_trial_user_attr(trial, key, str(value)[-_MAX_ATTRIBUTE:])
        self._storage.set_trial_state_values(trial, TrialState[event.state], self._values(trial, event.value))

    def _values(self, trial: int, value: float | None) -> list[float] | None:
        """Return the value and, with two objectives, the cost, which is among the trial's facts."""
        if value is None:
            return None
        return [value] if self._cost is None else [value, self._storage.get_trial(trial).user_attrs[self._cost]]

    def _set_attributes(self, trial: int, event: Reported | Told) -> None:
        for key, value in event.attributes.items():
            is_score = key.startswith(_RUNG) and is_number(value)
            # A pruner of Optuna that reads these tables compares it in the direction of the study there.
            self._storage.set_trial_system_attr(trial, key, score(value, self._direction) if is_score else value)

    def _astray(self, event: Event) -> StorageError:
        repair = command_line(["mnist-bench", "doctor", self._name, "--repair", *self._place])
        return StorageError(
            f"Optuna's tables of study {self._name} do not follow its event log (trial {trial_of(event)}); no result "
            f"is lost: `{repair}` writes them anew; then resume the search."
        )

    def _exists(self, event: OfTrial) -> bool:
        try:
            self._id(event)
        except KeyError:
            return False
        return True

    def _id(self, event: OfTrial) -> int:
        if event.trial not in self._ids:
            self._ids[event.trial] = self._storage.get_trial_id_from_study_id_trial_number(self._study, event.trial)
        return self._ids[event.trial]
