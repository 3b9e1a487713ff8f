"""The trainer that the search drives: data and device at hand, configurations as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mnist_bench import numerics
from mnist_bench.config_json import from_json
from mnist_bench.data.tensors import Dataset
from mnist_bench.precision import Precision
from mnist_bench.train import advance
from search.trainer import Report


class TorchTrainer:
    """Satisfies `search.trainer.Trainer` on the device of `data`."""

    def __init__(self, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.precision = precision

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The canary and what may explain a difference; see `numerics.describe`."""
        return numerics.describe(self.data.device, self.precision)

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `train.advance`.

        Raises:
            ConfigError: `config` is not a TrainConfig in JSON.
        """
        return advance(from_json(config), seed, period, state, self.data, self.precision)
