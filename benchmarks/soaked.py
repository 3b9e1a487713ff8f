"""`mnist-bench` as soak.py kills it: each process writes down a period before it trains it.

    PERIODS_BEGUN=FILE python benchmarks/soaked.py search conv --trials 60

Its workers import this file by its name: PYTHONPATH has to name its folder.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.training import trainer
from search.trainer_api import Report, TrainerSpec

VARIABLE = "PERIODS_BEGUN"
"""Names the file, to which every process adds one line per period."""


class Counted(trainer.TorchTrainer):
    """A trainer that writes down a period before it trains it."""

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`."""
        with Path(os.environ[VARIABLE]).open("a") as file:
            file.write(f"{seed} {period}\n")
        return super().advance(config, seed, period, state)


def make_trainer(**options: Any) -> Counted:
    """Return the trainer of `mnist_bench.training.trainer.make_trainer`, which takes the same options."""
    made = trainer.make_trainer(**options)
    return Counted(made.data, made.precision)


def counted_spec(*arguments: Any, **options: Any) -> TrainerSpec:
    """Return the result of `mnist_bench.training.trainer.trainer_spec`, for the trainer that counts."""
    return replace(trainer.trainer_spec(*arguments, **options), factory="soaked:make_trainer")


if __name__ == "__main__":
    from mnist_bench.cli import app  # not for the workers

    with patch("mnist_bench.searches.running.trainer_spec", counted_spec):
        app.main()
