"""What is timed is what trains: the passes leave the very weights that training leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.bench.epoch_parts import SEED, Passes
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.training.learner import evaluated_state
from mnist_bench.training.period import advance
from mnist_bench.training.weights import weights_hash


@pytest.fixture
def passes(config: TrainConfig, digits: Dataset) -> Passes:
    return Passes(replace(config, epochs=1), digits, "fp32")


def weights(passes: Passes) -> str:
    return weights_hash(evaluated_state(passes.learner))


@pytest.mark.parametrize("part", ["epoch", "train"])
def test_a_pass_leaves_the_weights_of_an_epoch(passes: Passes, part: str) -> None:
    _, report = advance(passes.config, SEED, 1, None, passes.data, "fp32")
    passes.prepare(part)  # type: ignore[arg-type]
    passes.run(part)  # type: ignore[arg-type]
    assert weights(passes) == report.weights


@pytest.mark.parametrize("part", ["load", "batches", "evaluate"])
def test_what_does_not_train_leaves_the_weights(passes: Passes, part: str) -> None:
    before = weights(passes)
    passes.prepare(part)  # type: ignore[arg-type]
    passes.run(part)  # type: ignore[arg-type]
    assert weights(passes) == before


def test_training_goes_on_in_training_mode_after_an_evaluation(passes: Passes) -> None:
    passes.run("evaluate")
    passes.prepare("epoch")
    passes.run("epoch")
    assert weights(passes) == advance(passes.config, SEED, 1, None, passes.data, "fp32")[1].weights


def test_it_evaluates_the_validation_part(passes: Passes) -> None:
    assert len(passes.evaluate().correct) == len(passes.data.validation)
