"""What the pictures of a data set are like: digits as MNIST's are, drawings on black, or neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.preparation import prepare

SAMPLE = 200
"""Pictures that are looked at, of each class as many."""
MIN_SHARE = 0.9
"""So many of them have to be alike, and half of each class."""
STEPS = 2
"""Of MNIST's own pictures none comes out otherwise by more than 1: the strongest ink of some is 254, not 255."""


def sample(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the places of pictures that stand for all: the first of each class, whatever the order of the classes.

    >>> sample(np.repeat([0, 1], [300, 50])).shape
    (150,)
    """
    classes = np.unique(labels)
    each = -(-SAMPLE // max(1, len(classes)))
    places = [np.flatnonzero(labels == label)[:each] for label in classes]
    return np.sort(np.concatenate([np.empty(0, np.intp), *places]))


def is_ready(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are cropped and centred as MNIST's are: so that `prepare` leaves them as they are.

    Args:
        pictures: each of shape (C, H, W), 0 to 255; a `sample`.
        labels: of the pictures.
    """
    return _most((picture.shape == MNIST.shape and _comes_out_as_it_is(picture[0]) for picture in pictures), labels)


def draws_on_black(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are grey, and black at their borders: so that one can draw such as these.

    Args:
        pictures: as in `is_ready`.
        labels: as there.
    """
    return _most((len(picture) == 1 and _border_is_black(picture[0]) for picture in pictures), labels)


def _most(found: Iterable[bool], labels: Iterable[int]) -> bool:
    by_class: dict[int, list[bool]] = defaultdict(list)
    for is_so, label in zip(found, labels, strict=True):
        by_class[label].append(is_so)
    everything = [is_so for one in by_class.values() for is_so in one]
    # Of a class with a single picture, or three, one may be odd.
    halves = all(2 * sum(one) >= len(one) - 1 for one in by_class.values())
    return halves and sum(everything) >= MIN_SHARE * len(everything) > 0


def _comes_out_as_it_is(grey: NDArray[Any]) -> bool:
    try:
        return bool(np.abs(prepare(grey) - grey).max() <= STEPS)
    except ValueError:  # an empty picture
        return False


def _border_is_black(grey: NDArray[Any]) -> bool:
    return bool(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])) == 0)
