"""The processes of a search by Optuna alone, to be killed and started again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states that count toward the trials asked for."""


@dataclass(slots=True)
class StockProcesses:
    """Equal processes on one study; one that was killed is started again while trials are missing."""

    command: Sequence[str]
    """Of each process."""
    study: optuna.Study
    trials: int
    """Asked for."""
    periods: int
    """Of a trial."""
    processes: int
    log: Path
    """Receives the output of the processes."""
    begun: Path
    """The file in which they count the periods that they begin."""
    environment: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, bool] = field(default_factory=lambda: {"worker": False, "all": True})
    acknowledged: dict[int, Any] = field(default_factory=dict)
    """The ended trials as they were last read: states and values by number."""
    lost: int = 0
    """Trials that had ended when they were read, and later had not, or not in the same way."""
    raised: int = 0
    """Processes that ended by an exception."""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _before: int = 0
    """Periods that were begun when a process was last started."""

    def keep_up(self) -> bool:
        """See `killing.Processes.keep_up`."""
        ended = [process for process in self._running if process.poll() is not None]
        self.raised += sum(process.returncode not in (0, -signal.SIGKILL) for process in ended)
        self._running = [process for process in self._running if process not in ended]
        missing = self.processes - len(self._running)
        if missing and not self._is_done():
            self._running += [self._start() for _ in range(missing)]
        return bool(self._running)

    def progress(self) -> float:
        """See `killing.Processes.progress`: trials that have ended, and of the newest the share of their periods."""
        trials = self.study.get_trials(deepcopy=False)
        ended = {t.number: (t.state, t.values) for t in trials if t.state in ENDED}
        self.lost += sum(ended.get(number) != how for number, how in self.acknowledged.items())
        self.acknowledged = ended
        newest = [t for t in trials if t.state == TrialState.RUNNING][-self.processes :]
        under_way = sum(len(trial.intermediate_values) / self.periods for trial in newest)
        return (len(ended) + under_way) / self.trials

    def is_at_work(self) -> bool:
        """See `killing.Processes.is_at_work`."""
        return self._begun() > self._before

    def targets(self, kind: str, moments: random.Random) -> list[int]:
        """See `killing.Processes.targets`."""
        pids = [process.pid for process in self._running if process.poll() is None]
        return [moments.choice(pids)] if pids and kind == "worker" else pids

    def finish(self) -> None:
        """Let the search finish."""
        while self.keep_up():
            time.sleep(0.05)
        self.progress()

    def stop(self) -> None:
        """End all processes at once."""
        for process in self._running:
            process.kill()
            process.wait()

    def _is_done(self) -> bool:
        self.progress()
        return len(self.acknowledged) >= self.trials

    def _start(self) -> subprocess.Popen[bytes]:
        self._before = self._begun()
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            return subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)

    def _begun(self) -> int:
        return len(self.begun.read_text().splitlines()) if self.begun.exists() else 0
