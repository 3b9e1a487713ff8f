"""Optuna's own tables, kept in step with the event log, so that its command line and dashboard can read a study.

After a crash the newest event may stand in the log but only in part here; `complete` applies it once more, and does no
harm where it was whole. Other tools may write these tables too; where they no longer follow the log, the search stops
with advice, and `search.study.tables_check` says what differs and writes them anew.
"""

from __future__ import annotations

from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search.errors import StorageError
from search.event_log import Event
from search.space import Space, cost_of
from search.strategies import frozen_trial, optuna_ranges
from search.study import spec as specs

_MAX_ATTRIBUTE = 2000
"""Characters of a text attribute; the event log has it whole."""
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError)
"""What Optuna raises of rows that are missing or that others have written: it trusts its tables."""
_ASTRAY = (*UNREADABLE, UpdateFinishedTrialError)
_METRIC_NAMES = "study:metric_names"
"""Where Optuna keeps the objectives' names (`Study.set_metric_names`)."""


class OptunaTables:
    """One study in an Optuna storage."""

    def __init__(self, storage: BaseStorage, name: str, create: Event) -> None:
        """Find the study of a `create` event, or make it."""
        self._storage = storage
        self._name = name
        self._ids: dict[int, int] = {}
        spec = create.payload["spec"]
        space = Space.from_spec(spec["space"])
        self._ranges = optuna_ranges(space)
        self._cost = cost_of(space.settings)
        directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE][: 1 if self._cost is None else 2]
        try:  # not the other way round: the index that forbids a second one is missing where its making was cut off
            self._study = storage.get_study_id_from_name(name)
        except KeyError:
            self._study = storage.create_new_study(directions, name)
        storage.set_study_user_attr(self._study, "fingerprint", specs.fingerprint(spec))
        if self._cost is not None:
            storage.set_study_system_attr(self._study, _METRIC_NAMES, space.settings["objective"])

    def apply(self, event: Event) -> None:
        """Write what an event means to Optuna.

        Raises:
            StorageError: its trial is not there as the events before this one left it.
        """
        try:
            match event.kind:
                case "ask":
                    self._ask(event)
                case "report":
                    self._report(event)
                case "tell":
                    self._tell(event)
        except _ASTRAY as error:
            raise self._astray(event) from error

    def complete(self, event: Event) -> None:
        """Write an event that may have been written already, in whole or in part; errors as in `apply`."""
        self._storage.remove_session()  # one that broke is of no further use
        there = event.trial is not None and self._exists(event)
        try:
            told = there and self._storage.get_trial(self._id(event)).state.is_finished()
        except _ASTRAY as error:
            raise self._astray(event) from error
        if told or (there and event.kind == "ask"):
            return
        try:
            self.apply(event)
        except StorageError as error:
            # A commit that broke with its connection may come through only now, after it was looked for. A trial's end
            # is the last that is written of it, so all of it is there.
            if not (event.kind == "tell" and isinstance(error.__cause__, UpdateFinishedTrialError)):
                raise

    def _ask(self, event: Event) -> None:
        asked = event.payload
        template = frozen_trial(
            self._ranges,
            state="RUNNING",
            params=asked["params"],
            system_attrs=asked["attributes"],
            user_attrs={**asked["facts"], "place": f"slot {asked['slot']} from {event.time}, seed {asked['seed']}"},
        )
        created = self._storage.create_new_trial(self._study, template)
        if self._storage.get_trial_number_from_id(created) != event.trial:
            raise self._astray(event)
        self._ids[_number(event)] = created

    def _report(self, event: Event) -> None:
        trial, report = self._id(event), event.payload["report"]
        if report["value"] is not None:
            self._storage.set_trial_intermediate_value(trial, event.payload["period"], report["value"])
        self._set_attributes(trial, event)

    def _tell(self, event: Event) -> None:
        trial, told = self._id(event), event.payload
        self._set_attributes(trial, event)
        shown = {"reason": told["reason"], "error": told["error"]}
        for key, value in shown.items():
            if value is not None:
                self._storage.set_trial_user_attr(trial, key, str(value)[-_MAX_ATTRIBUTE:])
        self._storage.set_trial_state_values(trial, TrialState[told["state"]], self._values(trial, told["value"]))

    def _values(self, trial: int, value: float | None) -> list[float] | None:
        """Return the value and, with two objectives, the cost, which stands among the trial's facts."""
        if value is None:
            return None
        return [value] if self._cost is None else [value, self._storage.get_trial(trial).user_attrs[self._cost]]

    def _set_attributes(self, trial: int, event: Event) -> None:
        attributes: dict[str, Any] = event.payload["attributes"]
        for key, value in attributes.items():
            self._storage.set_trial_system_attr(trial, key, value)

    def _astray(self, event: Event) -> StorageError:
        return StorageError(
            f"Optuna's tables of study {self._name} do not follow its event log (trial {event.trial}); no result is "
            f"lost: `mnist-bench doctor {self._name} --repair` writes them anew, then the search can go on."
        )

    def _exists(self, event: Event) -> bool:
        try:
            self._id(event)
        except KeyError:
            return False
        return True

    def _id(self, event: Event) -> int:
        number = _number(event)
        if number not in self._ids:
            self._ids[number] = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
        return self._ids[number]


def _number(event: Event) -> int:
    if event.trial is None:
        raise ValueError(f"a {event.kind} event names no trial")
    return event.trial
