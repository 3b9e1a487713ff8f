"""The parts of training an epoch, each alone and all together: the very functions that training calls.

On a GPU their kernels are launched one by one; an epoch is trained with its steps captured and replayed, too, as a
search does it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Literal, assert_never

from torch import Tensor

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import set_dropout_generator
from mnist_bench.numerics.generators import seeded
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.batches import Batch, batches
from mnist_bench.training.cuda.graphs import recorder
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop
from mnist_bench.training.cuda.streams import Streams
from mnist_bench.training.evaluation import Evaluation, evaluate
from mnist_bench.training.learner import Learner, make_learner, train_step
from search.trainer_api import Steps, finish

Part = Literal["epoch", "replayed", "load", "batches", "train", "evaluate"]
SEED = 0


class Passes:
    """Passes over the same images with the same net, whose weights carry over from one pass to the next."""

    def __init__(self, config: TrainConfig, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.config = config
        self.precision = precision
        self.learner = self._new_learner()
        self._streams = Streams(data.device)
        set_dropout_generator(self.learner.model, seeded(SEED, "dropout", 1, device=str(data.device)))

    def run(self, part: Part) -> None:
        """Make one pass: the first `epoch`, or all of it piece by piece.

        `replayed` trains the epoch with the train loop of a GPU, its own learner, and graphs if there are any. `load`
        makes batches without distortion, `batches` with the configuration's distortion. `train` takes the steps on
        batches made before, and `evaluate` judges the net on the validation part.
        """
        match part:
            case "epoch":
                self._train(self._batches(self.config))
            case "replayed":
                self._replay()
            case "load":
                deque(self._batches(replace(self.config, augment=AugmentConfig())), maxlen=0)
            case "batches":
                deque(self._batches(self.config), maxlen=0)
            case "train":
                self._train(self._prepared)
            case "evaluate":
                self.evaluate()
            case _:
                assert_never(part)

    def evaluate(self) -> Evaluation:
        """Return how the net does on the validation part."""
        return evaluate(self.learner.model, self.data, self.precision)

    def prepare(self, part: Part) -> None:
        """Prepare the work before the clock starts."""
        if part == "train":
            _ = self._prepared
        self.learner.model.train()

    def _replay(self) -> None:
        finish(self._streams.carry(self._replayed()))

    def _replayed(self) -> Steps[Tensor]:
        total = yield from self._train_loop.train(SEED, 1)  # which is made in the stream that it computes in
        return total

    @cached_property
    def _train_loop(self) -> StaticTrainLoop:
        record = recorder(self.data.device)
        return StaticTrainLoop(self._new_learner(), self.config, self.data, self.precision, record, grouped_from=0)

    def _new_learner(self) -> Learner:
        return make_learner(self._schedule(self.config), seeded(SEED, "init"), self.data.device, self.data.form)

    def _train(self, made: Iterable[Batch]) -> None:
        schedule = self._schedule(self.config)
        for batch in made:
            train_step(self.learner, schedule, batch, self.precision)

    @cached_property
    def _prepared(self) -> list[Batch]:
        return list(self._batches(self.config))

    def _batches(self, config: TrainConfig) -> Iterable[Batch]:
        schedule = self._schedule(config)
        return batches(schedule, self.data, SEED, schedule.steps(1))

    def _schedule(self, config: TrainConfig) -> Schedule:
        return Schedule(config=config, images=len(self.data.train))
