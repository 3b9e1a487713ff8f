"""A search that is killed by SIGKILL before each of its writes, every time started again, until it comes to its end.

    python failpoints.py RESULTS [SPARED]

It prints two lines of JSON: what the search comes to when nothing disturbs it, and what it comes to when it is killed,
with the writes before which it was or might have been. A process dies before its first write that none came to before;
so those that recover are killed before their writes, too. With SPARED it dies before WRITES, and else only before the
one after so many.

What a write is, is seen from outside, by Python's audit events and SQLite's trace: a file or folder of the results is
made, opened for writing, renamed or removed; a table is made; a transaction that changes the database is committed.
Between two of them nothing changes that anybody reads, so a search that is killed at any moment leaves what one leaves
that is killed before a write.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from search.database import open_for_reading, sqlite_url
from search.event_log.log import EventLog
from search.event_log.records import TrialRecord
from search.files import atomic_write, leftovers
from search.strategies.samplers import Random
from search.study.folder import StudyFolder
from search.study.studies import open_study
from support import search_fake as fake
from support.paths import DATABASE

Before = Callable[[str], None]
"""Is told of a write just before it is made."""
WRITES = (
    "CREATE UNIQUE INDEX",
    "CREATE TABLE search_events",
    "open /fake-0/driver.lock",
    "commit INSERT INTO studies, 1 after event 1",  # the log has the study, Optuna's tables have not
    "commit INSERT INTO search_events, 1 after event 1",  # a study without a trial budget
    "commit INSERT INTO trials, 1 after event 3",
    "open /fake-0/states/.1-1.state",
    "os.rename /fake-0/states/.1-1.state",
    "commit INSERT INTO trial_intermediate_values, 1 after event 7",
    "commit INSERT INTO trial_values, 1 after event 14",  # the last trial's end is in the log alone
    "os.rename /kept/.1.kept",
    "os.remove /fake-0/states/1-4.state",
)
"""Some of the writes before which the search has to be killed, whatever else it comes to write."""

_CHANGES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class KeptFiles:
    """Keeps states as files, as the real one does weights."""

    folder: Path

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        self.folder.mkdir(exist_ok=True)
        for path in leftovers(self.folder):
            path.unlink()
        atomic_write(self.folder / f"{trial.number}.kept", state)


def run(results: Path) -> None:
    """Search until two trials have been trained: one to its end, one pruned; a third one is infeasible."""
    kept = KeptFiles(results / "kept")
    fake.run(results, budget=2, concurrent_trials=2, seed=4, widest=40, sampler=Random(), on_trial_end=kept)


def watch(results: Path, before: Before) -> None:
    """Call `before` before every write of this process below `results`, for the rest of its life."""
    changes: list[str] = []

    def on_audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.mkdir", "os.rename", "os.remove") or (event == "open" and _is_for_writing(arguments)):
            path = str(arguments[0])
            if path.startswith(str(results)) and not (event == "os.mkdir" and os.path.exists(path)):
                before(f"{event} {_without_token(path.removeprefix(str(results)))}")

    def on_statement(statement: str) -> None:
        words = statement.split()
        if words[0] == "CREATE":  # SQLite commits it at once
            before(" ".join(words[:3]))
        elif words[0] in _CHANGES:
            changes.append(" ".join(words[:3]))
        elif words[0] == "COMMIT":
            if changes:
                before(f"commit {changes[0]}")
            changes.clear()

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(on_statement)
        return connection

    sys.addaudithook(on_audit)
    connect = sqlite3.connect
    for module in (sqlite3, sqlite3.dbapi2):  # of Optuna's own connections, too
        vars(module)["connect"] = traced


def _is_for_writing(arguments: tuple[Any, ...]) -> bool:
    """Return whether a file is opened to be written; its flags are the third argument of the audit event."""
    return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _without_token(path: str) -> str:
    """Return the path of a temporary file without the part that is drawn at random."""
    return path.rpartition(".")[0] if "/." in path else path


def die(results: Path, known: Sequence[str], spared: int) -> list[str] | None:
    """Run the search in a child process that makes at most so many writes that are not `known` and dies.

    Returns all these, the fatal one included; None where it came to its end before that.
    """
    position = events_in(results)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _run_and_die(results, known, spared, position, writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        what = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return what.splitlines()
    if status:
        raise RuntimeError(f"the search failed after {known[-1]}")
    return None


def _run_and_die(results: Path, known: Sequence[str], spared: int, position: int, told: int) -> None:
    times: Counter[str] = Counter()
    fresh: list[str] = []

    def before(what: str) -> None:
        """Die, unless the same write was fatal before: the same file's, or the same at a place in the log of events."""
        nonlocal position
        times[what] += 1
        write = f"{what}, {times[what]} after event {position}" if what.startswith("commit") else what
        if write not in known and write not in fresh:
            fresh.append(write)
            os.write(told, f"{write}\n".encode())
            if len(fresh) > spared or write in WRITES:
                os.kill(os.getpid(), signal.SIGKILL)
        if what.endswith("INTO search_events"):
            position += 1
            times.clear()

    try:
        watch(results, before)
        run(results)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def events_in(results: Path) -> int:
    place = StudyFolder.of("fake-0", results)
    if not (place.path / DATABASE).exists():
        return 0
    with closing(open_for_reading(place.database)) as connection:
        return len(EventLog(connection, place.name).read())


def found(results: Path) -> dict[str, Any]:
    """Return what a search has come to: its digest, Optuna's tables, its files and what was kept."""
    place = StudyFolder.of("fake-0", results)
    trials = optuna.load_study(study_name=place.name, storage=sqlite_url(place.database)).trials
    files = sorted(path for path in results.rglob("*") if path.is_file() and not path.name.startswith(DATABASE))
    return {
        "digest": open_study(results, None).digest,
        "tables": [
            [t.number, t.state.name, t.values, t.params, t.intermediate_values, t.user_attrs, t.system_attrs]
            for t in trials
        ],
        "files": [str(path.relative_to(results)) for path in files],
        "kept": [path.read_bytes().hex() for path in files if path.suffix == ".kept"],
    }


def main(folder: Path, spared: int = 0) -> None:
    alone, killed = folder / "alone", folder / "killed"
    for results in (alone, killed):
        results.mkdir()
    run(alone)
    writes: list[str] = []
    while fresh := die(killed, writes, spared):
        writes += fresh
    print(json.dumps({"found": found(alone)}))
    print(json.dumps({"found": found(killed), "writes": writes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
