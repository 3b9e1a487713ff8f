"""What the driver writes: the event log at once, Optuna's tables a second behind."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from search.event_log.events import Event, trial_of
from search.event_log.log import EventLog
from search.study.optuna_tables import OptunaTables

BEHIND = 1.0  # seconds by which Optuna's tables may be behind the event log


@dataclass(kw_only=True, slots=True)
class Recorder:
    """Writes the driver's decisions to the event log and, at most once a second, to Optuna's tables."""

    log: EventLog
    tables: OptunaTables
    _behind: set[int] = field(default_factory=set)  # trials that the tables do not show as they are
    _shown: float = 0.0  # when the tables were written last

    def append(self, event: Event) -> None:
        """Write an event to the log; when this returns, it has happened."""
        self.log.append(event)

    def show(self, event: Event) -> None:
        """Take note that the tables do not show an event that the history has."""
        if (number := trial_of(event)) is not None:
            self._behind.add(number)
        self.keep_up()

    def keep_up(self) -> None:
        """Write the tables if it is time: each event would take 24 of the 33 ms that a trial takes the driver."""
        if self._behind and time.monotonic() - self._shown >= BEHIND:
            self.catch_up()

    def catch_up(self) -> None:
        """Bring Optuna's tables up to the history."""
        self.tables.sync(self._behind)
        self._behind.clear()
        self._shown = time.monotonic()
