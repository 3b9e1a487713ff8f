"""The subjects of pictures: a study with its best trial, that trial's net and predictions; or a data set.

A kind of picture pays for the parts that it asks for: `load_net` reads weights, `predictions` images, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.plots import frame
from mnist_bench.studies.checked import commands_of
from mnist_bench.studies.claims import trainer_for
from mnist_bench.studies.record import data_of, record_of
from mnist_bench.training.weights import check_trial, load_model, read_weights
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mnist_bench.data.mnist import Images
    from mnist_bench.data.tensors import Dataset


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Predictions:
    """A net's predictions for the validation images, in the order of the split."""

    study: str
    trial: int
    of_digits: bool  # whether the classes are known to be digits
    labels: NDArray[np.int64]  # True classes, shape (N,)
    probabilities: NDArray[np.float64]  # softmax of the logits, shape (N, classes)
    indices: NDArray[np.int64]  # indices in the training file, shape (N,)
    images: NDArray[np.uint8]  # shape (N, H, W), in colour (N, H, W, 3); 0 is background
    recorded_errors: int | None
    """Number of errors in the trial's last report; on another device or in another precision it may differ."""
    names: tuple[str, ...] = ()  # names of the classes; empty if they are only numbers

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable classes, shape (N,)."""
        classes: NDArray[np.int64] = self.probabilities.argmax(1)
        return classes

    @property
    def wrong(self) -> NDArray[np.int64]:
        """Indices into the arrays of the predictions that are not the label."""
        return np.flatnonzero(self.predicted != self.labels)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, or its number if it has no name."""
        return self.names or tuple(map(str, range(self.probabilities.shape[1])))

    @property
    def noun(self) -> str:
        """The word for a class: "digit" or, for relatives such as Fashion-MNIST, "class"."""
        return "digit" if self.of_digits else "class"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks on the source of a picture's figures."""
        here = len(self.wrong)
        source = f"study {self.study}, trial #{self.trial}, {len(self.labels):,} validation images"
        if self.recorded_errors in (None, here):
            return (source,)
        return source, f"errors here {here}, in the search {self.recorded_errors}: different numerics"


def kept_weights(study: StoredStudy, trial: TrialRecord, files: StudyFolder) -> Path:
    """Return the file that holds the weights that a trial ended with.

    Raises:
        StudyNotFoundError: the trial's weights were not kept.
        WeightsError: the file does not hold the weights that the trial ended with.
    """
    path = files.weights_of(trial.number)
    if not path.is_file():
        command = commands_of(study).line("reproduce", "--weights", trial=trial.number)
        raise StudyNotFoundError(
            f"The weights of {study.name}/{trial.number} are not in {files.weights}: those of the ten best complete "
            "trials are kept there, on the machine that searched, until `studies remove --weights`. "
            f"`{command}` trains it again and keeps them."
        )
    check_trial(path, trial)
    return path


def predict(study: StudyRecord, trial: TrialRecord, weights: Path, data_dir: Path | None = None) -> Predictions:
    """Predict the validation images with the net in a file of `kept_weights`. Closes the test set.

    The net computes in the precision of the search, and on its kind of device if there is one.

    Raises:
        DataError, DeviceError, UsageError: see `claims.trainer_for`, which loads the data set.
    """
    from mnist_bench.training.trainer import Scorer

    record = record_of(study, trial)
    trainer = trainer_for(record, data_dir=data_dir, what=f"Study {study.name}")
    logits = Scorer(trainer.precision).logits(read_weights(weights), trainer.data, str(weights))
    return _predictions(study, trial, trainer.data, logits)


def _predictions(study: StudyRecord, trial: TrialRecord, data: Dataset, logits: Tensor) -> Predictions:
    errors = trial.reports[-1].metrics.get("errors")
    return Predictions(
        study=study.name,
        trial=trial.number,
        of_digits=data_of(study.spec["context"]).is_of_digits,
        labels=data.labels[data.validation].cpu().numpy(),
        probabilities=logits.double().softmax(1).cpu().numpy(),
        indices=data.validation.cpu().numpy(),
        images=frame.pixels(data.images[data.validation]),
        recorded_errors=None if errors is None else int(errors),
        names=data.names,
    )


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
