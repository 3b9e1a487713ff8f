from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.data.mnist import Images
from mnist_bench.plots.data import colour
from mnist_bench.plots.subject import DataSubject


@pytest.fixture
def data() -> Images:
    """Return twelve images; the first three are 1, 2 and 3 everywhere."""
    images = np.arange(1, 13, dtype=np.uint8)[:, None, None].repeat(28, axis=1).repeat(28, axis=2)
    return Images(images=images, labels=np.arange(12, dtype=np.uint8) % 10)


def test_green_and_blue_are_zero(data: Images) -> None:
    red = colour.rows(data).red
    assert red.shape == (10, 3, 28, 28)
    assert np.array_equal(red[:, 0], data.images[:10])
    assert not red[:, 1:].any()


def test_the_shapes_are_the_notebooks(data: Images) -> None:
    assert colour.lines(DataSubject(images=data)) == [
        "(12, 3, 28, 28)",
        "(3, 1, 28, 28)",
        "(3, 28, 1, 28)",
        "(3, 28, 28, 1)",
        "(28, 28, 3, 1)",
        "(1, 28, 28, 3)",
    ]


def test_merging_is_the_notebooks_chain_of_rollaxis() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    x = np.rollaxis(pictures, 2, 1)
    x = np.rollaxis(x, 3, 2)
    x = np.rollaxis(x, 0, 3)
    x = np.rollaxis(x, 3, 0)
    merged, _ = colour.merge(pictures)
    assert np.array_equal(merged, x)
    assert np.array_equal(merged[0, :, :, 2], pictures[2, 0])


def test_the_picture_shows_each_channel_and_all_together(data: Images) -> None:
    figure = colour.draw(colour.rows(data))
    names = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert names == [list("0123456789"), ["red: 0"], ["green: 1"], ["blue: 2"], ["all three"]]
    green, together = (figure.axes[place].images[0].get_array() for place in (2, 4))
    assert green is not None
    assert together is not None
    assert green[15, 15].tolist() == [0, 2, 0]
    assert together[15, 15].tolist() == [1, 2, 3]
    assert "0 in red, 1 in green and 2 in blue" in figure.get_suptitle()
