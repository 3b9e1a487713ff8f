"""The trainer that the search drives: data and device at hand, configurations as JSON."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import torch

from mnist_bench import graphs, numerics
from mnist_bench.config import TrainConfig
from mnist_bench.config_json import from_json
from mnist_bench.data.tensors import Dataset
from mnist_bench.fixed import FixedTrainee, Recorder
from mnist_bench.precision import Precision
from mnist_bench.resident import Residents
from mnist_bench.streams import Streams, new_stream
from mnist_bench.train import MakeTrainee, Trainee, advance_in_steps, make_trainee
from search.trainer import Report, Steps, finish

LANES = {"cpu": 1, "cuda": 4}
"""Periods at once in one process: a small net alone leaves most of a GPU idle."""
RESIDENTS = {"cpu": 0, "cuda": 8}
"""Trainees that wait on the device for their next period; from a CPU's memory to a CPU's there is no way to save."""


class TorchTrainer:
    """Satisfies `search.trainer.SteppedTrainer` on the device of `data`."""

    def __init__(
        self, data: Dataset, precision: Precision, *, record: Recorder | None = None, residents: int | None = None
    ) -> None:
        """Train with replayed steps where `record` is given and found to give the same bits; see `graphs.check`.

        `residents` is how many trainees stay on the device between their periods; left out, what suits it.
        """
        kind = data.device.type
        self.data = data
        self.precision = precision
        self.lanes = LANES[kind]
        self._residents: Residents[Trainee] = Residents(RESIDENTS[kind] if residents is None else residents)
        self._streams = Streams(data.device) if kind == "cuda" else None
        self._make: MakeTrainee = make_trainee
        self._graphs: str | None = None
        if record is not None:
            self._graphs = self._check(record)
            self._make = partial(FixedTrainee, record=record) if self._graphs == graphs.ON else FixedTrainee

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The canary and what may explain a difference; see `numerics.describe`."""
        described = numerics.describe(self.data.device, self.precision)
        return described if self._graphs is None else {**described, "graphs": self._graphs}

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `train.advance`.

        Raises:
            ConfigError: `config` is not a TrainConfig in JSON.
        """
        return finish(self.advance_in_steps(config, seed, period, state))

    def advance_in_steps(
        self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None
    ) -> Steps[tuple[bytes, Report]]:
        """Train one period a step a turn; see `train.advance_in_steps`. Raises as `advance` does."""
        steps = self._steps(from_json(config), seed, period, state)
        return steps if self._streams is None else self._streams.carry(steps)

    def _steps(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> Steps[tuple[bytes, Report]]:
        """Train, and train again from the same state where it was not the configuration that failed."""
        while True:
            try:
                content, report = yield from advance_in_steps(
                    config, seed, period, state, self.data, self.precision, make=self._make, residents=self._residents
                )
            except graphs.CaptureError as error:
                logging.getLogger(__name__).warning("Steps are no longer captured: %s", error)
                self._make = FixedTrainee
                continue
            if report.end != "out_of_memory" or not self._residents.clear():
                return content, report
            torch.cuda.empty_cache()  # does nothing where there is no GPU

    def _check(self, record: Recorder) -> str:
        if self._streams is None:
            return graphs.check(self.data, self.precision, record)
        with torch.cuda.stream(new_stream(self.data.device)):
            return graphs.check(self.data, self.precision, record)
