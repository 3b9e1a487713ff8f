from __future__ import annotations

import numpy as np

from mnist_bench.plots import image_grid


def test_pictures_stand_between_gaps() -> None:
    images = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.uint8)
    f = image_grid.FRAME
    assert image_grid.assemble(images).tolist() == [
        [f] * 10,
        [f] * 10,
        [f, f, 1, 2, f, f, 5, 6, f, f],
        [f, f, 3, 4, f, f, 7, 8, f, f],
        [f] * 10,
        [f] * 10,
    ]


def test_pictures_in_colour_stand_on_white() -> None:
    joined = image_grid.assemble(np.zeros((2, 1, 3, 3, 3), np.uint8))
    assert joined.shape == (12, 7, 3)
    assert (joined == 0).sum() == 2 * 3 * 3 * 3
    assert joined[0, 0].tolist() == [255, 255, 255]
