"""The worker process of a trace: trains periods, and watches the steps of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mnist_bench.comparison.tracing.watch import Watch, places_of
from mnist_bench.config import CODEC, Schedule, TrainConfig
from mnist_bench.data import Dataset
from mnist_bench.numerics import Precision
from mnist_bench.training import Learner, PlainTrainLoop, TorchTrainer, TrainLoop, advance_in_steps, factory
from search.trainer_api import PLAIN, Json, Report

FACTORY = f"{__name__}:make_tracer"


def make_tracer(**options: Any) -> TraceWorker:
    """Return the tracer of this process; options as in `make_trainer`."""
    trainer = factory.make_trainer(**options)
    if not isinstance(trainer, TorchTrainer):
        raise TypeError(f"{type(trainer).__name__} has no steps to watch")
    return TraceWorker(trainer)


class TraceWorker:
    """Satisfies `search.trainer_api.Trainer`. A configuration is

    {"recipe": ..., "steps": 0, "wanted": null}

    where `steps` is how many training steps of the period are watched; with 0 the period is trained as ever. The new
    state of a watched period is JSON: of each step the tensors, as `Seen`. With `wanted`, a step from 0 and the key of
    a tensor, it is the numbers of that tensor.
    """

    codec = PLAIN

    def __init__(self, trainer: TorchTrainer) -> None:
        self._trainer = trainer

    @property
    def numerics(self) -> Mapping[str, Json]:
        """Those of the trainer."""
        return self._trainer.numerics

    def advance(self, config: Mapping[str, Json], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train a period, or watch its first steps."""
        recipe = CODEC.from_json(config["recipe"])
        if not config["steps"]:
            return self._trainer.advance(recipe, seed, period, state)
        wanted = None if config["wanted"] is None else (int(config["wanted"][0]), str(config["wanted"][1]))
        watch = watched(self._trainer, recipe, seed, period, state, int(config["steps"]), wanted)
        nothing = Report(value=None, metrics={}, weights="", seconds=0.0)
        if wanted is not None:
            return watch.kept or b"", nothing
        return json.dumps([[asdict(seen) for seen in step] for step in watch.steps]).encode(), nothing


def watched(
    trainer: TorchTrainer,
    config: TrainConfig,
    seed: int,
    period: int,
    state: bytes | None,
    steps: int,
    wanted: tuple[int, str] | None = None,
) -> Watch:
    """Train the first steps of a period, or all if it has fewer, and return what was seen; arguments as in
    `advance_in_steps` and `Watch`."""
    watches: list[Watch] = []

    def make(learner: Learner, config: TrainConfig, data: Dataset, precision: Precision) -> TrainLoop:
        watches.append(Watch(learner, places_of(config, data.form), wanted))
        return PlainTrainLoop(learner, config, data, precision)

    images = len(trainer.data.training_on(config.train_on).train)
    count = len(Schedule(config=config, images=images).steps(period))
    training = advance_in_steps(config, seed, period, state, trainer.data, trainer.precision, make=make)
    for _ in range(min(steps, count)):
        next(training)
        watches[0].end_step()
    training.close()
    watches[0].steps.pop()  # the one that was not begun
    return watches[0]
