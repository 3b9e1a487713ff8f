"""Nets that were trained on all images and whose files are missing: find them, retrain them, name the command for it.

Their errors on the test images are known, so the test set stays closed and the confirmation stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from mnist_bench.errors import NotReproducedError
from mnist_bench.experiments.confirm.confirmation_table import command_again
from mnist_bench.experiments.confirm.front_result import Front, load_front
from mnist_bench.experiments.confirm.front_table import front_command
from mnist_bench.experiments.confirm.race_result import Confirmed, Final, load
from mnist_bench.experiments.confirm.runs import ConfirmOptions, Runs
from mnist_bench.experiments.grid import Observer, open_grid_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.studies import record
from search.errors import StorageError, UsageError
from search.messages import number_of
from search.study import ConfirmFolder, StoredStudy

Found = TypeVar("Found", Confirmed, Front)


def lost_nets(folder: ConfirmFolder, finals: Sequence[Final]) -> list[tuple[int, int]]:
    """Return trial and seed of each net of these configurations whose file is missing, though its training finished.

    A net without a record, as in the first versions, is left out: a retrained net could not be compared with it.
    """
    return [
        (number, seed)
        for number, seeds in sorted({final.number: len(final.errors) for final in finals}.items())
        for seed in range(seeds)
        if not folder.net_of(number, seed).is_file() and _ended(folder.record_of(number, seed, on_all=True))
    ]


def _ended(path: Path) -> bool:
    try:
        return record.read(path).curve[-1].end is None
    except (UsageError, StorageError):
        return False


def command_for_nets(folder: Path, number: int, commands: NextCommands) -> str:
    """Return the command that trains the networks of trial `number` again that are gone from a study's folder.

    Raises:
        StorageError: the study's confirmation cannot be read.
    """
    raced, front = load(folder), load_front(folder)
    if raced is not None and number in (final.number for final in raced.evaluated):
        return command_again(raced, commands)
    if front is not None and number in (final.number for final in front.evaluated):
        return front_command(front, commands)
    return commands.line("confirm")


def with_all_nets(found: Found, study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Found:
    """Retrain the final nets whose files are missing, then return `found` unchanged.

    If that is impossible, as on a machine that computes other bits, the observer gets the reason.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError, WorkerError, StorageError: as `open_grid_of`.
    """
    folder = study.files.confirm
    lost = lost_nets(folder, found.evaluated)
    if not lost:
        return found
    trials = [trial for trial in study.trials if trial.number in dict(lost)]
    try:
        with open_grid_of(
            study, "confirm", folder.path, f"The confirmation of {study.name}", options, observer
        ) as grid:
            Runs(study, trials, grid).train_again(lost)
    except (UsageError, NotReproducedError) as error:
        nets = number_of(len(lost), "network")
        observer.on_news(f"{nets} trained on all images cannot be made again here: {error}")
    return found
