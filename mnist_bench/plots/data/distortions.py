"""Digits as the best trial's seed distorts them, epoch by epoch; if hard images are chosen, not all epochs trained on
them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_bench.config import AugmentConfig, Schedule, TrainConfig, from_json
from mnist_bench.data import Dataset, on_device
from mnist_bench.plots import image_grid
from mnist_bench.plots.data.augmented import distorted, in_words, reading
from mnist_bench.studies import compatibility, data_of
from mnist_bench.training import augmentation
from search.event_log import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from mnist_bench.plots.subject import Subject

EPOCHS_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Distortions:
    """One training image per class, unchanged and as a trial saw it."""

    study: str
    trial: int
    settings: tuple[AugmentConfig, ...]
    """The augmentation of the trial; several if its phases change it."""
    labels: tuple[str, ...]
    """The classes of the columns, by their names if they have names."""
    classes: int
    """Number of classes; only those that fit are shown."""
    noun: str
    """The word for the pictures: "digits", or "pictures" of anything else."""
    trained: int
    """Number of epochs that the trial trained."""
    choice: str
    """How later epochs skipped easier images by their losses, possibly these, too; empty if they did not."""
    epochs: tuple[int, ...]
    """Epochs, from 1, of the rows below the first; empty if nothing is distorted."""
    images: image_grid.Pixels
    """Shape (1 + epochs, columns, H, W), in colour with an axis more: the unchanged images, then the distorted ones of
    each epoch."""


def rows(study: StudyRecord, trial: TrialRecord, data: Dataset) -> Distortions:
    """Return the first training image of each class with its distortions in up to `EPOCHS_SHOWN` epochs of a trial."""
    config = from_json(trial.config)
    schedule = Schedule(config=config, images=len(data.train))
    each = [schedule.augment(schedule.first_step(epoch)) for epoch in range(config.epochs)]
    settings = tuple(setting for setting, _ in groupby(each))
    epochs = _spread(config.epochs) if any(setting.distorts or setting.crop_pixels for setting in settings) else ()
    places, labels = _first_of_each_class(data)
    originals = image_grid.pixels(data.images[data.train[places].to(data.device)])
    seen = [_in_epoch(originals, places, each[epoch - 1], trial.seed, epoch - 1, len(data.train)) for epoch in epochs]
    return Distortions(
        study=study.name,
        trial=trial.number,
        settings=settings,
        labels=tuple(data.names[label] if data.names else str(label) for label in labels),
        classes=data.form.classes,
        noun="digits" if data_of(study.spec["context"]).is_of_digits else "images",
        trained=config.epochs,
        choice=_choice(config),
        epochs=epochs,
        images=np.stack([originals, *seen]),
    )


def _choice(config: TrainConfig) -> str:
    if config.epochs == 1:
        return ""
    if config.optim.hard_share:
        return "from epoch 2 on it trained on the hardest images and some others"
    return "from epoch 2 on it left out images with low losses" if config.optim.learned_share else ""


def _spread(epochs: int) -> tuple[int, ...]:
    """Return up to `EPOCHS_SHOWN` epochs from the first to the last, evenly spread."""
    return tuple(np.unique(np.linspace(1, epochs, EPOCHS_SHOWN).round().astype(int)).tolist())


def _first_of_each_class(data: Dataset) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Return the places in the training part of the first image of each class, and the classes that occur."""
    labels = data.labels[data.train].cpu().numpy()
    shown = range(min(data.form.classes, image_grid.COLUMNS))
    classes = [label for label in shown if (labels == label).any()]
    return np.array([int((labels == label).argmax()) for label in classes]), tuple(classes)


def _in_epoch(
    originals: image_grid.Pixels, places: NDArray[np.int64], setting: AugmentConfig, seed: int, epoch: int, images: int
) -> image_grid.Pixels:
    """Return the images at `places` of the training part as `batches.batches` distorts them in an epoch, from 0."""
    drawn = augmentation.distortions(setting, images, seed, epoch)
    return distorted(originals, None if drawn is None else drawn[places], setting)


def draw(distortions: Distortions) -> Figure:
    """Draw a row of unchanged images, and below it one row per epoch."""
    names = ["original", *(f"epoch {epoch}" for epoch in distortions.epochs)]
    finding, remarks = _finding(distortions), _remarks(distortions)
    return image_grid.labelled_figure(distortions.images, distortions.labels, names, finding, remarks)


def _finding(distortions: Distortions) -> str:
    """Return the heading: how the trial's images were distorted, phase by phase."""
    trained = f"#{distortions.trial} trained on {distortions.noun}"
    if not distortions.epochs:
        return f"{trained} as they are, without augmentation"
    return f"{trained} {', then '.join(map(in_words, distortions.settings))}"


def _remarks(distortions: Distortions) -> list[str]:
    some = (
        ""
        if distortions.classes <= image_grid.COLUMNS
        else f" of the first {image_grid.COLUMNS} of {distortions.classes}"
    )
    first = f"the first training image of each class{some}"
    if not distortions.epochs:
        return [f"study {distortions.study}", first]
    ways = dict.fromkeys(filter(None, map(reading, distortions.settings)))
    every = range(1, distortions.trained + 1)
    left_out = [f"{epoch}" for epoch in every if epoch not in distortions.epochs]
    some = f"{len(left_out)} of {distortions.trained} epochs" if len(left_out) > EPOCHS_SHOWN else ", ".join(left_out)
    epochs = f"left out: {'' if len(left_out) > EPOCHS_SHOWN else 'epoch '}{some}" if left_out else ""
    seen = f"{first}, as this trial's seed distorts it"
    return [f"study {distortions.study}", epochs, seen, distortions.choice, ", then ".join(ways)]


def picture(subject: Subject) -> Figure:
    """Return the picture of a study's best trial.

    Raises:
        StudyNotFoundError: no trial is complete.
        DataError, UsageError: see `compatibility.training_set`.
    """
    study, best = subject.study, subject.best
    loaded = compatibility.training_set(data_of(study.spec["context"]), subject.data_dir, f"Study {study.name}")
    return draw(rows(study, best, on_device(loaded, torch.device("cpu"))))
