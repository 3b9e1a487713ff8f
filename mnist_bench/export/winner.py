"""The exported network, of a trial or of its confirmation: its weights, compared with the record, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench.cells import spelled
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json
from mnist_bench.data.choice import NAMED, Data
from mnist_bench.data.tensors import Dataset
from mnist_bench.data.test_set import times_evaluated_for
from mnist_bench.errors import NotReproducedError
from mnist_bench.experiments import confirmed as results, confirmed_table as result_tables
from mnist_bench.experiments.confirmed import Confirmed, Final, Front
from mnist_bench.next_commands import NextCommands
from mnist_bench.options import SEEDS
from mnist_bench.picture_form import PictureForm
from mnist_bench.prediction.model import InputSpec, Model
from mnist_bench.prediction.pictures import draws_on_black, is_ready, sample
from mnist_bench.studies import claims, record as records
from mnist_bench.studies.checked import commands_of, find_trial
from mnist_bench.studies.claims import trainer_for
from mnist_bench.studies.kept_files import worth_keeping
from mnist_bench.studies.record import Record, record_of
from mnist_bench.training.trainer import NetTrainer, Scorer
from mnist_bench.training.weights import check_trial, export, known, model_in
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import duration
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from torch import nn

SEED = 0
"""Seed of the exported network of those that `confirm` trained on all images: the first, not the best on the test
images, whose accuracy would be too optimistic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """The validation result of a network as it is exported; see `Scorer.as_exported`."""

    errors: int
    images: int

    @property
    def accuracy(self) -> float:
        """Share of images that are right, 0..1."""
        return 1 - self.errors / self.images


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainedNet:
    """A trained network, with the record of its training."""

    study: StudyRecord
    trial: TrialRecord
    record: Record  # of the training that made the net
    net: nn.Module  # on the CPU, in evaluation mode
    input_spec: InputSpec
    is_drawn: bool  # whether the network reads pictures that can be drawn: grey ones on black

    @property
    def weights(self) -> str:
        """SHA-256 of its weights."""
        return self.record.curve[-1].weights

    @property
    def form(self) -> PictureForm:
        """The form of the pictures."""
        return self.record.data.form

    @property
    def config(self) -> TrainConfig:
        """The configuration that the network was trained with."""
        return from_json(self.record.recipe)

    @property
    def name(self) -> str:
        """Name of the trial: STUDY/17."""
        return f"{self.study.name}/{self.trial.number}"

    @property
    def model(self) -> Model:
        """The net, ready for pictures."""
        return Model(net=self.net, input_spec=self.input_spec, form=self.form)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Winner(TrainedNet):
    """The network that is exported, with its results."""

    on_all: bool  # whether the net is one that `confirm` trained on all training images, instead of the trial's own
    validation: Validation
    """Validation result of the trial's own network, even if the exported one was trained on all images."""
    confirmed: Confirmed | None  # the confirmation of the study; None if it was not confirmed
    tested: Confirmed | Front | None  # what has test results of networks with these settings
    test_evaluations: int  # how often the test set was evaluated for the study

    @property
    def final(self) -> Final | None:
        """The errors of networks with these settings on the test images, by `confirm`; None if not measured."""
        finals = self.tested.evaluated if self.tested else ()
        return next((final for final in finals if final.number == self.trial.number), None)

    @property
    def in_red(self) -> str:
        """The sentence, with a space before it, about a picture that is read in red; empty for other networks."""
        return " Its gray becomes the red channel; green and blue are 0." if self.input_spec.red else ""


