"""What the pictures of a data set are like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_bench.data.tensors import Dataset
from mnist_bench.prediction.picture_kind import draws_on_black, is_ready, sample


def pictures(data: Dataset) -> NDArray[np.float32]:
    return data.pixels(data.validation[:100]).numpy()


def labels(data: Dataset) -> list[int]:
    found: list[int] = data.labels[data.validation[:100]].tolist()
    return found


def test_mnists_digits_are_ready(digits: Dataset) -> None:
    assert is_ready(pictures(digits), labels(digits))
    assert draws_on_black(pictures(digits), labels(digits))


def test_digits_that_stand_elsewhere_are_not_and_can_be_drawn(digits: Dataset) -> None:
    moved = np.roll(pictures(digits), 3, axis=2)
    assert not is_ready(moved, labels(digits))
    assert draws_on_black(moved, labels(digits))


def test_neither_are_pictures_of_another_form_or_on_white(digits: Dataset) -> None:
    for others in (255 - pictures(digits), pictures(digits).repeat(3, axis=1)):
        assert not is_ready(others, labels(digits))
        assert not draws_on_black(others, labels(digits))
    assert not is_ready(pictures(digits)[:, :, 4:-4, 4:-4], labels(digits))
    assert not draws_on_black([], [])


def test_a_few_that_are_otherwise_do_not_matter(digits: Dataset) -> None:
    mixed = pictures(digits).copy()
    mixed[:9] = 0
    assert is_ready(mixed, labels(digits))
    mixed[:12] = 0
    assert not is_ready(mixed, labels(digits))


def test_a_class_that_is_otherwise_matters_however_many_the_others_are(digits: Dataset) -> None:
    mixed = pictures(digits).copy()
    mixed[91:] = 255 - mixed[91:]
    assert is_ready(mixed, labels(digits))
    of_two = [0] * 91 + [1] * 9
    assert not is_ready(mixed, of_two)
    assert not draws_on_black(mixed, of_two)


def test_a_sample_has_all_classes_whatever_their_order() -> None:
    in_order = np.repeat([3, 5, 8], [1000, 400, 20])
    assert np.bincount(in_order[sample(in_order)]).tolist() == [0, 0, 0, 67, 0, 67, 0, 0, 20]
    assert len(sample(np.arange(1000))) == 1000
    assert sample(np.array([], int)).tolist() == []
