"""Which images an epoch takes, all or the hardest and some others; distortions, against torchvision's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import load as tensors_in
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import functional as oracle  # type: ignore[import-untyped]
from torchvision.transforms.functional import InterpolationMode  # type: ignore[import-untyped]

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.batches import (
    AFFINE,
    DRAWS,
    LastLosses,
    batches,
    distortions,
    draw,
    maps,
    no_losses,
    resample,
)
from mnist_bench.training.period import advance
from mnist_bench.training.trainer import TorchTrainer, fit
from search.hashed import Name
from support.dose import dose

IMAGES = 1000


def choosing(hard: float = 0.5, easy: float = 1 / 3, **others: object) -> Schedule:
    """Return the schedule of three epochs of which the later two take a share of 1,000 images."""
    optim = OptimConfig(hard_share=hard, easy_share=easy, **others)  # type: ignore[arg-type]
    return Schedule(config=TrainConfig(epochs=3, optim=optim), images=IMAGES)


def steps_of(schedule: Schedule, epoch: int) -> range:
    return range(schedule.first_step(epoch), schedule.first_step(epoch + 1))


def taken(data: Dataset, schedule: Schedule, steps: range, losses: LastLosses | None, lost: float = -1) -> list[int]:
    """Return the images that are taken in turn; each has then `lost` so much, or, if negative, as much as its place."""
    found: list[int] = []
    for batch in batches(schedule, data, 1, steps, losses):
        if batch.losses is not None:
            batch.losses.copy_(batch.chosen if lost < 0 else torch.full_like(batch.losses, lost))
        found += batch.chosen.tolist()
    return found


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(8, 300), st.integers(0, 2**31))
@settings(max_examples=dose(200))
def test_an_epoch_takes_the_hardest_and_a_fixed_number_of_others(
    digits: Dataset, share: float, easy: float, batch_size: int, seed: int
) -> None:
    schedule = choosing(share, easy, batch_size=batch_size, keep_last_batch=True)
    earlier = torch.rand(IMAGES, generator=seeded(seed, Name("losses")))
    losses = LastLosses(earlier.clone(), torch.zeros(IMAGES))
    chosen = torch.cat([each.chosen for each in batches(schedule, digits, seed, steps_of(schedule, 1), losses)])
    assert len(set(chosen.tolist())) == len(chosen)
    # All but a last image alone, which makes no batch.
    assert schedule.images_in(1) - len(chosen) in (0, 1)
    hardest = set(earlier.argsort(descending=True)[: schedule.hard_images(1)].tolist())
    assert len(hardest - set(chosen.tolist())) <= schedule.images_in(1) - len(chosen)
    place = torch.empty(IMAGES, dtype=torch.int64)
    place[torch.randperm(IMAGES, generator=seeded(seed, "order", 1))] = torch.arange(IMAGES)
    assert torch.equal(place[chosen], place[chosen].sort().values)  # in the epoch's order


def test_a_later_epoch_goes_by_what_each_image_lost_when_it_was_last_taken(digits: Dataset) -> None:
    schedule = choosing(batch_size=100)
    losses = no_losses(schedule, digits.device)
    assert losses is not None
    # The first epoch takes all; the later an image stands, the harder it is.
    assert taken(digits, schedule, range(10), losses) == taken(digits, schedule, range(10), None)
    assert torch.equal(losses.earlier, torch.arange(1000.0))  # the epoch has ended
    second = taken(digits, schedule, steps_of(schedule, 1), losses)
    assert sum(image >= 500 for image in second) == pytest.approx(450, abs=50)  # six batches of a hundred, of 667


def test_a_period_within_an_epoch_goes_on_with_its_images(digits: Dataset) -> None:
    schedule, losses = choosing(batch_size=100), LastLosses(torch.arange(1000.0), torch.zeros(1000))
    once = LastLosses(*(value.clone() for value in losses))
    straight = taken(digits, schedule, range(10, 16), once)
    taken(digits, schedule, range(10, 13), losses, lost=7.0)
    assert taken(digits, schedule, range(13, 16), losses, lost=0.0) == straight[300:]
    assert (losses.earlier[straight[:300]] == 7).all()
    assert (losses.newest[:300] == 7).all()


def test_images_that_were_left_over_are_the_hardest(digits: Dataset) -> None:
    schedule = choosing(0.1, 0.01, batch_size=90)
    losses = no_losses(schedule, digits.device)
    assert losses is not None
    left_over = {*range(1000)} - {*taken(digits, schedule, range(11), losses, lost=0.5)}
    assert {*losses.earlier.isinf().nonzero().flatten().tolist()} == left_over
    assert len(left_over) == 10


def test_learned_images_are_left_out_and_return_if_others_are_easier(digits: Dataset) -> None:
    optim = OptimConfig(batch_size=100, learned_share=0.5)
    schedule = Schedule(config=TrainConfig(epochs=3, optim=optim), images=IMAGES)
    losses = LastLosses(torch.arange(1000.0), torch.zeros(1000))
    second, last = (taken(digits, schedule, steps_of(schedule, epoch), losses, lost=0.0) for epoch in (1, 2))
    assert {*second} <= {*range(250, 1000)}
    assert len(second) == 700  # seven batches of a hundred, of 750 images
    assert {*last} >= {*range(250)} - {0}
    assert len(last) == 500


def test_without_a_share_nobody_asks_for_losses(plain: TrainConfig, digits: Dataset) -> None:
    schedule = Schedule(config=plain, images=1000)
    assert no_losses(schedule, digits.device) is None
    assert next(batches(schedule, digits, 1, range(1))).losses is None
    state, _ = advance(plain, 1, 1, None, digits, "fp32")
    assert not [name for name in tensors_in(state) if name.startswith("losses")]


@pytest.mark.parametrize("more", [{}, {"learned_share": 0.5}])
def test_cut_into_periods_or_straight_gives_the_same_weights_the_first_epoch_those_of_all_images(
    plain: TrainConfig, digits: Dataset, more: dict[str, float]
) -> None:
    plain = replace(plain, epochs=3)
    hard = replace(plain, optim=replace(plain.optim, hard_share=0.5, **more))  # type: ignore[arg-type]
    cuts = (replace(hard, periods=ends) for ends in ((0.5, 1.0, 1.25, 1.75, 2.1, 3.0), (3.0,)))
    cut, straight, everything = (fit(TorchTrainer(digits, "fp32"), config, 1) for config in (*cuts, plain))
    assert cut.reports[-1].weights == straight.reports[-1].weights
    assert cut.reports[1].weights == everything.reports[0].weights
    assert cut.reports[-1].weights != everything.reports[-1].weights
    found, expected = (tensors_in(result.state) for result in (cut, straight))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert {name for name in expected if name.startswith("losses")} == {"losses.earlier", "losses.newest"}


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


def test_everything_at_once_is_rotation_times_kerass_shear_times_zoom() -> None:
    config = AugmentConfig(rotation_degrees=30, shear_radians=0.3, zoom=0.2, zoom_per_axis=True)
    strengths = one(rotation=0.4, shear=-0.7, row_zoom=1.0, column_zoom=-0.5)
    turn, slant = math.radians(12), -0.21
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shear = torch.tensor([[1, -math.sin(slant)], [0, math.cos(slant)]])
    for found, zooms in ((config, (1.2, 0.9)), (replace(config, zoom_per_axis=False), (1.2, 1.2))):
        matrix = rotation @ shear @ torch.diag(torch.tensor(zooms))
        torch.testing.assert_close(maps(found, strengths)[0, :, :2], matrix)


def test_nearest_and_edge() -> None:
    nearest = AugmentConfig(rotation_degrees=30, interpolation="nearest")
    values = set(resample(PICTURES, maps(nearest, one(rotation=1.0)), nearest).flatten().tolist())
    assert values <= {0.0, *PICTURES.flatten().tolist()}
    edge = AugmentConfig(translate_pixels=3, fill="edge")
    found = resample(PICTURES, maps(edge, one(row_shift=1.0)), edge)
    torch.testing.assert_close(found[:, :, -3:], PICTURES[:, :, -1:].expand(5, 1, 3, 28))


def test_every_epoch_and_every_seed_distort_each_image_in_another_way() -> None:
    first, *others = (distortions(FULL, 5, seed, epoch) for seed, epoch in ((1, 2), (1, 2), (1, 3), (2, 2)))
    assert first is not None
    assert [bool((found == first).all(dim=(1, 2)).any()) for found in others if found is not None] == [
        True,
        False,
        False,
    ]
    assert distortions(AugmentConfig(fill="edge", zoom_per_axis=True), 5, 0, 0) is None


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
    assert drawn.shape == (5, 2, AFFINE + side**2)
    found = resample(PICTURES, drawn, config)
    assert found.shape == PICTURES.shape
    assert found.min() >= 0
    assert found.max() <= PICTURES.max() + 1e-6
