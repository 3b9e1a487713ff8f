"""The trainer of live contests on a task, by the name and options that their studies are found by.

The trainings of a task are kept in a memory of trainings (`search.memory`). Its folder is among the options.
"""

from __future__ import annotations

from pathlib import Path

from mnist_bench.config import TaskName, TrainConfig
from mnist_bench.numerics import environment_of
from search.trainer_api import Trainer, TrainerSpec

FACTORY = "mnist_bench.tables.cache:make_trainer"


def cached_trainer(task: TaskName, folder: Path, *, device: str = "auto", precision: str = "auto") -> TrainerSpec:
    """Return how a worker builds the trainer of a task whose trainings are kept in `folder`."""
    options = {"task": task, "folder": str(folder.resolve()), "device": device}
    if precision != "auto":  # so that studies of contests before this option are found again
        options["precision"] = precision
    return TrainerSpec(factory=FACTORY, options=options, environment=environment_of(precision))


def make_trainer(*, task: TaskName, folder: str, device: str = "auto", precision: str = "auto") -> Trainer[TrainConfig]:
    """Return the trainer of this process; the folder is not read here.

    Raises:
        DataError, DeviceError: see `mnist_bench.training.factory.make_trainer`.
    """
    from mnist_bench.training import factory

    return factory.make_trainer(device=device, precision=precision, task=task)
