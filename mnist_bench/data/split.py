"""The fixed, stratified validation split: the same images for every trial, on every machine.

Whether an image validates depends only on the SHA-256 of its index and of the seed of the split. A library's random
generator is not used, because its numbers may change between versions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST
from search import canonical_json

CLASSES = MNIST.classes

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)  # with slots, nothing could be kept
class Split:
    """Which images train and which validate."""

    train: Indices  # indices of the training images, in ascending order
    validation: Indices  # indices of the validation images, in ascending order; disjoint from `train`

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both lists of indices."""
        # Kept: of MNIST's 60,000 it takes tens of milliseconds, and each run of an experiment asks for it.
        return canonical_json.sha256([self.train.tolist(), self.validation.tolist()])

    @property
    def images(self) -> int:
        """How many images both parts have, on which `train_on: all` trains."""
        return len(self.train) + len(self.validation)


def fewest(classes: int = CLASSES) -> int:
    """Return the smallest number of images that can be split."""
    return max(CLASSES, classes)


def make_split(
    labels: NDArray[np.integer], *, subset: int | None = None, classes: int = CLASSES, seed: int = 0
) -> Split:
    """Split images into a training and a validation part.

    Each class contributes to validation in proportion to its size, rounded by the largest-remainder method.

    Args:
        labels: shape (N,), the classes of the images, from 0.
        subset: number of images to use, the first in the order of their hashes; None for all.
        classes: how many there are.
        seed: decides which images validate.

    Raises:
        DataError: there are fewer images than `fewest` says, or `subset` is not between that and N.
    """
    # The order does not depend on the number of images taken, so a larger subset contains a smaller one.
    order, least = _hash_order(len(labels), seed)[:subset], fewest(classes)
    if subset is not None and not least <= subset <= len(labels):
        raise DataError(f"a subset must have {least} to {len(labels):,} of these images, not {subset:,}")
    if len(order) < least:
        raise DataError(f"{len(order)} images are too few to split; at least {least} are needed")
    validation = _stratified(order, labels, validation_size(len(order)), classes)
    return Split(train=np.setdiff1d(order, validation), validation=validation)


def validation_size(images: int) -> int:
    """Return how many of `images` validate: a sixth, from 6,000 images on rounded to thousands.

    Of MNIST's 60,000 these are 10,000, as many as the test set has.
    """
    return round(images / 6000) * 1000 if images >= 6000 else images // 6


def _hash_order(images: int, seed: int) -> Indices:
    # 8 of 32 bytes: among 60,000 images, two keys are equal with a chance of 1 in 10^10. A stable sort settles them.
    keys = [hashlib.sha256(f"{seed}:{index}".encode()).digest()[:8] for index in range(images)]
    return np.argsort(np.frombuffer(b"".join(keys), ">u8"), kind="stable").astype(np.int64)


def _stratified(order: Indices, labels: NDArray[np.integer], size: int, classes: int) -> Indices:
    """Return `size` images, of each class the first in the order of the hashes and in proportion to its size."""
    members = [order[labels[order] == label] for label in range(classes)]
    shares = _fair_shares(list(map(len, members)), size)
    return np.sort(np.concatenate([member[:share] for member, share in zip(members, shares, strict=True)]))


def _fair_shares(counts: list[int], total: int) -> list[int]:
    """Distribute `total` in proportion to `counts`: whole parts first, the rest to the largest remainders."""
    # In whole numbers: with floats, rounding would decide between equal remainders.
    images = sum(counts)
    shares = [count * total // images for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda label: (-(counts[label] * total % images), label))
    for label in by_remainder[: total - sum(shares)]:
        shares[label] += 1
    return shares
