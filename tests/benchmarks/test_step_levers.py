"""Other ways to compute a step are the same step, but for rounding; and the page tells their ratios."""

from __future__ import annotations

import pytest
import step_levers
import torch
from torch import nn


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_product_over_patches_is_the_convolution(kernel: int) -> None:
    convolution = nn.Conv2d(1, 6, kernel, padding=kernel // 2)
    pictures = torch.linspace(-1, 1, 2 * 9 * 8).view(2, 1, 9, 8)
    expected = convolution(pictures)
    found = step_levers.ProductConv(convolution)(pictures)
    torch.testing.assert_close(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_what_is_folded_says_the_same() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(4))
    pictures = torch.linspace(-1, 1, 5 * 64).view(5, 1, 8, 8)
    net(pictures)  # so that the running statistics are others than at first
    fused = step_levers.folded(net)
    assert [type(layer).__name__ for layer in fused] == ["Conv2d", "ReLU", "MaxPool2d", "BatchNorm2d"]
    torch.testing.assert_close(fused(pictures), net.eval()(pictures))


def test_a_row_is_the_middle_of_the_ratios_within_rounds() -> None:
    found = step_levers.row("conv", "product", [(2.0, 1.0), (4.0, 5.0), (2.0, 2.0)])
    assert (found.ratio, found.low, found.high) == (1.0, 0.5, 1.25)
    assert found.milliseconds == 100.0
    page = step_levers.markdown([found], "an abacus", 3)
    assert "| conv | product | 100.0 | ×1.000 | 0.50 to 1.25 |" in page
