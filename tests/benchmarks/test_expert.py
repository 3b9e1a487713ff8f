"""The expert's loop: its net is ours, it learns as ours does, and several processes are timed together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import expert
import pytest
import torch

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from support import native
from support.paths import ROOT

IMAGES = 3000
SMALL = TrainConfig(
    epochs=2,
    train_on="all",
    model=ModelConfig(filters=8, hidden_units=32, batchnorm="before_activation"),
    optim=OptimConfig(lr=0.01, batch_size=50, ema_decay=0.9),
)


@pytest.fixture(autouse=True)
def own_draws() -> Iterator[None]:
    """Let what draws from torch's global generator leave no trace."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def digits() -> tuple[expert.Digits, expert.Digits]:
    """Return what is trained on and what is evaluated."""
    return expert.load(IMAGES)


def test_it_trains_on_the_images_that_ours_trains_on(digits: tuple[expert.Digits, expert.Digits]) -> None:
    training, evaluated = digits
    assert (len(training.labels), len(evaluated.labels)) == (IMAGES, IMAGES // 6)
    assert training.pictures.shape == (IMAGES, 1, 28, 28)
    assert abs(float(training.pictures.mean())) < 0.1
    assert abs(float(training.pictures.std()) - 1) < 0.1


LEARNED = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
import torch
from benchmarks.test_expert import IMAGES, SMALL
import expert
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.training.period import fit

torch.manual_seed(0)
digits = expert.load(IMAGES)
training = expert.Training(SMALL, 2 * IMAGES // 50, "fp32")
for _ in range(2):
    training.epoch(expert.batches(digits[0], SMALL.optim))
ours = fit(SMALL, 0, load_dataset(DataOptions(subset=IMAGES), torch.device("cpu")), "fp32").reports[-1].value
print(training.schedule.last_epoch, training.accuracy(digits[1]), ours)
"""


@pytest.mark.integration
def test_it_learns_as_ours_does() -> None:
    """With the kernels of this processor, as it is timed: with others a seed may learn much worse."""
    steps, theirs, ours = map(float, native.printed("-c", LEARNED, str(ROOT / "benchmarks" / "peers")).split())
    assert steps == 2 * IMAGES // 50
    assert theirs > 0.9
    assert abs(theirs - ours) < 0.04


def test_the_optimizer_is_fused_and_averages_are_kept() -> None:
    training = expert.Training(SMALL, 10, "fp32")
    assert training.optimizer.defaults["fused"]
    assert training.average is not None
    assert expert.Training(replace(SMALL, optim=OptimConfig()), 10, "fp32").average is None


def test_the_faster_precision_is_one_of_both(digits: tuple[expert.Digits, expert.Digits]) -> None:
    assert expert.faster_precision(SMALL, digits[0]) in ("fp32", "bf16")
