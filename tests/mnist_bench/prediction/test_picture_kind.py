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


def test_digits_like_mnists_are_ready_and_others_on_black_can_be_drawn(digits: Dataset) -> None:
    seen = pictures(digits)
    for found, ready, drawn in (
        (seen, True, True),
        (np.roll(seen, 3, axis=2), False, True),
        (255 - seen, False, False),
        (seen.repeat(3, axis=1), False, False),
        (seen[:, :, 4:-4, 4:-4], False, False),
    ):
        assert is_ready(found, labels(digits)) is ready
        if found.shape[2] == 28:
            assert draws_on_black(found, labels(digits)) is drawn
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
