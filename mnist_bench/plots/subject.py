"""What the pictures of a study are about: the study, its best trial, and what that trial says of each image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnist_bench.plots.predictions import Predictions, predict
from search.errors import StudyNotFoundError
from search.event_log import StudyRecord, TrialRecord
from search.study import StudyFolder


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A study to draw."""

    study: StudyRecord
    folder: Path
    """The study's folder, with the weights of its best trials in `weights/`."""
    data_dir: Path | None = None
    """Where its data set lies, if it is not the one inside the package."""

    @property
    def best(self) -> TrialRecord:
        """The best complete trial.

        Raises:
            StudyNotFoundError: none is complete.
        """
        if self.study.best is None:
            raise StudyNotFoundError(f"Study {self.study.name} has no complete trial yet, so there is no best one.")
        return self.study.best

    @cached_property
    def predictions(self) -> Predictions:
        """What the best trial's net says of the validation images; see `predictions.predict`."""
        return predict(self.study, self.best, StudyFolder(self.folder), self.data_dir)
