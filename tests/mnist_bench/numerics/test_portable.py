"""Portable precision: its layers, the processes that compute in it, and its numerics checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.config.settings import Activation, Optimizer
from mnist_bench.errors import DeviceError
from mnist_bench.numerics import checks as numerics_checks, operations
from mnist_bench.numerics.checks import PORTABLE_LATER
from mnist_bench.numerics.kinds import PORTABLE_VARIABLES, environment_of
from mnist_bench.numerics.operations import PortableOperations, UnportableOperations, computing_in
from support.paths import ROOT
from support.wants import check_as_published

CPU = torch.device("cpu")


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape))).sub_(0.5)


def gradients(layer: Callable[..., Tensor], *parts: Tensor) -> list[Tensor]:
    inputs = [part.clone().requires_grad_() for part in parts]
    found = layer(*inputs)
    return [found, *torch.autograd.grad(found, inputs, noise(*found.shape))]


LINEAR = noise(4, 5, 33), noise(10, 33), noise(10)
LAYERS: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "linear": (functional.linear, LINEAR),
    "linear of one": (functional.linear, (noise(1, 33), *LINEAR[1:])),
    "linear without bias": (functional.linear, LINEAR[:2]),
    **{
        f"convolution {side}, {stride}, {padding}": (
            partial(functional.conv2d, stride=stride, padding=padding),
            (noise(4, 3, 28, 28), noise(16, 3, side, side), noise(16)),
        )
        for side in (1, 3)
        for stride, padding in ((1, 0), (2, 0), ((2, 3), 0), (2, 1))
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_gradients_are_those_of_pytorch(name: str) -> None:
    layer, parts = LAYERS[name]
    expected = gradients(layer, *parts)
    with PortableOperations():
        torch.testing.assert_close(gradients(layer, *parts), expected)


def seen(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple[int, ...]]:
    """Return the shapes of the inputs of a function of torch, as it is called."""
    shapes, function = [], attrgetter(name)(torch)

    def noting(values: Tensor, *args: object, **named: object) -> object:
        shapes.append(tuple(values.shape))
        return function(values, *args, **named)

    monkeypatch.setattr(f"torch.{name}", noting)
    return shapes


def test_layers_reach_the_kernels_whose_bits_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    normalised, multiplied = (seen(monkeypatch, name) for name in ("native_batch_norm", "ops.mkldnn._linear_pointwise"))
    with PortableOperations():
        for features in (10, 16):
            assert nn.BatchNorm1d(features)(noise(50, features)).shape == (50, features)
            nn.BatchNorm2d(features)(noise(50, features, 7, 7))
        nn.Linear(33, 10)(noise(50, 33))
    assert normalised == [(50, 16), (50, 16, 7, 7)] * 2, "features in groups of 8"
    assert multiplied == [(50, 33)], "and not MKL"


@pytest.mark.parametrize("features", [10, 16])
def test_the_gradient_of_batch_normalisation_is_the_same_for_any_layout(features: int) -> None:
    """PyTorch's kernels for a gradient that is not channels-last compute other bits, which depend on its build."""
    images, layer = noise(64, features, 7, 7), nn.BatchNorm2d(features)
    gradient = noise(64, features, 7, 7)
    found = []
    with PortableOperations():
        for layout in (torch.contiguous_format, torch.channels_last):
            inputs = images.contiguous(memory_format=layout).requires_grad_()
            of_outputs = gradient.contiguous(memory_format=layout)
            found.append(torch.autograd.grad(layer(inputs), [inputs, *layer.parameters()], of_outputs))
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(50, 10), (50, 16), (50, 10, 7, 7), (50, 16, 7, 7)])
def test_batch_normalisation_with_padded_features_is_that_of_pytorch(shape: tuple[int, ...], training: bool) -> None:
    features = shape[1]

    def normalised(images: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return functional.batch_norm(images, *running, scale, shift, training=training)

    parts = noise(*shape), noise(features), noise(features)
    running = (torch.zeros(features), torch.ones(features))
    expected = [*gradients(normalised, *parts), *running]
    running = (torch.zeros(features), torch.ones(features))
    with PortableOperations():
        found = [*gradients(normalised, *parts), *running]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=3e-5)


@pytest.mark.parametrize("features", [10, 16])
def test_batch_normalisation_without_weights_or_averages_before_an_operation_in_place(features: int) -> None:
    layer = nn.BatchNorm2d(features, affine=False, track_running_stats=False)
    images = noise(50, features, 7, 7).requires_grad_()
    expected = layer(images).relu()
    with PortableOperations():
        found = nn.Sequential(layer, nn.ReLU(inplace=True))(images)
        found.sum().backward()
    torch.testing.assert_close(found, expected)


