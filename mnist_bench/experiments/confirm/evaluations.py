"""The test errors that confirmations of a study have found so far, by test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.data import DataOptions, hashes_of_test_set
from mnist_bench.experiments.confirm.front_result import Front, load_front
from mnist_bench.experiments.confirm.race_result import Confirmed, Final, load
from mnist_bench.studies import compatibility, data_of
from search.event_log import StudyRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Configurations that were evaluated on the images of one test set."""

    finals: tuple[Final, ...]
    images: int
    """0 if there are none."""
    test_files: tuple[str, ...] | None = None
    """Those of the test set, and of each final; see `Final.test_files`."""

    @property
    def numbers(self) -> list[int]:
        """Of the trials."""
        return [final.number for final in self.finals]


def evaluated(folder: Path) -> tuple[Evaluated, ...]:
    """Return every test result of the study in `folder`, grouped by test set: your own test file may have changed
    between two confirmations. Results of the race come before those of the front.

    Raises:
        StorageError: a file cannot be read.
    """
    kept = [found for found in (load(folder), load_front(folder)) if found is not None]
    by_test_set: dict[tuple[tuple[str, ...] | None, int], list[Final]] = {}
    for found in kept:
        for final in found.evaluated:
            by_test_set.setdefault((final.test_files, found.test_images), []).append(final)
    return tuple(
        Evaluated(finals=tuple(finals), images=images, test_files=files)
        for (files, images), finals in by_test_set.items()
    )


def preferred(found: Sequence[Evaluated], number: int, study: StudyRecord, data_dir: Path | None) -> Evaluated:
    """Return the results on the test set on which the configuration of trial `number` was evaluated; of several test
    sets, that of the files that the user names. It has no finals if there is no such test set.

    Raises:
        DataError, UsageError: see `compatibility.training_set`.
    """
    its = [one for one in found if number in one.numbers]
    if len(its) > 1:
        its = of_files_first(its, _named_files(study, data_dir))
    return its[0] if its else NOTHING


NOTHING = Evaluated(finals=(), images=0)


def seeds_of(found: Sequence[Evaluated], number: int) -> int:
    """Return with how many seeds the configuration of trial `number` was trained on all images; 0 if it was not."""
    return max((len(final.errors) for one in found for final in one.finals if final.number == number), default=0)


def of_files_first(found: Sequence[Evaluated], files: tuple[str, ...] | None) -> list[Evaluated]:
    """Return results with those on these test files first."""
    return sorted(found, key=lambda one: one.test_files != files)


def own_test_files(options: DataOptions) -> tuple[str, ...] | None:
    """Return the SHA-256 of your own test files, which may change while the training images stay; None for the
    packaged ones. The hash says nothing about the images, so this does not count as opening the test set.

    Raises:
        DataError: see `hashes_of_test_set`.
    """
    return None if options.data_dir is None else tuple(hashes_of_test_set(options))


def earlier(before: Confirmed | Front | None, now: Evaluated) -> tuple[Final, ...]:
    """Return an earlier confirmation's results for other configurations on the test set of `now`."""
    if before is None or before.test_images != now.images:
        return ()
    return tuple(
        final for final in before.evaluated if final.test_files == now.test_files and final.number not in now.numbers
    )


def all_stand(finals: Sequence[Final], study: StudyRecord, data_dir: Path | None) -> bool:
    """Return whether all finals were measured on the test files in `data_dir`. True if it is None, or if no final names
    its files.

    Raises:
        DataError, UsageError: see `compatibility.training_set`.
    """
    if data_dir is None or all(final.test_files is None for final in finals):
        return True
    return {final.test_files for final in finals} == {_named_files(study, data_dir)}


def _named_files(study: StudyRecord, data_dir: Path | None) -> tuple[str, ...] | None:
    """Return the test files that belong to a study's training images, as `own_test_files`; None if the user names none.

    Raises:
        DataError, UsageError: see `compatibility.training_set`.
    """
    if data_dir is None:
        return None
    data = compatibility.training_set(data_of(study.spec["context"]), data_dir, f"Study {study.name}")
    return own_test_files(data.options)
