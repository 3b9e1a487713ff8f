"""Photos of digits under uneven light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnist_bench.prediction.light import lit_evenly, local_ink, main_parts
from mnist_bench.prediction.preparation import prepare


def seven(light: NDArray[np.float64] | float, *, dark: bool = True) -> NDArray[np.float64]:
    """Return a photo of a seven, of shape (240, 200), under a light of 0 to 1 at each pixel."""
    image = Image.new("L", (200, 240))
    ImageDraw.Draw(image).line([(60, 60), (140, 60), (90, 190)], fill=255, width=14, joint="curve")
    ink = np.asarray(image, np.float64) / 255
    return (240 - 180 * ink if dark else 40 + 180 * ink) * light


DOWN, RIGHT = np.mgrid[0:240, 0:200]
LIGHTS = {
    "gradient": 1 - 0.6 * RIGHT / 200,
    "sharp": np.where(RIGHT + 0.2 * DOWN < 124, 1.0, 0.5),
    "soft": 1 - 0.5 / (1 + np.exp(-(RIGHT + 0.2 * DOWN - 124) / 6)),
    "vignette": 1 - 0.25 * (((RIGHT - 100) / 100) ** 2 + ((DOWN - 120) / 120) ** 2),
}


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("light", LIGHTS)
def test_a_digit_is_read_across_a_shadow(light: str, dark: bool) -> None:
    expected = prepare(seven(1.0, dark=dark))
    found = prepare(lit_evenly(seven(LIGHTS[light], dark=dark)))
    there, here = inked(expected), inked(found)
    assert np.abs(np.subtract(there.shape, here.shape)).max() <= 2
    height, width = np.minimum(there.shape, here.shape)
    there, here = there[:height, :width], here[:height, :width]
    assert (there & here).sum() > 0.6 * (there | here).sum()


def inked(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where there is ink, cropped: in the shade it is fainter, so the centre of mass is elsewhere."""
    ink = picture > 40
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_even_light_and_small_pictures_change_nothing() -> None:
    noisy = seven(1.0) + np.random.default_rng(0).normal(0, 4, (240, 200))
    small = np.tile(np.linspace(0, 255, 28), (28, 1))
    for grey in (seven(1.0), noisy, small):
        assert lit_evenly(grey) is grey


def test_a_digit_that_touches_the_border_changes_nothing() -> None:
    tight = seven(1.0)[52:198, 52:148]
    assert lit_evenly(tight) is tight


@pytest.mark.parametrize(
    "grey", [np.zeros(40), np.zeros((0, 40)), np.zeros((1, 40)), np.full((40, 40), np.nan), np.zeros((40, 40, 3))]
)
def test_what_is_no_picture_is_left_to_the_preparation(grey: NDArray[Any]) -> None:
    assert lit_evenly(grey) is grey


def test_a_shadow_without_a_digit_is_empty() -> None:
    paper = 240 * LIGHTS["gradient"]
    assert not local_ink(paper).any()
    assert lit_evenly(paper) is paper


def test_parts_at_the_border_are_left_out_if_others_can_be_the_digit() -> None:
    ink = np.zeros((20, 20))
    ink[0:6, 0:6], ink[8:16, 9:11], ink[18, 12] = 100, 100, 100
    assert np.argwhere(main_parts(ink)).min(0).tolist() == [8, 9]
    ink[8:16, 9:11] = 0
    assert (main_parts(ink)[0:6, 0:6] == 100).all()
