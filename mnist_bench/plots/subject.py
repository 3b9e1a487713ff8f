"""The subjects of pictures: a study, with the predictions of a trial's kept network; or a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bench.picture_form import MNIST
from mnist_bench.studies.checked import commands_of
from mnist_bench.studies.claims import trainer_for
from mnist_bench.studies.record import data_of, record_of
from mnist_bench.training.weights import check_trial
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from mnist_bench.data.mnist import Images


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A study to draw."""

    study: StoredStudy
    data_dir: Path | None = None  # the data set; None for the packaged one


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSubject:
    """A data set to draw, without a study."""

    images: Images  # the training images, in MNIST's form
    overrides: Sequence[str] = ()  # `augment.FIELD=VALUE`, changes of the notebook's augmentation
    seed: int = 0  # of the distortions


def data_subject(data_dir: Path | None, overrides: Sequence[str] = (), seed: int = 0) -> DataSubject:
    """Load a data set to be drawn, None for the packaged MNIST; the rest is as in `DataSubject`."""
    from mnist_bench.data.mnist import load_training_set
    from mnist_bench.data.own import options_for

    options = options_for(data_dir)
    if options.form != MNIST:
        raise UsageError(f"{data_dir}: images of {options.form}; without a study, only MNIST's form can be drawn.")
    return DataSubject(images=load_training_set(options).images, overrides=overrides, seed=seed)


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


def best_predictions(subject: Subject) -> Predictions:
    """Return the predictions of the study's best complete trial."""
    study = subject.study
    if study.best is None:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial yet, so there is no best one.")
    return predict(study, study.best, kept_weights(study, study.best), subject.data_dir)


def kept_weights(study: StoredStudy, trial: TrialRecord) -> bytes:
    """Return the content of the file with the weights that a trial ended with."""
    path = study.files.weights_of(trial.number)
    if not path.is_file():
        command = commands_of(study).line("reproduce", "--weights", trial=trial.number)
        raise StudyNotFoundError(
            f"The weights of {study.name}/{trial.number} are not in {study.files.weights}: those of the ten best "
            "complete trials are kept there, on the machine that searched, until `studies remove --weights`. "
            f"`{command}` trains it again and keeps them."
        )
    return check_trial(path, trial)


def predict(study: StoredStudy, trial: TrialRecord, weights: bytes, data_dir: Path | None = None) -> Predictions:
    """Predict the validation images with the net that `kept_weights` returned. Closes the test set.

    The net computes in the precision of the search, and on its kind of device if there is one.
    """
    from mnist_bench.training.trainer import Scorer

    trainer = trainer_for(record_of(study, trial), data_dir=data_dir, what=f"Study {study.name}")
    data = trainer.data
    logits = Scorer(trainer.precision).evaluate(weights, data, str(study.files.weights_of(trial.number))).logits
    images = data.images[data.validation].permute(0, 2, 3, 1).cpu().numpy()
    errors = trial.reports[-1].metrics.get("errors")
    return Predictions(
        study=study.name,
        trial=trial.number,
        of_digits=data_of(study.spec["context"]).is_of_digits,
        labels=data.labels[data.validation].cpu().numpy(),
        probabilities=logits.double().softmax(1).cpu().numpy(),
        indices=data.validation.cpu().numpy(),
        images=images[..., 0] if images.shape[3] == 1 else images,
        recorded_errors=None if errors is None else int(errors),
        names=data.names,
    )