def test_operations_that_depend_on_the_processor_are_named_forward_and_backward() -> None:
    values = noise(50).abs().requires_grad_()
    with UnportableOperations() as found:
        found_sum = (values.exp().log() + values.double().log() + values**0.5 + values**2).sum()
        torch.autograd.backward(found_sum)
    assert found.names == {"torch.log", "torch.pow with exponent 0.5"}
    with UnportableOperations() as found:
        torch._foreach_sqrt_([noise(4).abs()])
        torch._foreach_log([noise(4).abs()])
        values.log()
        functional.conv2d(noise(1, 3, 7, 7), noise(4, 3, 3, 3), stride=2)
        functional.conv2d(noise(1, 3, 7, 7), noise(4, 3, 5, 5))
    assert found.names == {"torch.sqrt"}
    with UnportableOperations() as found:
        functional.conv2d(noise(1, 3, 7, 7), noise(4, 3, 5, 5), stride=2)
    assert found.names == {"torch.conv2d with a stride and a kernel of 5 pixels or more"}


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make this process look as if it was started for portable precision."""
    for name, value in PORTABLE_VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr("mnist_bench.numerics.kinds.cpu_flags", lambda: frozenset({"avx2", "fma"}))
    operations.check_process.cache_clear()
    yield
    operations.check_process.cache_clear()


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    ("where", "there", "words"),
    [
        ("platform.machine", lambda: "aarch64", "an x86-64 processor, and this one is aarch64"),
        ("mnist_bench.numerics.kinds.cpu_flags", lambda: frozenset({"avx"}), "a processor with AVX2 and FMA"),
        ("torch.backends.mkl.is_available", lambda: False, "a PyTorch with MKL and oneDNN"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "AVX512", "a process that is started with ATEN_CPU"),
        ("ATEN_CPU_CAPABILITY", "default", "a process that is started with ATEN_CPU_CAPABILITY=avx2"),
        ("MKL_DEBUG_CPU_TYPE", "5", "a process without the environment variable MKL_DEBUG_CPU_TYPE"),
    ],
)
def test_a_machine_or_a_process_without_portable_bits_is_named(
    where: str, there: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.check_process()
    operations.check_process.cache_clear()
    if callable(there):
        monkeypatch.setattr(where, there)
    else:
        monkeypatch.setenv(where, there)
    assert not operations.computes_portable_bits()
    with pytest.raises(DeviceError, match=f"^Portable precision needs {words}.*; add --set precision=auto"):
        computing_in(CPU, "portable")


@pytest.mark.slow
def test_operations_agree_with_float64_and_with_other_machines() -> None:
    """If the hashes differ on a machine that is in results/published/portable.md, no portable study can be resumed."""
    code = (
        "import json; from mnist_bench.numerics.device import describe, setup\n"
        "from mnist_bench.numerics import checks as numerics_checks\n"
        "device, _ = setup('cpu', 'portable')\n"
        "far = {name: by for name, by in numerics_checks.deviations().items() if by > numerics_checks.TOLERANCE}\n"
        "print(json.dumps([far, {**numerics_checks.later_hashes()}, describe(device, 'portable')]))"
    )
    far, later, described = json.loads(portable_process(code))
    assert far == {}
    check_as_published(described)
    assert later == PORTABLE_LATER


def test_every_activation_and_optimizer_is_compared_with_other_machines() -> None:
    compared = {*numerics_checks.OPERATIONS, *numerics_checks.LATER}
    assert {*get_args(Activation)} <= compared
    assert {*get_args(Optimizer)} - {"adam", "sgd_nesterov"} <= compared - {"optimizers"}, "that has these two"


@pytest.mark.slow
def test_a_convolution_of_single_pixels_with_a_stride_overwrites_no_memory() -> None:
    """Without its portable form, oneDNN 3.12 ends this process in most runs."""
    code = (
        "import torch; from torch.nn import functional\n"
        "from mnist_bench.numerics.device import setup; from mnist_bench.numerics.operations import computing_in\n"
        "(device, _), layout = setup('cpu', 'portable'), torch.channels_last\n"
        "for _ in range(30):\n"
        "    images, weight = torch.rand(16, 3, 28, 28), torch.rand(16, 3, 1, 1).requires_grad_()\n"
        "    with computing_in(device, 'portable'):\n"
        "        found = functional.conv2d(images.contiguous(memory_format=layout), weight, stride=2)\n"
        "    found.backward(torch.rand(found.shape).contiguous(memory_format=layout))"
    )
    assert portable_process(code) == ""


def portable_process(code: str) -> str:
    """Return what code prints in a process that is started for portable precision."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment_of("portable")}, cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()
