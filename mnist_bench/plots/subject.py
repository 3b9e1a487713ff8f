"""The subjects of pictures: a study with its best trial, that trial's net and predictions; or a data set.

A kind of picture pays for the parts that it asks for: `load_net` reads weights, `predictions` images, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.plots.predictions import Predictions, kept_weights, predict
from mnist_bench.studies.record import data_of
from mnist_bench.training.weights import load_model
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from torch import nn

    from mnist_bench.data.mnist import Images


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A study to draw."""

    study: StoredStudy
    data_dir: Path | None = None  # the data set; None for the packaged one
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Lines that a picture leaves to be printed with it, by kind: what they say is then measured once."""

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

    def load_net(self) -> nn.Module:
        """Load the best trial's net, on the CPU; errors as in `best`, `kept_weights` and `weights.load_model`."""
        return load_model(self._weights())

    @cached_property
    def predictions(self) -> Predictions:
        """The best trial's predictions for the validation images; errors as in `best`, `kept_weights` and `predict`."""
        return predict(self.study, self.best, self._weights(), self.data_dir)

    def _weights(self) -> Path:
        return kept_weights(self.study, self.best, self.study.files)


@dataclass(frozen=True, kw_only=True)
class DataSubject:
    """A data set to draw, without a study."""

    images: Images  # the training images, in MNIST's form
    overrides: Sequence[str] = ()
    """`augment.FIELD=VALUE`, changes of the notebook's augmentation, which the kind `augmented` shows."""
    seed: int = 0  # the seed of those distortions


def data_subject(data_dir: Path | None, overrides: Sequence[str] = (), seed: int = 0) -> DataSubject:
    """Load a data set to be drawn.

    Args:
        data_dir: your own data; None for the packaged MNIST.
        overrides: `augment.FIELD=VALUE`, changes of the notebook's augmentation.
        seed: the seed of the distortions.

    Raises:
        DataError: the data set cannot be loaded.
        UsageError: its pictures are not of MNIST's form.
    """
    from mnist_bench.data.mnist import load_training_set
    from mnist_bench.data.own import options_for

    options = options_for(data_dir)
    if options.form != MNIST:
        raise UsageError(f"{data_dir}: images of {options.form}; without a study, only MNIST's form can be drawn.")
    return DataSubject(images=load_training_set(options).images, overrides=overrides, seed=seed)
