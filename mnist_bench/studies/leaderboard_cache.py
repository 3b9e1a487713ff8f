"""A cache for the leaderboards of large studies: of 10,000 trials, the first page takes 0.55 s with it.

The cached leaderboard holds a stamp: the version, the study's newest event and its time, and the time and size of the
database's file. If anything has changed, or if the file is damaged, the leaderboard is computed anew.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from mnist_bench.leaderboard.board import Leaderboard, leaderboard_of
from mnist_bench.studies import openings, sealed_json, validated
from mnist_bench.studies.compatibility import commands_of
from mnist_bench.studies.foreign import is_foreign
from search.errors import StorageError, StudyNotFoundError
from search.study.location import StudyLocation
from search.study.studies import StoredStudy, driver_of, has_its_folder, latest, newest_event

FROM = 1000
"""Studies with fewer trials have no cache; reading them is fast enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedLeaderboard:
    """A leaderboard, and the state of the study that it shows."""

    stamp: str
    top: int | None
    board: Leaderboard


def leaderboard(
    results: Path,
    name: str | None,
    storage: str | None = None,
    *,
    top: int | None = None,
    infeasible: bool = False,
    curves: bool = False,
) -> Leaderboard:
    """Return the leaderboard of a study, from the cache if the study has not changed.

    Without a name, it is that of the latest study. A leaderboard of another trainer's study, or one with `infeasible`
    trials or learning `curves`, is never cached.

    Raises:
        StudyNotFoundError: there is no such study, or it has no finished trial.
        StorageError: its database cannot be read.
    """
    location = _location(results, name, storage)
    has_cache = location is not None and not (infeasible or curves) and has_its_folder(location)
    stamp = _stamp(location) if location and has_cache else None
    cached = _cached(location) if location and has_cache else None
    if location and cached and (cached.stamp, cached.top) == (stamp, top):
        net = cached.board.net and replace(cached.board.net, test_openings=openings.for_study(location))
        return replace(cached.board, study=location.name, live=driver_of(location) is not None, net=net)
    # By the name that was found: another study may have become the latest meanwhile.
    study = validated.open_any(results, location.name if location else name, storage)
    check_has_rows(study, infeasible=infeasible)
    of_nets = not is_foreign(study.spec)
    opened = openings.for_study(location) if location else 0
    board = leaderboard_of(study, of_nets=of_nets, top=top, test_openings=opened, infeasible=infeasible, curves=curves)
    if location and stamp and of_nets and len(study.trials) >= FROM:
        with contextlib.suppress(StorageError):  # a reader may lack the right to write there
            sealed_json.save(CachedLeaderboard(stamp=stamp, top=top, board=board), location.files.cached_leaderboard)
    return board


def check_has_rows(study: StoredStudy, *, infeasible: bool = False) -> None:
    """Check that a leaderboard has a row to show.

    Raises:
        StudyNotFoundError: no trial has finished; with `infeasible`, there is no trial.
    """
    if study.trials if infeasible else study.finished():
        return
    beyond = any(not trial.is_trained for trial in study.trials)
    command = commands_of(study).line("leaderboard", "--all")
    all_of_them = f"; `{command}` lists those that were not trained" if beyond else ""
    raise StudyNotFoundError(f"Study {study.name} has no finished trial yet{all_of_them}.")


def _location(results: Path, name: str | None, storage: str | None) -> StudyLocation | None:
    with contextlib.suppress(StudyNotFoundError):
        return StudyLocation.of(latest(results, storage) if name is None else name, results, storage)
    return None


def _stamp(location: StudyLocation) -> str:
    """Return a text that changes whenever the leaderboard may change."""
    # The file's time and size, too: others may change rows without adding an event.
    file = location.files.database.stat() if location.owns_database and not location.lacks_database else None
    written = "" if file is None else f"{file.st_mtime_ns} {file.st_size}"
    return f"{version('mnist-bench')} {newest_event(location)} {written}"


def _cached(location: StudyLocation) -> CachedLeaderboard | None:
    try:
        return sealed_json.load(location.files.cached_leaderboard, CachedLeaderboard, "leaderboard")
    except StorageError:
        return None
