"""What the pictures of a data set are like: digits as MNIST's are, drawings on black, or neither."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.preparation import prepare

SAMPLE = 200
"""Pictures that are looked at."""
MIN_SHARE = 0.9
"""So many of them have to be alike."""
STEPS = 2
"""Of MNIST's own pictures none comes out otherwise by more than 1: the strongest ink of some is 254, not 255."""


def is_ready(pictures: Iterable[NDArray[Any]]) -> bool:
    """Return whether pictures are cropped and centred as MNIST's are: so that `prepare` leaves them as they are.

    Args:
        pictures: each of shape (C, H, W), 0 to 255; the first 200 are looked at.
    """
    return _most(picture.shape == MNIST.shape and _comes_out_as_it_is(picture[0]) for picture in pictures)


def draws_on_black(pictures: Iterable[NDArray[Any]]) -> bool:
    """Return whether pictures are grey, and black at their borders: so that one can draw such as these.

    Args:
        pictures: as in `is_ready`.
    """
    return _most(len(picture) == 1 and _border_is_black(picture[0]) for picture in pictures)


def _most(found: Iterable[bool]) -> bool:
    first = list(islice(found, SAMPLE))
    return sum(first) >= MIN_SHARE * len(first) > 0


def _comes_out_as_it_is(grey: NDArray[Any]) -> bool:
    try:
        return bool(np.abs(prepare(grey) - grey).max() <= STEPS)
    except ValueError:  # an empty picture
        return False


def _border_is_black(grey: NDArray[Any]) -> bool:
    return bool(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])) == 0)
