"""Optuna's own tables, kept in step with the event log, so that its command line and dashboard can read a study.

Every event is applied in a way that does no harm when it is applied again: after a crash the newest event may stand in
the log but only in part here, and is simply applied once more.
"""

from __future__ import annotations

from typing import Any

from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search import spec as specs
from search.events import Event
from search.memory import frozen_trial
from search.space import Space

_LONGEST_ATTRIBUTE = 2000
"""Characters of a text attribute; the event log has it whole."""


class Mirror:
    """One study in an Optuna storage."""

    def __init__(self, storage: BaseStorage, name: str) -> None:
        self._storage = storage
        self._name = name
        self._study = -1
        self._space: Space | None = None
        self._ids: dict[int, int] = {}

    def open(self, event: Event) -> None:
        """Find the study of a `create` event, or make it."""
        spec = event.payload["spec"]
        self._space = Space.from_spec(spec["space"])
        try:
            self._study = self._storage.create_new_study([StudyDirection.MAXIMIZE], self._name)
        except DuplicatedStudyError:
            self._study = self._storage.get_study_id_from_name(self._name)
        self._storage.set_study_user_attr(self._study, "fingerprint", specs.fingerprint(spec))

    def apply(self, event: Event) -> None:
        """Write what an event means to Optuna."""
        match event.kind:
            case "create":
                self.open(event)
            case "ask":
                self._ask(event)
            case "report":
                self._report(event)
            case "tell":
                self._tell(event)

    def _ask(self, event: Event) -> None:
        number = event.trial or 0
        if self._space is None or number < self._storage.get_n_trials(self._study):
            return
        asked = event.payload
        template = frozen_trial(
            self._space, state="RUNNING", params=asked["params"], system_attrs=asked["attributes"],
            user_attrs={**asked["facts"], "seed": asked["seed"], "slot": asked["slot"], "logical_start": event.time},
        )
        self._ids[number] = self._storage.create_new_trial(self._study, template)

    def _report(self, event: Event) -> None:
        trial, report = self._id(event), event.payload["report"]
        if self._ended(trial):
            return
        if report["value"] is not None:
            period = event.payload["period"]
            self._storage.set_trial_intermediate_value(trial, period, report["value"])
        self._set_attributes(trial, event)

    def _tell(self, event: Event) -> None:
        trial, told = self._id(event), event.payload
        if self._ended(trial):
            return
        self._set_attributes(trial, event)
        shown = {"reason": told["reason"], "weights": told["weights"], "error": told["error"]}
        for key, value in shown.items():
            if value is not None:
                self._storage.set_trial_user_attr(trial, key, str(value)[-_LONGEST_ATTRIBUTE:])
        values = None if told["value"] is None else [told["value"]]
        self._storage.set_trial_state_values(trial, TrialState[told["state"]], values)

    def _set_attributes(self, trial: int, event: Event) -> None:
        attributes: dict[str, Any] = event.payload["attributes"]
        for key, value in attributes.items():
            self._storage.set_trial_system_attr(trial, key, value)

    def _ended(self, trial: int) -> bool:
        return self._storage.get_trial(trial).state.is_finished()

    def _id(self, event: Event) -> int:
        number = event.trial or 0
        if number not in self._ids:
            found = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
            self._ids[number] = found
        return self._ids[number]
