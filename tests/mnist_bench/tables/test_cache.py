"""What was trained once is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.config import CODEC, TrainConfig
from mnist_bench.numerics import environment_of
from mnist_bench.tables.cache import CachedTrainer, cached_trainer
from search import canonical_json
from search.errors import WorkerError
from search.trainer_api import Report

CONFIG, OTHER = TrainConfig(), TrainConfig(epochs=4)


class Trainer:
    """Trains by counting: a state is the list of periods that led to it."""

    codec = CODEC
    numerics: Mapping[str, Any] = {"canary": "c"}

    def __init__(self) -> None:
        self.trained: list[tuple[int, int]] = []
        self.weights = "w"
        self.given: Report | None = None
        """In place of what training comes to."""

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        assert (state or b"") == bytes(range(1, period))
        self.trained.append((seed, period))
        if self.given is not None:
            return b"", self.given
        weights = canonical_json.sha256([self.weights, config.epochs, seed, period])
        metrics = {"epoch": period, "val_loss": 0.1 / period}
        return bytes(range(1, period + 1)), Report(value=0.9, metrics=metrics, weights=weights, seconds=1.0)


@pytest.fixture
def trainer() -> Trainer:
    return Trainer()


@pytest.fixture
def cached(trainer: Trainer, tmp_path: Path) -> CachedTrainer:
    return CachedTrainer(trainer, tmp_path, ["c", 2])


def _train(cached: CachedTrainer, config: TrainConfig, seed: int, periods: int) -> list[Report]:
    state, reports = None, []
    for period in range(1, periods + 1):
        state, report = cached.advance(config, seed, period, state)
        reports.append(report)
    return reports


def test_a_training_is_made_once(cached: CachedTrainer, trainer: Trainer, tmp_path: Path) -> None:
    first = _train(cached, CONFIG, 0, 3)
    assert _train(cached, CONFIG, 0, 3) == first
    assert _train(CachedTrainer(trainer, tmp_path, ["c", 2]), CONFIG, 0, 3) == first
    assert trainer.trained == [(0, 1), (0, 2), (0, 3)]


def test_configurations_seeds_and_what_bits_depend_on_are_told_apart(
    cached: CachedTrainer, trainer: Trainer, tmp_path: Path
) -> None:
    _train(cached, CONFIG, 0, 1)
    _train(cached, CONFIG, 1, 1)
    _train(cached, OTHER, 0, 1)
    _train(CachedTrainer(trainer, tmp_path, ["another canary", 2]), CONFIG, 0, 1)
    assert trainer.trained == [(0, 1), (1, 1), (0, 1), (0, 1)]


def test_a_training_that_is_gone_on_with_begins_again_for_its_state(cached: CachedTrainer, trainer: Trainer) -> None:
    _train(cached, CONFIG, 0, 2)
    trainer.trained.clear()
    reports = _train(cached, CONFIG, 0, 4)
    assert len(reports) == 4
    assert trainer.trained == [(0, 1), (0, 2), (0, 3), (0, 4)]  # 1 and 2 for the state; 4 goes on from that of 3


def test_a_line_that_was_being_written_is_trained_again(
    cached: CachedTrainer, trainer: Trainer, tmp_path: Path
) -> None:
    reports = _train(cached, CONFIG, 0, 2)
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-40] + b"\xff")
    trainer.trained.clear()
    assert _train(cached, CONFIG, 0, 2) == reports
    assert trainer.trained == [(0, 1), (0, 2)]
    assert _train(cached, CONFIG, 0, 2) == reports


def test_a_training_whose_memory_ran_out_is_tried_again(
    cached: CachedTrainer, trainer: Trainer, tmp_path: Path
) -> None:
    exhausted = Report(value=None, metrics={}, weights="", seconds=1.0, end="out_of_memory")
    trainer.given = exhausted
    assert cached.advance(CONFIG, 0, 1, None)[1] == exhausted
    assert not list(tmp_path.rglob("*.jsonl"))
    trainer.given = None
    reports = _train(cached, CONFIG, 0, 1)
    assert reports[0].end is None
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_text(canonical_json.dumps([1, exhausted.to_json()]) + "\n")  # as up to 0.1
    assert _train(cached, CONFIG, 0, 1) == reports


def test_other_bits_than_before_are_an_error(cached: CachedTrainer, trainer: Trainer) -> None:
    _train(cached, CONFIG, 0, 2)
    trainer.weights = "other"
    with pytest.raises(WorkerError, match="period 1 had different results before"):
        _train(cached, CONFIG, 0, 3)


def test_a_worker_builds_the_trainer_by_name(tmp_path: Path) -> None:
    spec = cached_trainer("mnist-5k", tmp_path)
    assert spec.factory == "mnist_bench.tables.cache:make_trainer"
    assert spec.options == {"task": "mnist-5k", "folder": str(tmp_path), "device": "auto"}
    portable = cached_trainer("mnist-5k", tmp_path, precision="portable")
    assert portable.options == {**spec.options, "precision": "portable"}
    assert (spec.environment, portable.environment) == ({}, environment_of("portable"))
