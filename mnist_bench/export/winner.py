"""The net that is taken away, of a trial or of its confirmation: its weights compared with the record, its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.config import TrainConfig, from_json, leaves_validation
from mnist_bench.data import Dataset
from mnist_bench.errors import NotReproducedError
from mnist_bench.experiments import confirm
from mnist_bench.experiments.confirm import Confirmed
from mnist_bench.picture_form import MNIST
from mnist_bench.prediction import Model, Threshold, Traits, threshold
from mnist_bench.studies import Record, openings, record as records, record_of, reproduce, trainer_for
from mnist_bench.training import TorchTrainer, export, load_known, load_trial, logits, model_in
from mnist_bench.units import duration
from search.errors import StudyNotFoundError, UsageError
from search.event_log import StudyRecord, TrialRecord
from search.study import StudyLocation

if TYPE_CHECKING:
    from torch import nn

SEED = 0
"""Of the nets that `confirm` trained on all images, the first is taken: not the one that came out best on the test
images, whose figure would be too good."""
DIGITS = ("mnist", "qmnist")
"""Data sets of digits, whose pictures are cropped and centred."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Which net, and how it is come by."""

    on_all: bool = False
    """The net that `confirm` trained on all training images, instead of the trial's own."""
    trains: bool = True
    """Whether a trial whose weights were not kept is trained again."""
    device: str = "auto"
    data_dir: Path | None = None
    """The folder of the data set; None for the packaged one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """What a net in float32 does on the validation images."""

    errors: int
    images: int
    seen: bool
    """Whether the net was trained on these images, too."""
    threshold: Threshold

    @property
    def accuracy(self) -> float:
        """Share of images that are right, 0..1."""
        return 1 - self.errors / self.images


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Winner:
    """A trained net, and what is known of it."""

    study: StudyRecord
    trial: TrialRecord
    on_all: bool
    """Whether the net is one that `confirm` trained on all training images, instead of the trial's own."""
    record: Record
    """Of the training that made the net."""
    net: nn.Module
    """On the CPU, in evaluation mode."""
    traits: Traits
    validation: Validation
    """Of the trial's own net, even where the net is one that was trained on all images."""
    confirmed: Confirmed | None
    """What `confirm` found of the study; None where it was not confirmed."""
    test_openings: int
    """How often the test set was opened for the study."""

    @property
    def config(self) -> TrainConfig:
        """What the net was trained with."""
        return from_json(self.record.recipe)

    @property
    def name(self) -> str:
        """Name of the trial: STUDY/17."""
        return f"{self.study.name}/{self.trial.number}"

    @property
    def weights(self) -> str:
        """SHA-256 of its weights."""
        return self.record.curve[-1].weights

    @property
    def model(self) -> Model:
        """The net, ready for pictures."""
        return Model(net=self.net, traits=self.traits)


def find(
    study: StudyRecord,
    trial: TrialRecord | None,
    location: StudyLocation,
    options: Options,
    on_news: Callable[[str], None] = lambda news: None,
) -> Winner:
    """Return the net of a trial; of none, the study's best one's or, of a confirmation, the winner's.

    `on_news` hears what takes time. The test set is closed.

    Raises:
        StudyNotFoundError: there is no such net, or its weights were not kept and it is not to be trained again.
        NotReproducedError: the trial was trained again and came out otherwise.
        WeightsError: a file does not hold the weights that it is to hold.
        DataError, DeviceError, UsageError: see `trainer_for`, which loads the data set.
    """
    found = confirm.load(location.folder)
    if options.on_all:
        trial = _finalist(study, trial, found)
    elif trial is None:
        trial = study.best
    if trial is None:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial yet; name one, e.g. {study.name}/0.")
    record = record_of(study, trial)
    if end := record.curve[-1].end:
        raise UsageError(
            f"{study.name}/{trial.number} ended early ({end.replace('_', ' ')}); it has no net to take away."
        )
    if not options.trains and not location.files.weights_of(trial.number).is_file():
        name = f"{study.name}/{trial.number}"
        raise StudyNotFoundError(
            f"The weights of {name} were not kept; `mnist-bench export {name} --to DIR` trains it again."
        )
    kept = _confirmed_net(study, trial, location) if options.on_all else None
    trainer = trainer_for(record, device=options.device, data_dir=options.data_dir)
    if trainer.data.form != MNIST:
        raise UsageError(f"{study.name}: its pictures are {trainer.data.form}; export knows those of {MNIST} alone.")
    net = _net(study, trial, record, location, trainer, on_news)
    validation = _validation(net.to(trainer.data.device), trainer.data, from_json(record.recipe))
    record, net = kept or (record, net.cpu())
    (grey,) = trainer.data.training_on(from_json(record.recipe).train_on).moments
    traits = Traits(
        mean=grey.mean, std=grey.std, digits=record.data.dataset in DIGITS,
        unsure_below=validation.threshold.probability,
    )  # fmt: skip
    return Winner(
        study=study, trial=trial, on_all=options.on_all, record=record, net=net, traits=traits, validation=validation,
        confirmed=found, test_openings=openings.for_study(location),
    )  # fmt: skip


