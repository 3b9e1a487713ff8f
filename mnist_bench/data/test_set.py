"""The only way to open the test set, and the logs that count its evaluations.

A search closes the test set in each of its processes (`idx.close_test_set`). From then on, no library can open a test
file there, except through `open_test_set`. A confirmation is noted in two logs, that of the results folder and that
of the study's own folder, so that a copy of either keeps the count. The same line in two logs counts once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path

from mnist_bench.data import idx, mnist
from mnist_bench.data.choice import SHA256, DataOptions
from mnist_bench.data.mnist import Images
from search.errors import StorageError
from search.files import append_line, read
from search.study.folder import ResultsFolder, StudyFolder
from search.study.studies import name_inside

TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def open_test_set(options: DataOptions, *, purpose: str, logs: Sequence[Path]) -> Images:
    """Return the test images that `options` select, once a line about it is synced to disk in each log, in order."""
    # Loaded before it is noted: an attempt that fails on a missing or damaged file is not an evaluation.
    with idx.passage():
        images = mnist.load_images(options, TEST_FILES, train=False)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": time, "purpose": purpose, "files": images.digests})
    for log in logs:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            append_line(log, line)
        except OSError as error:
            raise StorageError(f"{log}: the evaluation on the test set cannot be logged ({error})") from error
    return images


def hashes_of_test_set(options: DataOptions) -> list[str]:
    """Return the SHA-256 of both files, for a check-up: they reveal nothing, so this is not an evaluation."""
    with idx.passage():
        return mnist.load_images(options, TEST_FILES, train=False).digests


def unopened_identity(options: DataOptions) -> list[str]:
    """Return the identity of a test set, without opening its files.

    For the packaged files these are the pinned hashes; for files in a folder their path, size and time of change; for a
    relative its name.
    """
    if not options.is_of_files:
        return [options.dataset]
    if options.data_dir is None:
        return [SHA256[name] for name in TEST_FILES]
    paths = [idx.find(Path(options.data_dir), name) for name in TEST_FILES]
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]


MAX_BYTES_OF_LOG = 16_000_000  # of a log: 100,000 evaluations; later ones are not counted


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedEvaluation:
    """An evaluation of the test set, as a log has it."""

    time: str  # in UTC, ISO 8601
    purpose: str  # the purpose: the command, and its subject
    log: Path


def purpose_of_confirming(name: str) -> str:
    """Return the beginning of the purpose that a study's confirmation notes in the logs."""
    return f"confirm {name}: "


def times_evaluated_for(files: StudyFolder) -> int:
    """Return how often the test set was opened for a study, under the present name of its folder or an earlier one."""
    # The union of counters keeps the larger count of each line, so a line in both logs counts once.
    return (_own(files) | _about(files)).total()


def entries_of(files: StudyFolder) -> list[LoggedEvaluation]:
    """Return the whole entries about a study, the oldest first; those that count for it, without torn ones."""
    noted = dict.fromkeys(_about(files), files.results.test_log) | dict.fromkeys(_own(files), files.test_log)
    return sorted(filter(None, map(_entry, noted, noted.values())), key=lambda entry: entry.time)


def times_evaluated_from(results: Path) -> tuple[int, LoggedEvaluation | None]:
    """Return how often the test set was opened from a results folder, and for studies that were copied into it, and the
    last of these evaluations; None if no log has a whole one."""
    log = ResultsFolder(results).test_log
    logs = {log: _lines(log)}
    for files in ResultsFolder(results).with_test_log():
        with suppress(StorageError):  # a log that leads elsewhere is refused wherever the study itself is opened
            logs[files.test_log] = _own(files)
    found = filter(None, (_entry(line, noted_in) for noted_in, lines in logs.items() for line in lines))
    union = reduce(or_, logs.values())
    return union.total(), max(found, key=lambda entry: entry.time, default=None)


def _about(files: StudyFolder) -> Counter[bytes]:
    """Return the lines of the results folder's log about a study, under its folder's name or its name inside."""
    purposes = tuple(purpose_of_confirming(name) for name in (files.name, name_inside(files)))
    lines, log = _lines(files.results.test_log), files.results.test_log
    noted = {line: _entry(line, log) for line in lines}
    return Counter({line: lines[line] for line, found in noted.items() if found and found.purpose.startswith(purposes)})


def _own(files: StudyFolder) -> Counter[bytes]:
    """Return the whole lines of a study's own log; a torn one is whole in that of the results, written before it."""
    lines = _lines(files.test_log)
    return Counter({line: count for line, count in lines.items() if _entry(line, files.test_log)})


def _lines(log: Path) -> Counter[bytes]:
    try:
        return Counter(read(log, MAX_BYTES_OF_LOG).splitlines())
    except FileNotFoundError:
        return Counter()


def _entry(line: bytes, log: Path) -> LoggedEvaluation | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    return LoggedEvaluation(time=str(entry.get("time", "")), purpose=str(entry.get("purpose", "")), log=log)