def kept_net(study: StoredStudy, trial: TrialRecord | None = None, *, data_dir: Path | None = None) -> TrainedNet:
    """Return a trial's own network, by default that of the best trial, from its kept weights. Closes the test set."""
    trial = trial or find_trial(study, None)
    record = _record_of_net(study, trial)
    name, path = f"{study.name}/{trial.number}", study.files.weights_of(trial.number)
    if not path.is_file():
        commands = commands_of(study, data_dir=data_dir)
        if trial.number in worth_keeping(study.complete(), study.cost):
            state, command = "are not here", commands.line("reproduce", "--weights", trial=trial.number)
        else:
            state, command = "were not kept", commands.line("export", "--to", "DIR", trial=trial.number)
        raise StudyNotFoundError(f"The weights of {name} {state}; `{command}` trains it again.")
    data = trainer_for(record, data_dir=data_dir, what=f"Study {study.name}").data
    return TrainedNet(**_trained(study, trial, record, model_in(check_trial(path, trial), name), data))


def _record_of_net(study: StudyRecord, trial: TrialRecord) -> Record:
    record = record_of(study, trial)
    if end := record.curve[-1].end:
        name = f"{study.name}/{trial.number}"
        raise UsageError(f"{name} ended early ({end.replace('_', ' ')}); it has no network to export.")
    return record


def _trained(study: StudyRecord, trial: TrialRecord, record: Record, net: nn.Module, data: Dataset) -> dict[str, Any]:
    """Return the fields of a `TrainedNet` whose training on this data the record describes."""
    on = data.training_on(from_json(record.recipe).train_on)
    is_digits, is_drawing, is_drawn = picture_kind(record.data, on)
    input_spec = InputSpec(
        mean=on.means, std=on.deviations, digits=is_digits, drawn=is_drawing, names=on.names, red=record.data.is_red
    )
    fields = {"study": study, "trial": trial, "record": record, "net": net}
    return {**fields, "input_spec": input_spec, "is_drawn": is_drawn}


def load_winner(
    study: StoredStudy,
    trial: TrialRecord | None,
    *,
    on_all: bool = False,
    data_dir: Path | None = None,
    on_news: Callable[[str], None] = lambda news: None,
) -> Winner:
    """Return the network of a trial; without one, of the study's best trial or, of a confirmation, of its winner.

    A trial whose weights were not kept is trained again. `on_all` asks for the network that `confirm` trained on all
    training images, instead of the trial's own. `on_news` is called with a sentence about each step that takes time.
    The test set is closed. Errors are those of `mnist_bench.export`.
    """
    finder = _Finder(
        study=study, on_news=on_news, commands=commands_of(study, data_dir=data_dir),
        confirmed=results.load(Confirmed, study.files.path), tested=[*results.tested(study.files.path)],
    )  # fmt: skip
    trial = finder.finalist(trial) if on_all else trial or find_trial(study, None)
    record = _record_of_net(study, trial)
    confirmed = finder.confirmed_net(trial) if on_all else None
    trainer = trainer_for(record, data_dir=data_dir, what=f"Study {study.name}")
    weights = finder.own_weights(trial, record, trainer)
    of_net, net = confirmed or (record, model_in(weights, f"{study.name}/{trial.number}"))
    validation = trainer.data.training_on(from_json(record.recipe).train_on)
    found = Scorer(trainer.precision).as_exported.evaluate(weights, validation, "the network")
    return Winner(
        **_trained(study, trial, of_net, net, trainer.data), on_all=on_all,
        validation=Validation(errors=found.errors, images=len(found.correct)), confirmed=finder.confirmed,
        test_evaluations=times_evaluated_for(study.files),
        tested=next((each for each in finder.tested if trial.number in each.numbers), None),
    )  # fmt: skip


