"""A numerics check sees one kernel that computes otherwise, the second one in any size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.checks import numerics_check, wide_check

pytestmark = pytest.mark.slow


class Nudged(torch.autograd.Function):
    """Passes values on, and each gradient one step of its number format further up."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return torch.nextafter(gradient, torch.full_like(gradient, torch.inf))


def of_size(function: Callable[..., Tensor], size: int) -> Callable[..., Tensor]:
    """Return a layer's function with another gradient by its inputs of so many maps or features, in float32."""

    def nudging(values: Tensor, *rest: Any, **options: Any) -> Tensor:
        is_meant = values.shape[1] == size and values.dtype == torch.float32
        nudged = Nudged.apply(values) if is_meant else values  # type: ignore[no-untyped-call, unused-ignore]
        return function(nudged, *rest, **options)

    return nudging


@pytest.mark.parametrize(
    ("kept", "afresh"), [(numerics_check, numerics_check.__wrapped__), (wide_check, wide_check.__wrapped__)]
)
def test_a_canary_repeats_and_tells_precisions_apart(
    kept: Callable[[str, str], str], afresh: Callable[[str, str], str], device: torch.device
) -> None:
    assert afresh("cpu", "fp32") == kept("cpu", "fp32") != kept("cpu", "bf16")


@pytest.mark.parametrize(("layer", "size"), [("conv2d", 24), ("linear", 64)])
def test_the_first_sees_a_kernel_that_computes_otherwise(
    layer: str, size: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numerics_check("cpu", "fp32")
    monkeypatch.setattr(functional, layer, of_size(getattr(functional, layer), size))
    assert numerics_check.__wrapped__("cpu", "fp32") != before


@pytest.mark.parametrize(("layer", "size"), [("batch_norm", 10), ("max_pool2d", 24)])
def test_one_kernel_that_computes_otherwise_in_one_size_is_seen(
    layer: str, size: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen_by_the_first = wide_check("cpu", "fp32"), numerics_check("cpu", "fp32")
    monkeypatch.setattr(functional, layer, of_size(getattr(functional, layer), size))
    assert wide_check.__wrapped__("cpu", "fp32") != before
    if layer == "batch_norm":  # as between two releases of PyTorch
        assert numerics_check.__wrapped__("cpu", "fp32") == seen_by_the_first
