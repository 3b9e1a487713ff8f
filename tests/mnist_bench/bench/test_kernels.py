"""Operations, counted by hand."""

from __future__ import annotations

import pytest
import torch

from mnist_bench.bench.kernels import (
    KERNELS,
    bf16_over_fp32,
    floor_seconds,
    operations,
)


def test_operations_are_two_for_each_multiply_accumulate_and_thrice_with_the_way_back() -> None:
    assert operations("matrix product", "cpu") == 8 * 2 * 1024**3
    assert operations("convolution", "cpu") == 8 * 3 * 2 * 128 * (14 * 14) * 32 * 64 * 9


def test_the_floor_is_three_times_the_forward_pass_at_the_rate() -> None:
    """A linear net has 784 * 10 multiply-accumulates; 1,000 images are 47.04 million operations."""
    assert floor_seconds(7840, images=1000, gflops=0.5) == pytest.approx(0.09408)


@pytest.mark.slow
def test_the_two_precisions_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.kernels.BATCH", {"cpu": 2})
    assert bf16_over_fp32(torch.device("cpu")) > 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_runs_as_often_as_it_is_counted(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.kernels.REPEATS", {"cpu": 2})
    monkeypatch.setattr("mnist_bench.bench.kernels.SIDE", {"cpu": 64})
    monkeypatch.setattr("mnist_bench.bench.kernels.BATCH", {"cpu": 2})
    work = KERNELS[kernel](torch.device("cpu"), "fp32")  # type: ignore[index]
    with torch.profiler.profile(with_flops=True) as profile:
        work()
    counted = [(event.key, event.count) for event in profile.key_averages()]
    names = {"matrix product": ["aten::mm"], "convolution": ["aten::conv2d", "aten::convolution_backward"]}
    for name in names[kernel]:
        assert (name, 2) in counted
