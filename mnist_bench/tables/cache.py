"""A trainer for live contests that keeps all trainings on a task, and looks up before it trains.

A training is keyed by task (data and split), configuration, seed, canaries and revision of the trainer, and kept a
period at a time. Two searches that propose one configuration train it once, and a contest that is run again trains
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mnist_bench.config import CODEC, TaskName, TrainConfig, to_json
from mnist_bench.data import DataOptions, load_training_set
from mnist_bench.numerics import environment_of
from search import canonical_json
from search.differences import canaries
from search.errors import WorkerError
from search.files import append_line, make_folder, whole_lines
from search.trainer_api import Report, Trainer, TrainerSpec

FACTORY = "mnist_bench.tables.cache:make_trainer"


def cached_trainer(task: TaskName, folder: Path, *, device: str = "auto", precision: str = "auto") -> TrainerSpec:
    """Return how a worker builds the trainer of a task that keeps its trainings in `folder`."""
    options = {"task": task, "folder": str(folder.resolve()), "device": device}
    if precision != "auto":  # so that studies of contests before this option are found again
        options["precision"] = precision
    return TrainerSpec(factory=FACTORY, options=options, environment=environment_of(precision))


def make_trainer(*, task: TaskName, folder: str, device: str = "auto", precision: str = "auto") -> CachedTrainer:
    """Return the trainer of this process.

    Raises:
        DataError, DeviceError: see `mnist_bench.training.factory.make_trainer`.
    """
    from mnist_bench.training import factory

    trainer = factory.make_trainer(device=device, precision=precision, task=task)
    data = load_training_set(DataOptions(task=task))
    numerics = trainer.numerics
    bits = (*canaries(numerics), numerics["trainer_revision"], data.data_hash, data.split.digest)
    return CachedTrainer(trainer, Path(folder), bits)


class CachedTrainer:
    """Satisfies `search.trainer_api.Trainer`."""

    codec = CODEC

    def __init__(self, trainer: Trainer[TrainConfig], folder: Path, bits: Sequence[str | int]) -> None:
        """Keep trainings in a folder; `bits` holds everything that they depend on, apart from configuration and
        seed."""
        self._trainer = trainer
        self._bits = tuple(bits)
        self._folder = folder

    @property
    def numerics(self) -> Mapping[str, Any]:
        """See `Trainer.numerics`."""
        return self._trainer.numerics

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty if the period was looked up."""
        path = self._path(config, seed)
        kept = _read(path)
        if period in kept:
            return b"", kept[period]
        if period > 1 and not state:
            state = self._state_before(config, seed, period, kept)
        state, report = self._trainer.advance(config, seed, period, state)
        if report.end == "out_of_memory":  # depends on this moment and on other programs, so it is tried again
            return state, report
        make_folder(path.parent)
        append_line(path, canonical_json.dumps([period, report.to_json()]))
        return state, report

    def _state_before(self, config: TrainConfig, seed: int, period: int, kept: Mapping[int, Report]) -> bytes | None:
        """Train the periods before one again, whose reports are there, and whose states are not."""
        state: bytes | None = None
        for earlier in range(1, period):
            state, report = self._trainer.advance(config, seed, earlier, state)
            if earlier in kept and report.weights != kept[earlier].weights:
                raise WorkerError(f"{self._path(config, seed)}: period {earlier} had different results before.")
        return state

    def _path(self, config: TrainConfig, seed: int) -> Path:
        key = canonical_json.sha256([to_json(config), seed, *self._bits])
        return self._folder / key[:2] / f"{key}.jsonl"


def _read(path: Path) -> dict[int, Report]:
    """Return the reports that a file holds, by period."""
    found: dict[int, Report] = {}
    for _, values in whole_lines(path):
        try:
            period, report = values[0], Report.from_json(values[1])
        except (ValueError, TypeError, LookupError):
            continue
        if report.end != "out_of_memory":  # which an earlier version kept
            found[period] = report
    return found
