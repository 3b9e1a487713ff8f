"""What is timed is what trains: the passes leave the very weights that training leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mnist_bench.bench.epoch_parts import SEED, Passes
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop, Work
from mnist_bench.training.learner import evaluated_state
from mnist_bench.training.period import advance
from mnist_bench.training.weights import weights_hash
from search.trainer_api import finish

pytestmark = pytest.mark.slow


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


def test_replayed_steps_train_a_learner_of_their_own(
    passes: Passes, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here with a recorder whose replay is the work again; the second pass goes on where the first one ended."""
    replays: list[int] = []

    def record(work: Work, generator: torch.Generator | None) -> Work:
        def replay() -> None:
            replays.append(1)
            work()

        return replay

    monkeypatch.setattr("mnist_bench.bench.epoch_parts.recorder", lambda device: record)
    before = weights(passes)
    found = []
    for _ in range(2):
        passes.prepare("replayed")
        passes.run("replayed")
        found.append(weights_hash(evaluated_state(passes._train_loop.learner)))
    assert weights(passes) == before
    loop = StaticTrainLoop(passes._new_learner(), passes.config, digits, "fp32")
    assert found[0] == trained(loop)
    assert found[1] == trained(loop)
    # Ten steps a pass: a group of eight, here given out as it warms up, and two; then all of them.
    assert len(replays) == 2 + (1 + 2)


def trained(loop: StaticTrainLoop) -> str:
    finish(loop.train(SEED, 1))
    return weights_hash(evaluated_state(loop.learner))


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