def _finalist(study: StudyRecord, trial: TrialRecord | None, found: Confirmed | None) -> TrialRecord:
    """Return the trial whose configuration `confirm` trained on all images: the one asked for, or the winner."""
    finals = [final.number for final in found.evaluated] if found else []
    if not finals:
        raise StudyNotFoundError(
            f"Study {study.name} has no net that was trained on all images; `mnist-bench confirm {study.name}` trains "
            "eight of its winner."
        )
    number = finals[0] if trial is None else trial.number
    if number not in finals:
        named = ", ".join(f"{study.name}/{final}" for final in finals)
        raise StudyNotFoundError(f"{study.name}/{number} was not trained on all images by `confirm`; {named} was.")
    return next(trial for trial in study.trials if trial.number == number)


def _confirmed_net(study: StudyRecord, trial: TrialRecord, location: StudyLocation) -> tuple[Record, nn.Module]:
    folder = location.files.confirm
    path = folder.net_of(trial.number, SEED)
    if not path.is_file():
        raise StudyNotFoundError(
            f"{path}: the net that `confirm` trained on all images was not kept, as in earlier versions, or is gone."
        )
    record = records.read(folder.record_of(trial.number, SEED, on_all=True))
    if record.data != record_of(study, trial).data:
        raise UsageError(f"{path}: was trained on other data than study {study.name}.")
    whose = f"the first net of {study.name}/{trial.number} that `confirm` trained on all images"
    return record, load_known(path, record.curve[-1].weights, from_json(record.recipe), whose)


def _net(
    study: StudyRecord,
    trial: TrialRecord,
    record: Record,
    location: StudyLocation,
    trainer: TorchTrainer,
    on_news: Callable[[str], None],
) -> nn.Module:
    """Return a trial's own net: as it was kept, or trained again."""
    name, path = f"{study.name}/{trial.number}", location.files.weights_of(trial.number)
    if path.is_file():
        return load_trial(path, trial)
    seconds = sum(report.seconds for report in trial.reports)
    on_news(f"The weights of {name} were not kept; it is trained again, which took {duration(seconds)} in the search.")
    comparison, state = reproduce.train_again(record, trainer)
    if state is None or comparison.first_difference is not None:
        difference = comparison.first_difference
        told = f" ({difference.name}: {difference.then} then, {difference.now} now)" if difference else ""
        raise NotReproducedError(
            f"Trained again, {name} came out otherwise{told}; `mnist-bench reproduce {name}` says what differs here."
        )
    return model_in(export(state, from_json(record.recipe)), name)


def _validation(net: nn.Module, data: Dataset, config: TrainConfig) -> Validation:
    on = data.training_on(config.train_on)
    labels = on.labels[on.validation].cpu().numpy()
    probabilities = logits(net, on, "fp32").double().softmax(1).cpu().numpy()
    return Validation(
        errors=int((probabilities.argmax(1) != labels).sum()), images=len(labels),
        seen=not leaves_validation(config.train_on), threshold=threshold(probabilities, labels),
    )  # fmt: skip
