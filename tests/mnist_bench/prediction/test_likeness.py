"""What the pictures of a data set are like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_bench.data.tensors import Dataset
from mnist_bench.prediction.likeness import draws_on_black, is_ready


def pictures(data: Dataset) -> NDArray[np.float32]:
    return data.pixels(data.validation).numpy()


def test_mnists_digits_are_ready(digits: Dataset) -> None:
    assert is_ready(pictures(digits))
    assert draws_on_black(pictures(digits))


def test_digits_that_stand_elsewhere_are_not_and_can_be_drawn(digits: Dataset) -> None:
    moved = np.roll(pictures(digits), 3, axis=2)
    assert not is_ready(moved)
    assert draws_on_black(moved)


def test_neither_are_pictures_of_another_form_or_on_white(digits: Dataset) -> None:
    for others in (255 - pictures(digits), pictures(digits).repeat(3, axis=1)):
        assert not is_ready(others)
        assert not draws_on_black(others)
    assert not is_ready(pictures(digits)[:, :, 4:-4, 4:-4])
    assert not draws_on_black([])


def test_a_few_that_are_otherwise_do_not_matter(digits: Dataset) -> None:
    mixed = pictures(digits)[:100].copy()
    mixed[:9] = 0
    assert is_ready(mixed)
    mixed[:12] = 0
    assert not is_ready(mixed)
