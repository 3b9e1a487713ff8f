"""The trainer that the search drives, with its data and device."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mnist_bench.config.json import CODEC
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics import device
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training import period as training
from search.trainer_api import Report


class TorchTrainer:
    """Satisfies `search.trainer_api.Trainer` on the device of `data`."""

    codec = CODEC

    def __init__(self, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.precision = precision

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The canary, and values that may explain a difference; see `numerics.describe`."""
        return device.describe(self.data.device, self.precision)

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `period.advance`."""
        return training.advance(config, seed, period, state, self.data, self.precision)
