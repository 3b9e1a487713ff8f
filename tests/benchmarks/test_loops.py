"""The loops of others: their nets are ours, their settings mean the same, and they learn."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import plain
import pytest
import torch
from hypothesis import given, settings, strategies as st
from plain import Net
from torch import nn

from mnist_bench.config.settings import (
    AugmentConfig,
    BlockBatchnormPlacement,
    ModelConfig,
    OptimConfig,
    Optimizer,
    TrainConfig,
)
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import TrainingSet, load_training_set
from mnist_bench.nets.modules import build_model
from mnist_bench.nets.planner import plan_layers
from mnist_bench.space_files import space_sources
from support import processes
from support.dose import dose
from support.paths import ROOT

pytestmark = pytest.mark.slow

SMALL = TrainConfig(
    epochs=6,
    model=ModelConfig(filters=8, hidden_units=32, batchnorm="before_activation"),
    augment=AugmentConfig(rotation_degrees=5),
    optim=OptimConfig(lr=0.01, batch_size=50, ema_decay=0.5),
)


IMAGES = 3000
SMALL_EXPERT = replace(
    SMALL, epochs=2, train_on="all", augment=AugmentConfig(), optim=replace(SMALL.optim, ema_decay=0.9)
)


@pytest.fixture(scope="module")
def digits() -> TrainingSet:
    """Return 250 images to train on and 50 to validate on."""
    return load_training_set(DataOptions(subset=300))


@pytest.fixture(autouse=True)
def own_draws() -> Iterator[None]:
    """Let what draws from torch's global generator leave no trace."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def nets_of_the_space() -> st.SearchStrategy[ModelConfig]:
    """Draw nets from spaces/conv.yaml, whether within its limits or not, with every place for a batchnorm."""
    space = space_sources.load("conv")

    def drawn(seed: int) -> ModelConfig:
        chance = random.Random(seed)
        return space_sources.config(space, space.sample(lambda path, span: span.at(chance.random()))).model

    placements = st.sampled_from(get_args(BlockBatchnormPlacement))
    return st.builds(replace, st.integers(0, 2**32).map(drawn), batchnorm=placements)


def fill(state: dict[str, torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
    """Return weights and statistics that tell every order of layers apart, batchnorm of negative factors included."""
    found = []
    for name, value in state.items():
        drawn = torch.randn(value.shape, generator=generator) / max(1, value[0].numel() if value.ndim else 1) ** 0.5
        found.append(drawn.abs() + 0.1 if name.endswith("running_var") else drawn.to(value.dtype))
    return found


@given(nets_of_the_space())
@settings(max_examples=dose(25))
def test_the_nets_of_the_space_are_ours(config: ModelConfig) -> None:
    generator = torch.Generator().manual_seed(0)
    net, ours = Net(config).eval(), build_model(config, generator).eval()
    assert sum(p.numel() for p in net.parameters()) == plan_layers(config).trainable
    values = fill(net.state_dict(), generator)
    for model in (net, ours):
        model.load_state_dict(dict(zip(model.state_dict(), values, strict=True)))
    pictures = torch.randn(3, 1, 28, 28, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(net(pictures), ours(pictures), rtol=1e-3, atol=1e-3)


def test_it_learns(digits: TrainingSet) -> None:
    batches, validation = plain.loaders(digits, SMALL, 0)
    training = plain.Training(SMALL, SMALL.epochs * len(batches))
    for _ in range(SMALL.epochs):
        training.epoch(batches)
    assert training.schedule.last_epoch == 6 * 5
    assert plain.accuracy(training.evaluated, validation) > 0.3  # chance: 0.1


def test_it_trains_on_the_parts_that_ours_trains_on(digits: TrainingSet) -> None:
    batches, validation = plain.loaders(digits, SMALL, 0)
    assert [len(part.dataset) for part in (batches, validation)] == [250, 50]  # type: ignore[arg-type]
    everything = TrainConfig(train_on="all", optim=OptimConfig(batch_size=64, keep_last_batch=True))
    batches, validation = plain.loaders(digits, everything, 0)
    assert [len(labels) for _, labels in batches] == [64, 64, 64, 64, 44]
    assert [len(labels) for _, labels in validation] == [50]


def test_transform_by_hand() -> None:
    asked = AugmentConfig(rotation_degrees=10, zoom=0.2, shear_radians=math.pi / 36, translate_pixels=1.4)
    affine = plain.transform(asked).transforms[0]
    assert (affine.degrees, affine.scale) == ([-10, 10], (0.8, 1.2))
    assert affine.translate == pytest.approx((0.05, 0.05))
    assert affine.shear == pytest.approx([-5, 5])


def test_without_distortions_a_picture_is_only_normalised(digits: TrainingSet) -> None:
    picture = digits.images.images[digits.split.validation[0]]
    _, validation = plain.loaders(digits, SMALL, 0)
    expected = (torch.tensor(picture)[None] / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(validation.dataset[0][0], expected)


@pytest.mark.parametrize("optimizer", ["adam", "sgd_nesterov"])
def test_decay_is_a_share_of_the_weights_a_step_with_both_optimizers(optimizer: Optimizer) -> None:
    net = nn.Linear(1, 1)
    nn.init.ones_(net.weight)
    nn.init.ones_(net.bias)
    tested = plain.make_optimizer(net, OptimConfig(optimizer=optimizer, lr=0.1, weight_decay=0.02))
    net.weight.grad, net.bias.grad = torch.zeros(1, 1), torch.zeros(1)
    for _ in range(500):
        tested.step()
    assert net.weight.item() == pytest.approx((1 - 0.1 * 0.02) ** 500, rel=0.03)
    assert net.bias.item() == 1


def test_average_by_hand() -> None:
    net = nn.Linear(1, 1, bias=False)
    average = plain.make_average(net, 0.9)
    for weight in (1.0, 12.0, 24.0):  # decays 2/11 and 3/12 after the first
        nn.init.constant_(net.weight, weight)
        average.update_parameters(net)
    (averaged,) = average.module.parameters()
    assert averaged.item() == pytest.approx((1 * 2 / 11 + 12 * 9 / 11) * 3 / 12 + 24 * 9 / 12)


LEARNED = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
import torch
from benchmarks.test_loops import IMAGES, SMALL_EXPERT as SMALL
import expert
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.training.trainer import TorchTrainer, fit

torch.manual_seed(0)
digits = expert.load(IMAGES)
training = expert.Training(SMALL, 2 * IMAGES // 50, "fp32")
for _ in range(2):
    training.epoch(expert.batches(digits[0], SMALL.optim))
trainer = TorchTrainer(load_dataset(DataOptions(subset=IMAGES), torch.device("cpu")), "fp32")
ours = fit(trainer, SMALL, 0).reports[-1].value
print(training.schedule.last_epoch, training.accuracy(digits[1]), ours)
"""


@pytest.mark.integration
def test_the_experts_loop_learns_as_ours_does() -> None:
    """With the kernels of this processor, as it is timed: with others a seed may learn much worse."""
    steps, theirs, ours = map(float, processes.printed("-c", LEARNED, str(ROOT / "benchmarks" / "peers")).split())
    assert steps == 2 * IMAGES // 50
    assert theirs > 0.9
    assert abs(theirs - ours) < 0.04
