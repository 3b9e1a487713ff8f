"""The fixed, stratified validation split: the same images for every trial, wherever it runs.

An image's place depends on the SHA-256 of its index and the split's seed alone, so it survives any order of loading.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import DataError
from search import canonical_json

CLASSES = 10
SPLIT_SEED = 0

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Which images train and which validate."""

    train: Indices
    """Rising indices of the training images."""
    validation: Indices
    """Rising indices of the validation images; disjoint from `train`."""

    @property
    def digest(self) -> str:
        """SHA-256 over both lists of indices."""
        return canonical_json.sha256([self.train.tolist(), self.validation.tolist()])


def make_split(labels: NDArray[np.integer], *, subset: int | None = None, seed: int = SPLIT_SEED) -> Split:
    """Split `labels` (N,), or `subset` of them, into training and validation indices.

    Each class gives validation its fair share, rounded by largest remainders. With `subset`, only the first so many
    images in the order of their hashes take part.

    Raises:
        DataError: the subset is larger than the set, or too small to hold a validation image.
    """
    order = _hash_order(len(labels), seed)[:subset]
    if subset is not None and not CLASSES <= subset <= len(labels):
        raise DataError(f"a subset of {subset:,} images is not between {CLASSES} and the {len(labels):,} at hand")
    if len(order) < CLASSES:
        raise DataError(f"{len(order)} images are too few to split; {CLASSES} are the least")
    members = [order[labels[order] == label] for label in range(CLASSES)]
    shares = _fair_shares([len(member) for member in members], validation_size(len(order)))
    chosen = [member[:share] for member, share in zip(members, shares, strict=True)]
    validation = np.sort(np.concatenate(chosen))
    return Split(train=np.setdiff1d(order, validation), validation=validation)


def validation_size(images: int) -> int:
    """Return how many of `images` validate: a sixth, to the nearest thousand where there are 6,000 or more."""
    return round(images / 6000) * 1000 if images >= 6000 else images // 6


def _hash_order(images: int, seed: int) -> Indices:
    keys = [hashlib.sha256(f"{seed}:{index}".encode()).digest()[:8] for index in range(images)]
    return np.argsort(np.frombuffer(b"".join(keys), ">u8"), kind="stable").astype(np.int64)


def _fair_shares(counts: list[int], total: int) -> list[int]:
    """Apportion `total` in proportion to `counts`: whole parts first, then the largest remainders."""
    whole = sum(counts)
    shares = [count * total // whole for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda label: (-(counts[label] * total % whole), label))
    for label in by_remainder[: total - sum(shares)]:
        shares[label] += 1
    return shares
