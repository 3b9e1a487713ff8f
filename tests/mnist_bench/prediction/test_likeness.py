"""How unlike the training images a picture is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mnist_bench.prediction.likeness import distances, parts_minus_holes, thumbnails
from mnist_bench.prediction.preparation import prepare
from support.dose import dose
from support.no_digits import smiley


def counted(ink: NDArray[np.bool_], *, corners: bool) -> int:
    """Return the number of connected parts, found by filling one after the other."""
    left, found = {(int(y), int(x)) for y, x in np.argwhere(ink)}, 0
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if corners or 0 in (y, x)]
    while left:
        reached, found = [left.pop()], found + 1
        while reached:
            y, x = reached.pop()
            near = {(y + down, x + right) for down, right in steps} & left
            left -= near
            reached += near
    return found


@settings(max_examples=dose(200))
@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_parts_minus_holes_are_those_that_filling_finds(ink: NDArray[np.bool_]) -> None:
    holes = counted(np.pad(~ink, 1, constant_values=True), corners=False) - 1
    (found,) = parts_minus_holes(ink[None, None] * 255.0)
    assert found == counted(ink, corners=True) - holes


def test_a_face_has_three_more_parts_than_holes() -> None:
    face = prepare(smiley())
    ring = face.copy()
    ring[8:20, 8:20] = 0
    assert parts_minus_holes(np.stack([face, ring])[:, None]).tolist() == [3, 0]


@pytest.mark.parametrize(("shape", "pixels"), [((1, 28, 28), 196), ((3, 16, 9), 14 * 9), ((1, 4, 40), 4 * 14)])
def test_thumbnails_are_means_of_the_strongest_channel(shape: tuple[int, int, int], pixels: int) -> None:
    made = np.zeros((2, *shape))
    made[1, -1] = 255
    assert thumbnails(made).shape == (2, pixels)
    assert thumbnails(made)[1] == pytest.approx(15)


def test_the_nearest_reference_counts() -> None:
    draw = np.random.default_rng(0)
    references, points = draw.random((30, 5)), draw.random((1100, 5))
    points[7] = references[3]
    found = distances(points, references)
    by_hand = np.linalg.norm(points[:, None] - references[None], axis=2).min(1)
    assert found == pytest.approx(by_hand, abs=1e-6)
