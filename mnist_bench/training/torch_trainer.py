"""The trainer that the search drives, with its data and device."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import torch

from mnist_bench.config.json import CODEC
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics import device
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.cuda.device_cache import DeviceCache
from mnist_bench.training.cuda.graphs import CaptureError
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop, WorkRecorder
from mnist_bench.training.cuda.streams import Streams, new_stream
from mnist_bench.training.period import MakeTrainLoop, TrainLoop, advance_in_steps, make_train_loop
from mnist_bench.training.replay_check import ON, verify_replay
from search.trainer_api import Report, Steps, finish

LANES = {"cpu": 1, "cuda": 4}
"""Periods at once in one process: a small net alone leaves most of a GPU idle."""
CACHED_STATES = {"cpu": 0, "cuda": 8}
"""Train loops that wait on the device for their next period; from a CPU's memory to a CPU's there is no way to save."""

UNCAPTURED = "Steps are no longer captured"
"""The line in a worker's log if it continues without graphs."""


class TorchTrainer:
    """Satisfies `search.trainer_api.SteppedTrainer` on the device of `data`."""

    codec = CODEC

    def __init__(
        self,
        data: Dataset,
        precision: Precision,
        *,
        record: WorkRecorder | None = None,
        device_cache: int | None = None,
    ) -> None:
        """Train with replayed steps if `record` is given and gives the same bits (`verify_replay`).

        `device_cache` is how many train loops stay on the device between their periods; by default, as many as suit the
        device.
        """
        kind = data.device.type
        self.data = data
        self.precision = precision
        self.lanes = LANES[kind]
        self._device_cache: DeviceCache[TrainLoop] = DeviceCache(
            CACHED_STATES[kind] if device_cache is None else device_cache
        )
        self._streams = Streams(data.device)
        self._make: MakeTrainLoop = make_train_loop
        self._graphs: str | None = None
        if record is not None:
            self._graphs = self._check(record)
            self._make = partial(StaticTrainLoop, record=record) if self._graphs == ON else StaticTrainLoop

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The canary, and values that may explain a difference; see `numerics.describe`."""
        described = device.describe(self.data.device, self.precision)
        return described if self._graphs is None else {**described, "graphs": self._graphs}

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `period.advance`."""
        return finish(self.advance_in_steps(config, seed, period, state))

    def advance_in_steps(
        self, config: TrainConfig, seed: int, period: int, state: bytes | None
    ) -> Steps[tuple[bytes, Report]]:
        """Train one period, one step per turn; see `period.advance_in_steps`."""
        return self._streams.carry(self._steps(config, seed, period, state))

    def _steps(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> Steps[tuple[bytes, Report]]:
        """Train, and train again from the same state if it was not the configuration that failed."""
        while True:
            try:
                content, report = yield from advance_in_steps(
                    config,
                    seed,
                    period,
                    state,
                    self.data,
                    self.precision,
                    # A captured step would draw nothing anew, and foreign code may wait for the device.
                    make=self._make if config.net_code is None else make_train_loop,
                    device_cache=self._device_cache,
                )
            except CaptureError as error:
                logging.getLogger(__name__).warning("%s: %s", UNCAPTURED, error)
                self._make = StaticTrainLoop
                continue
            if report.end != "out_of_memory" or not self._device_cache.clear():
                return content, report
            torch.cuda.empty_cache()  # does nothing if there is no GPU

    def _check(self, record: WorkRecorder) -> str:
        if self.data.device.type == "cpu":
            return verify_replay(self.data, self.precision, record)
        with torch.cuda.stream(new_stream(self.data.device)):
            return verify_replay(self.data, self.precision, record)
