"""Searches killed by SIGKILL while their database is made, each of which must continue when started again.

    python benchmarks/killed_at_birth.py --kills 200              about a minute

Each is a process of its own with a trainer that takes no time. It is killed at a random moment of the 50 ms after its
database's file appears; every other one within 4 ms, in which the file's first page is written. Then what reads a study
looks at what is left, and the same search continues to its end. The exit code is 0 if all came through.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from search.database.engines import damage
from search.errors import SearchError, StudyNotFoundError
from search.study.location import StudyLocation
from search.study.studies import list_studies, open_study, read_events
from support import search_fake as fake

GOAL = 2
WINDOW = 0.05
"""Seconds after the file appears in which a kill comes."""
FIRST_PAGE = 0.004
"""Seconds in which its first page is written, with the rollback journal next to it."""
STATES = {"-journal": "a journal", "-wal": "a write-ahead log"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """The files that a kill left, and the faults found afterwards."""

    left: str
    """The database's files."""
    faults: tuple[str, ...]
    """The faults that readers and the next run of the search report; none if all is well."""


def main() -> None:
    """Kill that number of searches and print how each ended."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--window", type=float, default=WINDOW, help="seconds after the file appears")
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        deaths = kill_at_birth(Path(folder), options.kills, random.Random(options.seed), options.window)  # noqa: S311
    for left, count in Counter(death.left for death in deaths).most_common():
        print(f"{count:5} left {left}")
    for fault, count in Counter(fault for death in deaths for fault in death.faults).most_common():
        print(f"{count:5} {fault}")
    well = sum(not death.faults for death in deaths)
    print(f"{well} of {len(deaths)} came through.")
    sys.exit(well < len(deaths))


def kill_at_birth(folder: Path, kills: int, moments: random.Random, window: float = WINDOW) -> list[Death]:
    """Return the results of that number of kills, each of a search in its own folder."""
    digest = fake.run(folder / "undisturbed", goal=GOAL).study.digest
    return [
        _kill(folder / str(number), moments.uniform(0, window if number % 2 else FIRST_PAGE), digest)
        for number in range(kills)
    ]


def _kill(results: Path, after: float, digest: str) -> Death:
    location = StudyLocation.of("fake-0", results)
    database = location.files.database
    processes = multiprocessing.get_context("forkserver")  # forks from a process that has imported what a search needs
    processes.set_forkserver_preload(["killed_at_birth", "optuna.storages", "search.strategies.optuna_samplers"])
    search = processes.Process(target=fake.run, args=(results,), kwargs={"goal": GOAL})
    search.start()
    while not database.exists():
        time.sleep(0)
    time.sleep(after)
    search.kill()
    search.join()
    left = _left(database)
    return Death(left=left, faults=(*_read(location), *_go_on(results, digest)))


def _left(database: Path) -> str:
    size = database.stat().st_size
    files = [name for suffix, name in STATES.items() if database.with_name(f"{database.name}{suffix}").exists()]
    kind = "no byte" if size == 0 else "one page" if size <= 4096 else "tables"
    return " and ".join([kind, *files])


def _read(location: StudyLocation) -> list[str]:
    """Return the readers' messages about a half-made database, other than that there is no study yet."""
    readers: dict[str, Callable[[], object]] = {
        "leaderboard": lambda: open_study(location.folder.parent, location.name),
        "studies": lambda: list_studies(location.folder.parent),
        "doctor": lambda: _demand_whole(location.files.database),
        "replay": lambda: read_events(location),
    }
    faults = []
    for name, reader in readers.items():
        try:
            reader()
        except StudyNotFoundError:
            continue
        except SearchError as error:
            faults.append(f"{name}: {_without(error, location)}")
    return faults


def _demand_whole(database: Path) -> None:
    if fault := damage(database):
        raise SearchError(fault)


def _go_on(results: Path, digest: str) -> list[str]:
    try:
        found = fake.run(results, goal=GOAL).study.digest
    except SearchError as error:
        return [f"search: {_without(error, StudyLocation.of('fake-0', results))}"]
    return [] if found == digest else ["search: has another result"]


def _without(error: SearchError, location: StudyLocation) -> str:
    return str(error).replace(str(location.folder), "…")


if __name__ == "__main__":
    main()
