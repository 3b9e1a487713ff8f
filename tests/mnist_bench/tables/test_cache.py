"""The trainer of live contests, by the name that their studies are found by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_bench.config import CODEC, TrainConfig
from mnist_bench.numerics import environment_of
from mnist_bench.tables.cache import SPLIT, SplitTrainer, cached_trainer
from search.trainer_api import Report, Steps


def test_a_worker_builds_the_trainer_by_name(tmp_path: Path) -> None:
    spec = cached_trainer("mnist-5k", tmp_path)
    assert spec.factory == "mnist_bench.tables.cache:make_trainer"
    assert spec.options == {"task": "mnist-5k", "folder": str(tmp_path), "device": "auto"}
    portable = cached_trainer("mnist-5k", tmp_path, precision="portable")
    assert portable.options == {**spec.options, "precision": "portable"}
    assert (spec.environment, portable.environment) == ({}, environment_of("portable"))


class OnSplit:
    """Trains nothing: its report's value is the seed of its split, and its state tells what it was asked for."""

    codec = CODEC
    lanes = 1
    numerics: Mapping[str, Any] = {"canary": "c"}

    def __init__(self, split_seed: int) -> None:
        self.split_seed = split_seed

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        asked = f"{config.optim.lr} {seed} {period} {state!r}".encode()
        return asked, Report(value=float(self.split_seed), metrics={}, weights="", seconds=0.0)

    def advance_in_steps(
        self, config: TrainConfig, seed: int, period: int, state: bytes | None
    ) -> Steps[tuple[bytes, Report]]:
        yield
        return self.advance(config, seed, period, state)


def test_each_configuration_names_the_split_that_it_is_trained_on(tmp_path: Path) -> None:
    assert cached_trainer("mnist-5k", tmp_path, splits=True).options["splits"] is True
    trainer = SplitTrainer(OnSplit)
    assert (trainer.numerics, trainer.lanes) == (OnSplit.numerics, 1)
    config = CODEC.to_json(TrainConfig())
    for split_seed in (5, 6):
        state, report = trainer.advance({**config, SPLIT: split_seed}, 3, 2, b"s")
        assert report.value == split_seed
        assert state == f"{TrainConfig().optim.lr} 3 2 {b's'!r}".encode()
