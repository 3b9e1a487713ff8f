"""What the pictures of a study show: the study, its best trial, and the predictions of that trial."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnist_bench.picture_form import PictureForm
from mnist_bench.plots.predictions import Predictions, predict
from mnist_bench.studies import data_of
from search.errors import StudyNotFoundError
from search.event_log import TrialRecord
from search.study import StoredStudy


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A study to draw."""

    study: StoredStudy
    data_dir: Path | None = None
    """Where the data set is; None for the packaged one."""

    @property
    def form(self) -> PictureForm:
        """The form of the pictures that the study was trained on."""
        return data_of(self.study.spec["context"]).form

    @property
    def best(self) -> TrialRecord:
        """The best complete trial.

        Raises:
            StudyNotFoundError: no trial is complete.
        """
        if self.study.best is None:
            raise StudyNotFoundError(f"Study {self.study.name} has no complete trial yet, so there is no best one.")
        return self.study.best

    @cached_property
    def predictions(self) -> Predictions:
        """The best trial's predictions for the validation images; see `predictions.predict` for errors."""
        return predict(self.study, self.best, self.study.files, self.data_dir)
