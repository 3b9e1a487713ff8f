from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import Images, load_training_set
from mnist_bench.plots import digits
from mnist_bench.plots.subject import DataSubject


@pytest.fixture(scope="module")
def mnist() -> Images:
    return load_training_set(DataOptions()).images


def by_hand() -> Images:
    """Return 20 images a quarter of whose pixels are 200, the rest 0."""
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, :14, :14] = 200
    return Images(images=images, labels=np.arange(20, dtype=np.uint8) % 10)


def test_mean_and_standard_deviation() -> None:
    rows = digits.rows(by_hand())
    assert rows.mean == pytest.approx(50)
    assert rows.std == pytest.approx((0.25 * 150**2 + 0.75 * 50**2) ** 0.5)
    assert rows.background == 0.75
    assert (rows.shape, rows.with_channel) == ((20, 28, 28), (20, 1, 28, 28))
    assert (rows.images.shape, rows.labels.tolist()) == ((10, 28, 28), list(range(10)))


def test_what_is_printed_is_what_the_notebook_prints(mnist: Images) -> None:
    lines = digits.lines(DataSubject(images=mnist))
    assert lines[:4] == [
        "(60000, 28, 28)",
        "(60000, 1, 28, 28)",
        "mean 33.3184, standard deviation 78.5675 of all pixels (0 to 255)",
        "[5 0 4 1 9 2 1 3 1 4]",
    ]
    assert lines[4] == "[[0. 0. 0. 0. 0. 1. 0. 0. 0. 0.]"
    assert lines[13] == " [0. 0. 0. 0. 1. 0. 0. 0. 0. 0.]]"
    assert len(lines) == 14


def test_the_picture_shows_ten_digits_with_labels_and_the_labels_one_hot(mnist: Images) -> None:
    figure = digits.draw(digits.rows(mnist))
    row, enlarged, _, one_hot = figure.axes
    assert [label.get_text() for label in row.get_xticklabels()] == list("5041921314")
    assert np.array_equal(np.asarray(enlarged.images[0].get_array()), mnist.images[0])
    assert [text.get_position() for text in one_hot.texts][:2] == [(5, 0), (0, 1)]
    assert "60,000 images of 28 × 28 pixels; 81% of the pixels" in figure.get_suptitle()
