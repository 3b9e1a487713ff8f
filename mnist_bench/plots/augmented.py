"""The effect of augmentation: the first ten digits unchanged, and several random distortions of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_bench.config.settings import AugmentConfig, Fill, TrainConfig
from mnist_bench.config.values import all_settings, setting_of
from mnist_bench.data.mnist import Images
from mnist_bench.plots import frame
from mnist_bench.space_files.problems import faults
from mnist_bench.space_files.space_sources import recipe
from mnist_bench.training import batches
from search.errors import SpaceError, UsageError
from search.messages import joined, show
from search.space.settings import override
from search.space.space import Field, Space

if TYPE_CHECKING:
    from mnist_bench.plots.subject import DataSubject

SECTION = "augment"
SHOWN = 10
DRAWS = 4
"""Number of distortions of each digit."""
NOTEBOOK = AugmentConfig(
    rotation_degrees=10, zoom=0.1, zoom_per_axis=True, shear_radians=0.1, interpolation="nearest", fill="edge"
)
"""`ImageDataGenerator(rotation_range=10, zoom_range=0.1, shear_range=0.1)` of Keras 1.2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmented:
    """Digits, and their distortions by an augmentation."""

    config: AugmentConfig
    seed: int
    labels: tuple[int, ...]  # labels of the columns
    images: frame.Pixels
    """Shape (1 + DRAWS, columns, H, W), in colour with an axis more: the unchanged digits, then one row per draw."""


def settings(assignments: Sequence[str]) -> AugmentConfig:
    """Return the notebook's augmentation with each `augment.FIELD=VALUE` of `--set` applied.

    Raises:
        UsageError: an assignment is malformed, or sets something other than the augmentation.
        SpaceError: a field does not exist, or its value is not allowed.
    """
    for assignment in assignments:
        if not assignment.strip().startswith(f"{SECTION}."):
            raise UsageError(f"--set {show(assignment)}: this plot takes only {SECTION}.FIELD=VALUE")
    fields = tuple(Field(f"{SECTION}.{name}", value) for name, value in asdict(NOTEBOOK).items())
    space = override(Space(SECTION, "--set", {}, fields), assignments)
    if problems := faults(space):
        raise SpaceError(problems)
    return recipe(space).augment


def rows(data: Images, config: AugmentConfig, seed: int) -> Augmented:
    """Return the first ten digits and `DRAWS` distortions of each, drawn from the seed."""
    originals = data.images[:SHOWN]
    drawn = [
        distorted(originals, batches.distortions(config, len(originals), seed, number), config)
        for number in range(DRAWS)
    ]
    return Augmented(
        config=config,
        seed=seed,
        labels=tuple(data.labels[:SHOWN].tolist()),
        images=np.stack([originals, *drawn]),
    )


def distorted(images: frame.Pixels, drawn: Tensor | None, config: AugmentConfig) -> frame.Pixels:
    """Return images, shape (N, H, W) or (N, H, W, 3), as training distorts them: `drawn` are N rows of
    `batches.distortions`, None leaves them as they are."""
    if drawn is None:
        return images
    pixels = torch.tensor(images, dtype=torch.float32)
    pixels = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    moved = batches.distort(pixels, drawn, config)
    return frame.pixels(moved.round().clamp(0, 255).to(torch.uint8))


def picture(subject: DataSubject) -> Figure:
    """Return the picture of a data set under the augmentation of the subject; errors as in `settings`."""
    return draw(rows(subject.images, settings(subject.overrides), subject.seed))


def draw(augmented: Augmented) -> Figure:
    """Draw a row of unchanged digits, and below it one row per draw."""
    names = ["original", *(f"draw {number}" for number in range(1, len(augmented.images)))]
    remarks = ["the first ten training images", f"seed {augmented.seed}", reading(augmented.config)]
    return frame.labelled_figure(
        augmented.images, augmented.labels, names, f"Digits {in_words(augmented.config)}", remarks
    )


def in_words(config: AugmentConfig) -> str:
    """Return the strengths of a distortion: `turned ±12°, zoomed ±8% and shifted ±2 px`."""
    axes = " (each axis apart)" if config.zoom_per_axis else ""
    words = [
        (setting_of(f"{SECTION}.{name}").distortion or "").format(
            value=f"{strength:.2g}", percent=f"{100 * strength:.2g}", axes=axes, **asdict(config)
        )
        for name, strength in config.strengths.items()
        if strength
    ]
    return joined(words) or "not distorted"


def reading(config: AugmentConfig) -> str:
    """Return how pixels are resampled: `bilinear interpolation, background outside`; empty if they are not."""
    if not all_settings()[f"{SECTION}.interpolation"].counts_in(TrainConfig(augment=config)):
        return ""
    return f"{config.interpolation} interpolation, {_outside(config.fill)}"


def _outside(fill: Fill) -> str:
    match fill:
        case "background":
            return "background outside"
        case "edge":
            return "the edge repeated outside"
        case _:
            assert_never(fill)
