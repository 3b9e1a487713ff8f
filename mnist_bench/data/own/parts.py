"""The two parts of a data set, as any reader returns them, and the checks that hold for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bench.data.idx import MAX_BYTES, Labels
from mnist_bench.data.mnist import Images, check
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MAX_CLASSES, MAX_SIDE, MIN_CLASSES, MIN_SIDE, PictureForm
from search.messages import show


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A whole data set of one form."""

    form: PictureForm
    train: Images
    test: Images
    names: tuple[str, ...] = ()
    """Names of the classes, if the source has them."""


def joined(train: Images, test: Images, where: tuple[str, str, str, str], names: tuple[str, ...] = ()) -> Parts:
    """Return both parts of a data set, whose form is that of the training part.

    `where` names for messages the places of the training pictures, the training labels, the test pictures and the
    test labels.

    Raises:
        DataError: nets cannot be trained on this form, or the test part has another.
    """
    labels, pictures = train.labels, train.images
    form = form_of(pictures.shape[1:], labels, where[0], where[1])
    check(train, form, *where[:2])
    if not len(test.labels):
        raise DataError(
            f"{where[2]}: contains no image; test images, which no search sees, are needed to confirm its result"
        )
    check(test, form, *where[2:])
    kept = (Images(images=part.images, labels=_narrow(part.labels, form.classes)) for part in (train, test))
    return Parts(form=form, train=next(kept), test=next(kept), names=names)


def form_of(shape: tuple[int, ...], labels: NDArray[np.integer], pictures_at: str, labels_at: str) -> PictureForm:
    """Return the form of training pictures, each of a `shape` as in `PictureForm.array_shape`.

    Raises:
        DataError: a side is too short or too long, there are too few or too many classes, or one has no picture.
    """
    *channels, height, width = shape
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise DataError(
            f"{pictures_at}: images have {height}x{width} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}"
        )
    if not len(labels):
        raise DataError(f"{labels_at}: contains no label")
    low, classes = int(labels.min()), int(labels.max()) + 1
    if low < 0 or not MIN_CLASSES <= classes <= MAX_CLASSES:
        raise DataError(
            f"{labels_at}: its labels range from {low} to {classes - 1}; the labels of K "
            f"classes, {MIN_CLASSES} to {MAX_CLASSES}, must be 0 to K-1"
        )
    counts = np.bincount(labels, minlength=classes)
    if not counts.all():
        lacking = int(np.flatnonzero(counts == 0)[0])
        raise DataError(
            f"{labels_at}: no training image has label {lacking}, though labels go up to {classes - 1}; number the "
            "classes from 0 without gaps"
        )
    return PictureForm(channels=3 if channels else 1, height=height, width=width, classes=classes)


def check_size(values: int, where: str) -> None:
    """Check that a part does not have too many pixels to be read.

    Raises:
        DataError: it has more than any part may have.
    """
    if values > MAX_BYTES:
        raise DataError(f"{where}: {show(f'{values:,}')} pixels; at most {MAX_BYTES:,} are read")


def _narrow(labels: NDArray[np.integer], classes: int) -> Labels:
    return labels.astype(np.uint8 if classes <= 256 else np.int16)
