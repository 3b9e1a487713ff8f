"""The kind of a data set's pictures: digits like MNIST's, drawings on black, or neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.preparation import prepare

SAMPLE = 200
"""Number of pictures that are examined, equally many of each class."""
MIN_SHARE = 0.9
"""Minimum share that must match, and half of every class."""
STEPS = 2
"""Largest allowed difference; MNIST's own pictures change by at most 1, because the strongest ink of some is 254."""


def sample(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices of a representative sample: the first pictures of each class, in any order of the classes.

    It has about `SAMPLE` pictures, and at least one of each class.

    >>> sample(np.repeat([0, 1], [300, 50])).shape
    (150,)
    """
    classes = np.unique(labels)
    each = -(-SAMPLE // max(1, len(classes)))
    places = [np.flatnonzero(labels == label)[:each] for label in classes]
    return np.sort(np.concatenate([np.empty(0, np.intp), *places]))


def is_ready(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are cropped and centred like MNIST's, so that `prepare` does not change them.

    Args:
        pictures: each of shape (C, H, W), 0 to 255; a `sample`.
        labels: the labels of the pictures.
    """
    return _most((picture.shape == MNIST.shape and _comes_out_as_it_is(picture[0]) for picture in pictures), labels)


def draws_on_black(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are grey, and black at their borders, so that similar ones can be drawn.

    Args:
        pictures: as in `is_ready`.
        labels: as in `is_ready`.
    """
    return _most((len(picture) == 1 and _border_is_black(picture[0]) for picture in pictures), labels)


def _most(found: Iterable[bool], labels: Iterable[int]) -> bool:
    by_class: dict[int, list[bool]] = defaultdict(list)
    for is_so, label in zip(found, labels, strict=True):
        by_class[label].append(is_so)
    everything = [is_so for one in by_class.values() for is_so in one]
    # In a class with one picture, or three, one may differ.
    halves = all(2 * sum(one) >= len(one) - 1 for one in by_class.values())
    return halves and sum(everything) >= MIN_SHARE * len(everything) > 0


def _comes_out_as_it_is(grey: NDArray[Any]) -> bool:
    try:
        return bool(np.abs(prepare(grey) - grey).max() <= STEPS)
    except ValueError:  # an empty picture
        return False


def _border_is_black(grey: NDArray[Any]) -> bool:
    return bool(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])) == 0)
