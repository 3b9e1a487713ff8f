"""`mnist-bench` whose trainer writes down every period that it begins, so that periods trained twice can be counted.

    PERIODS_BEGUN=FILE python benchmarks/counted.py search conv --trials 60

Nothing else differs. The workers import this file by its name, so PYTHONPATH has to name its folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.training import factory
from search.trainer_api import Codec, Report, Trainer, TrainerSpec

VARIABLE = "PERIODS_BEGUN"
"""Names the file, to which every process adds one line per period."""


class Counted:
    """A trainer that writes down a period before it trains it."""

    def __init__(self, trainer: Trainer[TrainConfig]) -> None:
        self._trainer = trainer
        self._file = Path(os.environ[VARIABLE])

    @property
    def codec(self) -> Codec[TrainConfig]:
        """See `Trainer.codec`."""
        return self._trainer.codec

    @property
    def numerics(self) -> Mapping[str, Any]:
        """See `Trainer.numerics`."""
        return self._trainer.numerics

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`."""
        with self._file.open("a") as file:
            file.write(f"{seed} {period}\n")
        return self._trainer.advance(config, seed, period, state)


def make_trainer(**options: Any) -> Counted:
    """Return the trainer of `mnist_bench.training.factory.make_trainer`, which takes the same options."""
    return Counted(factory.make_trainer(**options))


def counted_spec(*arguments: Any, **options: Any) -> TrainerSpec:
    """Return the result of `mnist_bench.training.factory.trainer_spec`, for the trainer that counts."""
    return replace(factory.trainer_spec(*arguments, **options), factory="counted:make_trainer")


def main() -> None:
    """Run the command line; its imports are here, because the workers do not need them."""
    from mnist_bench.cli import app

    with patch("mnist_bench.searches.running.trainer_spec", counted_spec):
        app.main()


if __name__ == "__main__":
    main()
