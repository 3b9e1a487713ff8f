"""Arguments that several functions take, in the forms in which people write them."""

from __future__ import annotations

from pathlib import Path

from mnist_bench.studies import find_trial
from search.event_log import StudyRecord, TrialRecord


def chosen(study: StudyRecord, trial: TrialRecord | int | None) -> TrialRecord:
    """Return the trial that is meant: one of that number, or the best; errors as in `find_trial`."""
    return trial if isinstance(trial, TrialRecord) else find_trial(study, trial)


def as_path(path: str | Path | None) -> Path | None:
    """Return a path that may be left out."""
    return None if path is None else Path(path)
