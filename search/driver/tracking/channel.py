"""A thread that logs trials, so that a slow server delays no decision of the search."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.messages import first_line, shortened

if TYPE_CHECKING:
    from search.driver.tracking.names import TrackerName
    from search.driver.tracking.subject import Sink
    from search.event_log import StudyRecord, TrialRecord

RETRY = 30.0
"""Seconds after a failure until the next try."""
PATIENCE = 60.0
"""Seconds that the end of a search waits until all is logged."""
LONGEST = 200
"""Characters of a reason."""
_LOGIN = re.compile(r"//[^/@\s]*@")


class Channel:
    """Logs the newest state of each trial that it is given, in the order in which they come."""

    def __init__(self, name: TrackerName, sink: Sink) -> None:
        """Begin the thread, which alone uses the sink."""
        self.name = name
        self.fault: Exception | None = None
        """Why the last try failed; None if it did not."""
        self.complete = False
        """Whether all is logged, with the study's result."""
        self._sink = sink
        self._waiting: dict[int, TrialRecord] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._study: StudyRecord | None = None
        self._thread = threading.Thread(target=self._work, name=f"log to {name}", daemon=True)
        self._thread.start()

    def put(self, trials: Iterable[TrialRecord]) -> None:
        """Log these trials as they are now. Of a trial that still waits to be logged, only the newest state counts."""
        with self._changed:
            self._waiting |= {trial.number: trial for trial in trials}
            self._changed.notify()

    def close(self, study: StudyRecord | None) -> None:
        """Wait until all is logged, with the result of the study if there is one, or a try fails."""
        with self._changed:
            self._closing, self._study = True, study
            self._changed.notify()
        self._thread.join(PATIENCE)

    @property
    def reason(self) -> str:
        """Why the last try failed, without a password in an address."""
        fault = "it takes too long" if self.fault is None else first_line(self.fault)
        return shortened(_LOGIN.sub("//***@", fault), LONGEST)

    def _work(self) -> None:
        is_last = False
        while not is_last:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                taken, self._waiting = self._waiting, {}
                is_last = self._closing
            self._try(taken, is_last)

    def _try(self, taken: dict[int, TrialRecord], is_last: bool) -> None:
        try:
            for trial in taken.values():
                self._sink.write(trial)
            if is_last and self._study is not None:
                self._sink.finish(self._study)
        except Exception as error:  # of a server, a database or a disk: the study is the truth, and the search goes on
            self.fault = error
            with self._changed:
                self._waiting = {**taken, **self._waiting}
                if not is_last:
                    self._changed.wait_for(lambda: self._closing, RETRY)
        else:
            self.fault = None
            self.complete = is_last
