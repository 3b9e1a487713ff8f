"""What a watch notes of a training step, and that it changes none."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from mnist_bench.comparison.tracing.trace_worker import watched
from mnist_bench.comparison.tracing.watch import Seen, Watch
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics import SGD, Precision
from mnist_bench.picture_form import MNIST
from mnist_bench.training.learner import Learner
from mnist_bench.training.period import PlainTrainLoop, advance, advance_in_steps
from mnist_bench.training.torch_trainer import TorchTrainer
from search.trainer_api import finish

pytestmark = pytest.mark.slow
ALL = 10**9


def digest(value: Tensor) -> str:
    numbers = value.detach().float() if value.dtype != torch.int64 else value
    return hashlib.sha256(numbers.contiguous().numpy().tobytes()).hexdigest()[:32]


def of_kind(step: list[Seen], kind: str) -> dict[str, Seen]:
    return {seen.place: seen for seen in step if seen.kind == kind}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "portable"])
def test_a_watched_period_trains_to_the_same_bits(config: TrainConfig, digits: Dataset, precision: Precision) -> None:
    state, _ = advance(config, 1, 1, None, digits, precision)
    learners: list[Learner] = []

    def make(learner: Learner, config: TrainConfig, data: Dataset, precision: Precision) -> PlainTrainLoop:
        learners.append(learner)
        return PlainTrainLoop(learner, config, data, precision)

    finish(advance_in_steps(config, 1, 2, state, digits, precision, make=make))
    steps = watched(TorchTrainer(digits, precision), config, 1, 2, state, ALL).steps
    assert len(steps) == 10  # of 1,000 images in batches of 100
    plain = {name: digest(value) for name, value in learners[0].model.state_dict().items()}
    assert [seen.digest for seen in of_kind(steps[-1], "weight").values()] == [*plain.values()]
    averages = [digest(value) for value in learners[0].average.values()]
    assert [seen.digest for seen in of_kind(steps[-1], "average").values()] == averages


def test_a_step_has_images_outputs_gradients_and_weights(config: TrainConfig, digits: Dataset) -> None:
    (step,) = watched(TorchTrainer(digits, "fp32"), config, 1, 1, None, 1).steps
    assert step[0].kind == "images"
    assert step[0].shape == (100, 1, 28, 28)
    outputs = of_kind(step, "output")
    assert [*outputs][:3] == ["layer 1 (convolution)", "layer 2 (batchnorm)", "layer 3 (pool)"]
    assert outputs["layer 1 (convolution)"].shape == (100, 8, 28, 28)
    assert {*of_kind(step, "gradient of output")} == {*outputs}
    gradients = of_kind(step, "gradient")
    assert {"layer 1 (convolution) weight", "layer 2 (batchnorm) bias"} <= {*gradients}
    assert {*gradients} <= {*of_kind(step, "weight")}
    assert len({seen.key for seen in step}) == len(step)


def test_a_separable_convolution_is_one_layer(config: TrainConfig, digits: Dataset) -> None:
    separable = replace(config, model=replace(config.model, convs_per_block=2, convolutions="separable"))
    (step,) = watched(TorchTrainer(digits, "fp32"), separable, 1, 1, None, 1).steps
    layer = next(place for place in of_kind(step, "output") if place.endswith("(separable)"))
    assert {f"{layer} 0.weight", f"{layer} 1.weight", f"{layer} 1.bias"} <= {*of_kind(step, "weight")}
    assert len({seen.key for seen in step}) == len(step)


def test_outputs_are_read_before_an_activation_overwrites_them(plain: TrainConfig, digits: Dataset) -> None:
    without = replace(plain, model=replace(plain.model, batchnorm="none"))
    key = "output layer 1 (convolution)"
    watch = watched(TorchTrainer(digits, "fp32"), without, 1, 1, None, 2, (1, key))
    assert watch.kept is not None
    numbers = torch.frombuffer(bytearray(watch.kept), dtype=torch.float32)
    assert numbers.min() < 0
    (seen,) = [seen for seen in watch.steps[1] if seen.key == key]
    assert hashlib.sha256(watch.kept).hexdigest().startswith(seen.digest)


def test_bfloat16_is_named_and_read_exactly(config: TrainConfig, digits: Dataset) -> None:
    (step,) = watched(TorchTrainer(digits, "bf16"), config, 1, 1, None, 1).steps
    outputs = of_kind(step, "output")
    assert outputs["layer 1 (convolution)"].dtype == "bfloat16"
    assert next(reversed(outputs.values())).dtype == "float32"  # the logits


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.shared(self.shared(inputs))
        return found


def test_a_layer_of_your_own_network_that_is_called_twice_has_numbered_calls() -> None:
    model = Twice()
    watch = Watch(Learner(model, SGD(model.parameters(), lr=0.1), (), {}, None, {}, None, MNIST), {})
    model(torch.ones(2, 4)).sum().backward()
    watch.end_step()
    model.eval()
    model(torch.ones(2, 4))
    step, under_way = watch.steps
    assert [*of_kind(step, "output")] == ["shared (Linear)", "shared (Linear), call 2"]
    assert [*of_kind(step, "weight")] == ["shared (Linear) weight", "shared (Linear) bias"]
    assert under_way == []
