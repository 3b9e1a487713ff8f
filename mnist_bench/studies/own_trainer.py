"""The trainer of a study that your own code made, which only you can name again: no study runs code by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_bench.errors import UnnamedCodeError
from mnist_bench.studies.foreign import made_by_another, trainer_of
from search.errors import UsageError
from search.event_log import StudyRecord
from search.executors import Executor, RemoteTrainer
from search.executors.local import LocalExecutor
from search.messages import quoted, show
from search.trainer_api import PLAIN, TrainerSpec


def trainer_for(study: StudyRecord, named: str | None) -> RemoteTrainer[Mapping[str, Any]]:
    """Return the trainer of a study, in a worker process that starts with the first use; errors as in `spec_of`."""
    return RemoteTrainer(spec_of(study, named), PLAIN)


def executor_for(study: StudyRecord, named: str | None, workers: int, log: Path) -> Executor:
    """Return worker processes with the trainer of a study, which are not started yet; errors as in `spec_of`."""
    return LocalExecutor(spec_of(study, named), workers, log)


def spec_of(study: StudyRecord, named: str | None) -> TrainerSpec:
    """Return how workers build the trainer of a study, by the name under which it is now: `file.py:Trainer`.

    Its options are those that the study has; of a file, only the folder may be another one.

    Raises:
        UnnamedCodeError: it was not named.
        UsageError: it is not the trainer that made the study.
    """
    known = trainer_of(study.spec)
    if named is None:
        add = f"--trainer {quoted(known)}" if known else "--trainer file.py:Trainer"
        raise UnnamedCodeError(
            f"{made_by_another(study)}, which only you can name again: add {add} (a file with the folder that it lies "
            "in)."
        )
    spec = TrainerSpec(factory=named, options=study.spec["context"].get("trainer", {}).get("options", {}))
    if known is not None and spec.to_json()["factory"] != study.spec["context"]["trainer"]["factory"]:
        raise UsageError(f"{made_by_another(study)}, not by {show(named)}.")
    return spec
