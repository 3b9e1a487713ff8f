"""Searches that are killed by SIGKILL at random moments and started again, until they finish.

For Linux: whom a driver has started is read from /proc.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.database import open_for_reading
from search.event_log.events import Event
from search.event_log.history import History
from search.event_log.log import EventLog
from search.study.folder import StudyFolder

START_SECONDS = 4.0
"""About the time until a search that was killed trains again."""
KINDS = {"driver": True, "worker": False, "all": True}
"""The kinds of kills, and whether the work stands still after one."""
LAST_TURN = 0.95
"""The share of the work after which the last kill comes: it has to come before the end."""


@dataclass(slots=True)
class Kills:
    """Kills that were made."""

    kinds: dict[str, int] = field(default_factory=dict)
    at_work: int = 0  # those that hit processes at work; the others hit one that was starting

    @property
    def number(self) -> int:
        """All of them."""
        return sum(self.kinds.values())


def kill_at_random(
    processes: SearchProcesses, kills: int, moments: random.Random, start_seconds: float = START_SECONDS
) -> Kills:
    """Kill `kills` times, or until the work is done, and return the kills that were made.

    They are spread over the work: the turn of a kill is when its share of the work is done, and it comes up to a tenth
    of `start_seconds` later. If that much is done sooner, it comes at any moment of the next `start_seconds`, in which
    the killed process starts again, and it is one that lets the work stand still.
    """
    made = Kills()
    while made.number < kills and processes.keep_up():
        turn = LAST_TURN * made.number / kills
        late = processes.progress() >= turn
        kind = moments.choice([kind for kind, stands_still in KINDS.items() if stands_still or not late])
        while processes.keep_up() and processes.progress() < turn:
            time.sleep(0.05)
        time.sleep(moments.uniform(0, start_seconds if late else start_seconds / 10))
        processes.progress()
        if kill(processes.targets(kind, moments)):
            made.kinds[kind] = made.kinds.get(kind, 0) + 1
            made.at_work += processes.is_at_work()
    return made


def kill(pids: Sequence[int]) -> bool:
    """Send SIGKILL to processes, wait for their ends, and return whether one of them was there."""
    there = [pid for pid in pids if is_alive(pid)]
    for pid in there:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while any(is_alive(pid) for pid in there):
        time.sleep(0.001)
    return bool(there)


def children(pid: int) -> list[int]:
    """Return the living processes that the main thread of a process has started."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found if is_alive(int(child))]


def is_alive(pid: int) -> bool:
    """Return whether there is such a process, and more than its entry is left of it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@dataclass(kw_only=True)
class SearchProcesses:
    """A search: a driver, which starts its workers itself, and continues when it is started again."""

    command: Sequence[str]
    files: StudyFolder
    log: Path  # receives the output of the processes
    environment: Mapping[str, str] = field(default_factory=dict)  # variables in addition to those of this process
    starts: int = 0
    lost: int = 0  # events that were in the log when it was read, and later were not, or not the same
    acknowledged: list[Event] = field(default_factory=list)  # the event log as it was last read
    workers_seen: set[int] = field(default_factory=set)  # workers that were alive at some kill
    _driver: subprocess.Popen[bytes] | None = None
    _before: int = 0  # events that were in the log when the driver was last started

    def keep_up(self) -> bool:
        """Start what was killed; return False if the work is done.

        Raises:
            RuntimeError: the search ended by itself and failed.
        """
        code = None if self._driver is None else self._driver.poll()
        if self._driver is None or code == -signal.SIGKILL:
            self.starts += 1
            self._before = len(self.acknowledged)
            with self.log.open("ab") as log:
                variables = {**os.environ, **self.environment}
                self._driver = subprocess.Popen(self.command, stdout=log, stderr=log, env=variables)
        elif code:
            raise RuntimeError(f"The search failed:\n{self.log.read_text()[-2000:]}")
        return code != 0

    def progress(self) -> float:
        """Read how much is done, 0..1: of trials that have ended, and of those under way the share of their periods."""
        events = self.read()
        self.lost += sum(event not in events[at : at + 1] for at, event in enumerate(self.acknowledged))
        self.acknowledged = events
        history = History.of(events)
        under_way = sum(len(trial.reports) / len(trial.costs) for trial in history.running())
        return (history.finished + under_way) / history.budget if history.budget else 0.0

    def is_at_work(self) -> bool:
        """Return whether something was done, as of the last reading, since the driver was last started."""
        return len(self.acknowledged) > self._before

    def targets(self, kind: str, moments: random.Random) -> list[int]:
        """Return the processes that a kill of this kind is to hit; none if there is none yet."""
        if self._driver is None or self._driver.poll() is not None:
            return []
        workers = children(self._driver.pid)
        self.workers_seen |= set(workers)
        if kind == "worker":
            return [moments.choice(workers)] if workers else []
        return [self._driver.pid, *(workers if kind == "all" else [])]

    def finish(self) -> None:
        """Let the work be done."""
        while self.keep_up():
            time.sleep(0.05)
        self.progress()

    def stop(self) -> None:
        """End all processes at once."""
        kill(self.targets("all", random.Random()))  # noqa: S311
        if self._driver is not None:
            self._driver.wait()

    def read(self) -> list[Event]:
        """Return the events in the log; none if there is no study yet."""
        if not (self.files.path / "study.db").exists():
            return []
        with contextlib.closing(open_for_reading(self.files.database)) as connection:
            return EventLog(connection, self.files.name).read()
