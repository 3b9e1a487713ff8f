"""The trainer of live contests on a task, by the name and options that their studies are found by.

The trainings of a task are kept in a memory of trainings (`search.memory`). Its folder is among the options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mnist_bench.config import CODEC, TaskName, TrainConfig
from mnist_bench.data import SPLIT_SEED
from mnist_bench.numerics import environment_of
from search.trainer_api import PLAIN, Report, SteppedTrainer, Steps, Trainer, TrainerSpec, finish

FACTORY = "mnist_bench.tables.cache:make_trainer"
SPLIT = "split_seed"
"""The key of a configuration that names the split of its training."""


def cached_trainer(
    task: TaskName, folder: Path, *, device: str = "auto", precision: str = "auto", splits: bool = False
) -> TrainerSpec:
    """Return how a worker builds the trainer of a task whose trainings are kept in `folder`.

    With `splits`, it trains on other splits of the task, too; see `SplitTrainer`.
    """
    options: dict[str, Any] = {"task": task, "folder": str(folder.resolve()), "device": device}
    if precision != "auto":  # so that studies of contests before this option are found again
        options["precision"] = precision
    if splits:
        options["splits"] = True
    return TrainerSpec(factory=FACTORY, options=options, environment=environment_of(precision))


def make_trainer(
    *, task: TaskName, folder: str, device: str = "auto", precision: str = "auto", splits: bool = False
) -> Trainer[Any]:
    """Return the trainer of this process; the folder is not read here.

    Raises:
        DataError, DeviceError: see `mnist_bench.training.factory.make_trainer`.
    """
    from mnist_bench.training import factory

    # It takes 0.4 s to load a split. Two are kept: that of the pair being searched, and the task's own.
    @lru_cache(maxsize=2)
    def on_split(seed: int) -> SteppedTrainer[TrainConfig]:
        return factory.make_trainer(device=device, precision=precision, task=task, split_seed=seed)

    return SplitTrainer(on_split) if splits else on_split(SPLIT_SEED)


class SplitTrainer:
    """Satisfies `search.trainer_api.SteppedTrainer`: each configuration names the seed of the split to train on."""

    codec = PLAIN

    def __init__(self, on_split: Callable[[int], SteppedTrainer[TrainConfig]]) -> None:
        """Take what makes the trainer on a split."""
        self._on_split = on_split
        own = on_split(SPLIT_SEED)
        self.numerics, self.lanes = own.numerics, own.lanes

    def advance(
        self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None
    ) -> tuple[bytes, Report]:  # fmt: skip
        """Train one period; see `Trainer.advance`."""
        return finish(self.advance_in_steps(config, seed, period, state))

    def advance_in_steps(
        self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None
    ) -> Steps[tuple[bytes, Report]]:
        """Train one period step by step; see `SteppedTrainer.advance_in_steps`."""
        settings = dict(config)
        trainer = self._on_split(settings.pop(SPLIT))
        return trainer.advance_in_steps(CODEC.from_json(settings), seed, period, state)
