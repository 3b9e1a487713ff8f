"""Files next to a study: results of commands as JSON that contains its own SHA-256, and weights of the best trials.

The results of commands such as `confirm` are stored in this form, so that damage is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.values import from_json
from mnist_bench.leaderboard.ranking import undominated
from mnist_bench.studies.checked import commands_of
from search import canonical_json, files
from search.errors import OtherVersionError, StorageError, UsageError
from search.event_log.records import TrialRecord
from search.files import atomic_write, leftovers
from search.stored_fields import stored, unknown, unknown_in
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


KEY = "sha256"  # of the SHA-256 of everything else in a JSON object
MAX_BYTES = 16_000_000  # of a file that is read; results about a study of ten thousand trials have a tenth of it
T = TypeVar("T")


def write(values: Mapping[str, Any], path: Path) -> None:
    """Write values atomically, as a JSON object with its SHA-256; a StorageError leaves an existing file unchanged."""
    try:
        atomic_write(path, json.dumps(seal(values), indent=1).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def save(result: DataclassInstance, path: Path) -> None:
    """Write a command's result; errors as in `write`."""
    write(stored(result), path)


def load(path: Path, kind: type[T], what: str) -> T | None:
    """Return the result, a dataclass of type `kind`, that `save` wrote; None if there is no file.

    `what` names the result in the error: OtherVersionError if a newer version wrote the file, else StorageError.
    """
    incomplete = f"is not a complete {what}; move it away, and it is made again."
    try:
        return TypeAdapter(kind).validate_json(unseal(files.read(path, MAX_BYTES)), strict=True, extra="forbid")
    except FileNotFoundError:
        return None
    except ValidationError as error:
        if name := unknown_in(error):
            raise OtherVersionError(f"{path}: {unknown(name)}.") from error
        raise StorageError(f"{path}: {incomplete}") from error
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: {incomplete}") from error


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values, or those of a dataclass, with their SHA-256; an old SHA-256 among them is replaced."""
    content = {key: value for key, value in values.items() if key != KEY}
    # The hash is that of the values that a reader gets: tuples become lists, keys become texts.
    as_read = json.loads(json.dumps(content))
    return {**content, KEY: canonical_json.sha256(as_read)}


def unseal(text: bytes | str) -> str:
    """Check the SHA-256 of a JSON object, and return the object without it; ValueError if it does not match.

    One written by hand may have none.
    """
    try:
        values = json.loads(text, parse_constant=canonical_json.parse_finite, parse_float=canonical_json.parse_finite)
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        recorded = values.pop(KEY, None)
        if recorded is not None and recorded != canonical_json.sha256(values):
            raise ValueError(
                f"its content does not match its {KEY}: it is damaged, or was changed by hand without removing {KEY}"
            )
        return json.dumps(values)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


TOP = 10  # most accurate trials whose weights are kept


class BestCheckpoints:
    """Keeps a folder with the weights of the most accurate complete trials; a search calls it when one completes.

    With a second objective, `cost`, the weights of the Pareto front are kept, too.
    """

    def __init__(self, files: StudyFolder, cost: str | None = None) -> None:
        self._files = files
        self._cost = cost

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """Write the trial's weights if it is among the best, and remove weights of trials that no longer are.

        After a kill, the next run calls this again with the same arguments.
        """
        best = worth_keeping(complete, self._cost)
        self._files.weights.mkdir(parents=True, exist_ok=True)
        for path in leftovers(self._files.weights):
            path.unlink(missing_ok=True)
        if trial.number in best:
            _write_weights(self._files, trial, state)
        for number, path in self._files.kept_weights().items():
            if number not in best:
                path.unlink(missing_ok=True)


def check_kept(study: StoredStudy, trial: TrialRecord) -> None:
    """Check that a search keeps the weights of this trial in the study's folder."""
    if trial.number not in worth_keeping(study.complete(), study.cost):
        command = commands_of(study).line("export", "--to", "DIR", trial=trial.number)
        raise UsageError(
            f"{study.name}/{trial.number} is not among the {TOP} best complete trials, whose weights are kept; "
            f"`{command}` writes the network of any trial."
        )


def keep_weights(study: StoredStudy, trial: TrialRecord, state: bytes) -> None:
    """Write the weights of a trial that was trained again to where the search keeps them."""
    try:
        study.files.weights.mkdir(parents=True, exist_ok=True)
        _write_weights(study.files, trial, state)
    except OSError as error:
        raise StorageError(f"{study.files.weights}: cannot be written ({error.strerror}).") from error


def _write_weights(files: StudyFolder, trial: TrialRecord, state: bytes) -> None:
    from mnist_bench.training import weights  # slow to import, and results need none

    atomic_write(files.weights_of(trial.number), weights.export(state, from_json(trial.config)))


def worth_keeping(complete: Sequence[TrialRecord], cost: str | None) -> set[int]:
    """Return the numbers of the complete trials whose weights are kept: the `TOP`, and with `cost` the Pareto front."""
    top = sorted(complete, key=TrialRecord.rank_key)[:TOP]
    front = [] if cost is None else undominated(complete, cost)
    return {trial.number for trial in (*top, *front)}
