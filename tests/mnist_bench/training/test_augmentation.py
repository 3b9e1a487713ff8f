"""Distortions against torchvision's affine, and their draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.transforms import (  # type: ignore[import-untyped]
    InterpolationMode,
    functional as oracle,
)

from mnist_bench.config.settings import AugmentConfig
from mnist_bench.training.augmentation import DRAWS, distort, draw, matrices
from mnist_bench.training.batches import seeded

PICTURES = torch.rand(5, 1, 28, 28, generator=seeded(0, "pictures"))
FULL = AugmentConfig(rotation_degrees=30, zoom=0.2, shear_radians=0.3, translate_pixels=3)


def one(**strengths: float) -> Tensor:
    """Return the draws of five images in which the named ones are at full strength and the rest at none."""
    names = ("rotation", "shear", "row_shift", "column_shift", "row_zoom", "column_zoom")
    return torch.tensor([[strengths.get(name, 0.0) for name in names]] * 5)


def expected(angle: float = 0, translate: tuple[int, int] = (0, 0), scale: float = 1, mode: str = "bilinear") -> Tensor:
    """Return what torchvision makes of the pictures, whose scale enlarges."""
    made: Tensor = oracle.affine(PICTURES, angle, list(translate), scale, [0.0, 0.0], InterpolationMode(mode))
    return made


@pytest.mark.parametrize("part", [1.0, -0.5])
def test_a_positive_rotation_is_clockwise(part: float) -> None:
    config = AugmentConfig(rotation_degrees=30)
    found = distort(PICTURES, matrices(config, one(rotation=part)), config)
    torch.testing.assert_close(found, expected(angle=30 * part), atol=1e-4, rtol=0)


def test_zoom_above_one_shrinks() -> None:
    config = AugmentConfig(zoom=0.2)
    found = distort(PICTURES, matrices(config, one(row_zoom=1.0)), config)
    torch.testing.assert_close(found, expected(scale=1 / 1.2), atol=1e-4, rtol=0)


def test_a_positive_shift_moves_up_and_left() -> None:
    config = AugmentConfig(translate_pixels=3)
    found = distort(PICTURES, matrices(config, one(row_shift=1.0, column_shift=1 / 3)), config)
    torch.testing.assert_close(found, expected(translate=(-1, -3)), atol=1e-5, rtol=0)
    assert torch.equal(found[:, :, -3:], torch.zeros(5, 1, 3, 28))


def test_shear_is_kerass_matrix() -> None:
    found = matrices(AugmentConfig(shear_radians=0.3), one(shear=1.0))[0]
    torch.testing.assert_close(found, torch.tensor([[1, -math.sin(0.3), 0], [0, math.cos(0.3), 0]]))


def test_everything_at_once_is_rotation_times_shear_times_zoom() -> None:
    config = AugmentConfig(rotation_degrees=30, shear_radians=0.3, zoom=0.2, zoom_per_axis=True)
    found = matrices(config, one(rotation=0.4, shear=-0.7, row_zoom=1.0, column_zoom=-0.5))[0, :, :2]
    turn, slant = math.radians(12), -0.21
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shear = torch.tensor([[1, -math.sin(slant)], [0, math.cos(slant)]])
    torch.testing.assert_close(found, rotation @ shear @ torch.diag(torch.tensor([1.2, 0.9])))


def test_axes_zoom_together_unless_told() -> None:
    draws = one(row_zoom=1.0, column_zoom=-1.0)
    together = matrices(AugmentConfig(zoom=0.2), draws)[0, :, :2]
    torch.testing.assert_close(together, torch.eye(2) * 1.2)


def test_nearest_and_edge() -> None:
    nearest = AugmentConfig(rotation_degrees=30, interpolation="nearest")
    values = set(distort(PICTURES, matrices(nearest, one(rotation=1.0)), nearest).flatten().tolist())
    assert values <= {0.0, *PICTURES.flatten().tolist()}
    edge = AugmentConfig(translate_pixels=3, fill="edge")
    found = distort(PICTURES, matrices(edge, one(row_shift=1.0)), edge)
    torch.testing.assert_close(found[:, :, -3:], PICTURES[:, :, -1:].expand(5, 1, 3, 28))


def test_no_strength_is_the_picture_itself() -> None:
    found = distort(PICTURES, matrices(AugmentConfig(), draw(5, seeded(0, "a"))), AugmentConfig())
    torch.testing.assert_close(found, PICTURES, atol=1e-5, rtol=0)


def test_draws_differ_for_each_image_and_stay_in_bounds() -> None:
    draws = draw(1000, seeded(0, "augment", 1))
    assert draws.shape == (1000, DRAWS)
    assert torch.unique(draws, dim=0).shape == draws.shape
    assert draws.min() >= -1
    assert draws.max() < 1
    assert draws.mean(dim=0).abs().max() < 0.1
    same = PICTURES[:1].expand(5, 1, 28, 28)
    distorted = distort(same, matrices(FULL, draws[:5]), FULL)
    assert len({picture.numpy().tobytes() for picture in distorted}) == 5


def test_strengths_do_not_change_what_is_drawn() -> None:
    draws = draw(3, seeded(0, "augment", 1))
    weak, strong = (matrices(AugmentConfig(translate_pixels=pixels), draws)[:, :, 2] for pixels in (1, 2))
    torch.testing.assert_close(2 * weak, strong)