def picture_kind(recorded: Data, data: Dataset) -> tuple[bool, bool, bool]:
    """Return whether the pictures of a data set are digits, whether they are drawings, and whether they can be drawn.

    MNIST and its relatives are known. In your own data, digits are grey pictures of 28x28 pixels that are cropped and
    centred as MNIST's are; other pictures are not drawings, so they are used unchanged. For `mnist-red` the grey
    pictures decide.
    """
    if not recorded.is_own:
        return NAMED[recorded.dataset].of_digits, True, True
    labels = data.labels[data.validation].cpu().numpy()
    places = sample(labels)
    pictures = data.pixels(data.validation[places]).cpu().numpy()
    if recorded.is_red:
        pictures = pictures[:, :1]
    ready = is_ready(pictures, labels[places].tolist())
    return ready, ready, draws_on_black(pictures, labels[places].tolist())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finder:
    """Finds the networks of a study's trials, and the results of `confirm` for them."""

    study: StoredStudy
    commands: NextCommands
    on_news: Callable[[str], None]
    confirmed: Confirmed | None
    tested: Sequence[Confirmed | Front]

    def finalist(self, trial: TrialRecord | None) -> TrialRecord:
        """Return the trial whose configuration `confirm` trained on all images: the given one, or the winner."""
        study, found = self.study, self.confirmed
        if trial is None and found is not None and found.digest != study.digest:
            self.on_news(
                f"{study.name} was searched further since it was confirmed; this is the trial that was selected then."
            )
        finals = [number for one in self.tested for number in one.numbers]
        if not finals:
            raise StudyNotFoundError(
                f"Study {study.name} has no network that was trained on all images; `{self.commands.line('confirm')}` "
                f"trains {spelled(SEEDS)} networks of the selected trial, and evaluates them once on the test set."
            )
        named = ", ".join(f"{study.name}/{final}" for final in dict.fromkeys(finals))
        number = self._winner(named) if trial is None else trial.number
        if number not in finals:
            raise StudyNotFoundError(f"{study.name}/{number} was not trained on all images by `confirm`; {named} was.")
        return find_trial(study, number)

    def _winner(self, named: str) -> int:
        """Return the number of the winner, which was trained on all images; `named` are all that were."""
        found = self.confirmed
        if found is None or not found.evaluated:
            raise StudyNotFoundError(
                f"{self.study.name} has a confirmed front and no selected trial; name one of the front: {named}."
            )
        if not found.finals:
            raise StudyNotFoundError(
                f"#{found.winner} was selected and was not trained on all images; "
                f"`{result_tables.command(found, self.commands)}` does that, and evaluates it once on the test set; or "
                f"name {named}."
            )
        return found.winner

    def confirmed_net(self, trial: TrialRecord) -> tuple[Record, nn.Module]:
        """Return the first net that `confirm` trained with a trial's settings on all images, and its record."""
        study, folder = self.study, self.study.files.confirm
        path, name = folder.net_of(trial.number, SEED), f"{study.name}/{trial.number}"
        if not path.is_file():
            command = result_tables.command_for_nets(study.files.path, trial.number, self.commands)
            raise StudyNotFoundError(
                f"{path}: the network that `confirm` trained on all images is missing; `{command}` trains it again."
            )
        record = records.read(folder.record_of(trial.number, SEED, on_all=True))
        if record.data != record_of(study, trial).data:
            raise UsageError(f"{path}: was trained on other data than study {study.name}.")
        if from_json(record.recipe) != replace(from_json(trial.config), train_on="all"):
            raise UsageError(f"{path}: was trained with other settings than {name}.")
        whose = f"the network of {name} that `confirm` trained on all images with seed {SEED}"
        content = known(path, record.curve[-1].weights, from_json(record.recipe), whose)
        return record, model_in(content, str(path))

    def own_weights(self, trial: TrialRecord, record: Record, trainer: NetTrainer) -> bytes:
        """Return a trial's own net in the bytes of `training.export`: as it was kept, or trained again."""
        name, path = f"{self.study.name}/{trial.number}", self.study.files.weights_of(trial.number)
        if path.is_file():
            return check_trial(path, trial)
        took = duration(sum(report.seconds for report in trial.reports))
        self.on_news(f"The weights of {name} were not kept; it is trained again, which took {took} in the search.")
        states: list[bytes] = []
        difference = claims.check(claims.recorded(record), trainer, keep=states.append).first_difference
        if difference is not None:
            told = f"{difference.name}: {difference.then} then, {difference.now} now"
            command = self.commands.line("reproduce", trial=trial.number)
            raise NotReproducedError(
                f"Trained again, {name} gave another result ({told}); `{command}` reports what differs here."
            )
        return export(states[0], from_json(record.recipe))
