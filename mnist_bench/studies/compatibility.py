"""Under what something was trained, its data and its numerics, and whether those at hand are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_bench.data import DataOptions, TrainingSet, load_training_set
from mnist_bench.studies.record import Data
from search.errors import FingerprintError, UsageError
from search.event_log import StudyRecord


def training_set(recorded: Data, data_dir: Path | None, what: str) -> TrainingSet:
    """Return the data set that `what` (in messages: "Study conv-0") was trained on, from `data_dir` or the package.

    Raises:
        DataError: it cannot be loaded.
        UsageError: the data set there is another one.
    """
    options = DataOptions(
        dataset="mnist" if data_dir else recorded.dataset,
        data_dir=str(data_dir.resolve()) if data_dir else None,
        subset=recorded.subset,
    )
    loaded = load_training_set(options)
    if (loaded.data_hash, loaded.split.digest) != (recorded.data_hash, recorded.split_hash):
        raise UsageError(
            f"{what} was trained on other data (its hash {recorded.data_hash[:8]}, here {loaded.data_hash[:8]}); "
            "--data-dir names the folder of its data set."
        )
    return loaded


def device_like(numerics: Mapping[str, Any], name: str) -> str:
    """Return the device to train on: for "auto" the processor where these numerics are a processor's."""
    return "cpu" if name == "auto" and numerics.get("device") == "cpu" else name


def check_numerics(study: StudyRecord, numerics: Mapping[str, Any], verb: str) -> None:
    """Check that workers with these numerics compute like those of the search; `verb` says what for: "confirm".

    Raises:
        FingerprintError: they do not.
    """
    then, now = study.spec["numerics"]["canary"], numerics["canary"]
    if then != now:
        raise FingerprintError(
            f"Study {study.name} was searched where the same training gives other bits (canary {then[:4]}…, here "
            f"{now[:4]}…); {verb} it on such a machine, with the same versions."
        )
