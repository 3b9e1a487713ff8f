"""Distortions against torchvision's affine, and their draws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import functional as oracle  # type: ignore[import-untyped]
from torchvision.transforms.functional import InterpolationMode  # type: ignore[import-untyped]

from mnist_bench.config.settings import AugmentConfig
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.batches import AFFINE, DRAWS, distort, distortions, draw, maps, resample
from search.hashed import Name

PICTURES = torch.rand(5, 1, 28, 28, generator=seeded(0, Name("pictures")))
FULL = AugmentConfig(rotation_degrees=30, zoom=0.2, shear_radians=0.3, translate_pixels=3)


def one(**strengths: float) -> Tensor:
    """Return the draws of five images in which the named ones are at full strength and the rest at none."""
    names = ("rotation", "shear", "row_shift", "column_shift", "row_zoom", "column_zoom")
    return torch.tensor([[strengths.get(name, 0.0) for name in names]] * 5)


def expected(angle: float = 0, translate: tuple[int, int] = (0, 0), scale: float = 1) -> Tensor:
    """Return what torchvision makes of the pictures, whose scale enlarges."""
    made: Tensor = oracle.affine(PICTURES, angle, list(translate), scale, [0.0, 0.0], InterpolationMode.BILINEAR)
    return made


@pytest.mark.parametrize(
    ("config", "strengths", "oracles"),
    [
        (AugmentConfig(rotation_degrees=30), {"rotation": 1.0}, {"angle": 30}),  # clockwise
        (AugmentConfig(rotation_degrees=30), {"rotation": -0.5}, {"angle": -15}),
        (AugmentConfig(zoom=0.2), {"row_zoom": 1.0}, {"scale": 1 / 1.2}),  # above one it shrinks
        (AugmentConfig(translate_pixels=3), {"row_shift": 1.0, "column_shift": 1 / 3}, {"translate": (-1, -3)}),
        (AugmentConfig(), {}, {}),
    ],
)
def test_a_strength_does_what_torchvision_does(
    config: AugmentConfig, strengths: dict[str, float], oracles: dict[str, Any]
) -> None:
    found = resample(PICTURES, maps(config, one(**strengths)), config)
    torch.testing.assert_close(found, expected(**oracles), atol=1e-4, rtol=0)


def test_shear_is_kerass_matrix() -> None:
    found = maps(AugmentConfig(shear_radians=0.3), one(shear=1.0))[0]
    torch.testing.assert_close(found, torch.tensor([[1, -math.sin(0.3), 0], [0, math.cos(0.3), 0]]))


def test_everything_at_once_is_rotation_times_shear_times_zoom() -> None:
    config = AugmentConfig(rotation_degrees=30, shear_radians=0.3, zoom=0.2, zoom_per_axis=True)
    found = maps(config, one(rotation=0.4, shear=-0.7, row_zoom=1.0, column_zoom=-0.5))[0, :, :2]
    turn, slant = math.radians(12), -0.21
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shear = torch.tensor([[1, -math.sin(slant)], [0, math.cos(slant)]])
    torch.testing.assert_close(found, rotation @ shear @ torch.diag(torch.tensor([1.2, 0.9])))


def test_axes_zoom_together_unless_told() -> None:
    together = maps(AugmentConfig(zoom=0.2), one(row_zoom=1.0, column_zoom=-1.0))[0, :, :2]
    torch.testing.assert_close(together, torch.eye(2) * 1.2)


def test_nearest_and_edge() -> None:
    nearest = AugmentConfig(rotation_degrees=30, interpolation="nearest")
    values = set(resample(PICTURES, maps(nearest, one(rotation=1.0)), nearest).flatten().tolist())
    assert values <= {0.0, *PICTURES.flatten().tolist()}
    edge = AugmentConfig(translate_pixels=3, fill="edge")
    found = resample(PICTURES, maps(edge, one(row_shift=1.0)), edge)
    torch.testing.assert_close(found[:, :, -3:], PICTURES[:, :, -1:].expand(5, 1, 3, 28))


def test_without_strengths_nothing_is_drawn() -> None:
    assert distortions(AugmentConfig(fill="edge", zoom_per_axis=True), 5, 0, 0) is None


def test_every_epoch_and_every_seed_distort_each_image_in_another_way() -> None:
    first, *others = (distortions(FULL, 5, seed, epoch) for seed, epoch in ((1, 2), (1, 2), (1, 3), (2, 2)))
    assert first is not None
    assert [bool((found == first).all(dim=1).any()) for found in others if found is not None] == [True, False, False]


def test_draws_differ_for_each_image_and_stay_in_bounds() -> None:
    draws = draw(FULL, 1000, seeded(0, "augment", 1))
    assert torch.unique(draws, dim=0).shape == (1000, DRAWS)
    assert draws.min() >= -1
    assert draws.max() < 1
    assert draws.mean(dim=0).abs().max() < 0.1
    weak, strong = (maps(AugmentConfig(translate_pixels=pixels), draws)[:, :, 2] for pixels in (1, 2))
    torch.testing.assert_close(2 * weak, strong)


@pytest.mark.parametrize("side", [1, 2, 4, 8])
def test_a_grid_of_equal_displacements_is_a_shift(side: int) -> None:
    config = AugmentConfig(grid_pixels=side, grid_shift=2.0)
    draws = torch.cat([torch.zeros(5, DRAWS), torch.ones(5, side**2), torch.full((5, side**2), 0.5)], dim=1)
    found = resample(PICTURES, maps(config, draws), config)
    torch.testing.assert_close(found, expected(translate=(-1, -2)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [2, 4, 7])
def test_between_grid_pixels_the_displacement_is_pytorchs_bicubic_one(side: int) -> None:
    config = AugmentConfig(rotation_degrees=20, translate_pixels=2, grid_pixels=side, grid_shift=1.5)
    draws = draw(config, 5, seeded(0, "augment", 1))
    coarse = 1.5 * draws[:, DRAWS:].view(5, 2, side, side)
    row_field, column_field = functional.interpolate(coarse, (28, 28), mode="bicubic", align_corners=True).unbind(1)
    # What a pixel is read from, told by pictures of the rows and of the columns; inside, where nothing is cut off.
    places = torch.arange(28.0).expand(5, 1, 28, 28)
    plain = AugmentConfig(rotation_degrees=20, translate_pixels=2)
    for picture, field in ((places.mT, row_field), (places, column_field)):
        moved = resample(picture, maps(config, draws), config) - resample(picture, maps(plain, draws[:, :DRAWS]), plain)
        inside = (slice(None), 0, slice(11, 17), slice(11, 17))
        torch.testing.assert_close(moved[inside], field[:, 11:17, 11:17], atol=1e-3, rtol=0)


def test_the_grid_changes_no_other_draw() -> None:
    without, coarse, fine = (draw(AugmentConfig(grid_pixels=side), 100, seeded(0, "augment", 1)) for side in (0, 4, 8))
    assert [found.shape[1] for found in (without, coarse, fine)] == [DRAWS, DRAWS + 32, DRAWS + 128]
    assert torch.equal(without, coarse[:, :DRAWS])
    assert torch.equal(without, fine[:, :DRAWS])
    assert torch.equal(maps(FULL, without), maps(replace(FULL, grid_pixels=4), coarse)[:, :, :3])
    assert coarse.min() >= -1
    assert coarse.max() < 1
    assert len({row.numpy().tobytes() for row in coarse[:, DRAWS:]}) == 100


@given(st.integers(1, 8), st.floats(0.01, 7), st.sampled_from(["bilinear", "nearest"]), st.integers(0, 2**31))
def test_any_grid_gives_pictures(side: int, shift: float, interpolation: str, seed: int) -> None:
    config = AugmentConfig(grid_pixels=side, grid_shift=shift, interpolation=interpolation)  # type: ignore[arg-type]
    drawn = distortions(config, 5, seed, 0)
    assert drawn is not None
    assert drawn.shape == (5, 2 * (AFFINE + side**2))
    found = distort(PICTURES, drawn, config)
    assert found.shape == PICTURES.shape
    assert found.min() >= 0
    assert found.max() <= PICTURES.max() + 1e-6
