"""Load a training set as arrays, the packaged MNIST, a folder in MNIST's format or one of its relatives, and split it.

This module does not import torch, except for a relative, which torchvision fetches. A process that needs only hashes
starts fast.

The validation split is fixed and stratified: the same images for every trial, on every machine. Whether an image
validates depends only on the SHA-256 of its index and of the seed of the split. A library's random generator is not
used, because its numbers may change between versions.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import idx
from mnist_bench.data.choice import NAMED, SHA256, TRAIN_FILES, Data, DataOptions
from mnist_bench.data.idx import Bytes
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm, parse
from search import canonical_json
from search.messages import lacks

PACKAGED = Path(__file__).parent
ABOUT = "about.json"
"""Name of the file next to IDX files that this program made from other formats; see `About` and `own`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """The description of IDX files that this program made from another format."""

    form: PictureForm
    sha256: Mapping[str, str]  # SHA-256 of each of the four files, uncompressed, by name
    names: tuple[str, ...]  # names of the classes, if their source named them
    sizes: Mapping[str, int]  # sizes of the files in bytes


def about(folder: Path) -> About | None:
    """Return the description of the IDX files in a folder; None if this program did not make them."""
    try:
        values = json.loads((folder / ABOUT).read_bytes())
        hashes = {name: str(values["sha256"][name]) for name in SHA256}
        sizes = {name: int(values["sizes"][name]) for name in SHA256}
        names = tuple(map(str, values.get("classes", ())))
        return About(form=parse(values["form"]), sha256=hashes, names=names, sizes=sizes)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Labelled pictures."""

    images: idx.Bytes  # shape (N, H, W), in colour (N, 3, H, W); 0 is background
    labels: idx.Labels  # shape (N,), from 0

    @property
    def digests(self) -> list[str]:
        """SHA-256 of the images' and of the labels' IDX file, uncompressed."""
        return [idx.digest(self.images), idx.digest(self.labels)]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSet:
    """A training set with its validation split."""

    options: DataOptions  # the options with which a worker loads the same set
    images: Images
    split: Split
    data_hash: str  # SHA-256 over the digests of both training files
    names: tuple[str, ...] = ()
    """Names of the classes, if their source has them. No hash depends on them, because no training does."""

    @property
    def data(self) -> Data:
        """What a study records of it."""
        return Data(**self.options.choice, data_hash=self.data_hash, split_hash=self.split.digest)


def load_training_set(options: DataOptions) -> TrainingSet:
    """Load the training files that `options` select, without touching the test files."""
    images = load_images(options, TRAIN_FILES, train=True)
    split = make_split(images.labels, subset=options.subset, classes=options.form.classes, seed=options.split_seed)
    return TrainingSet(
        options=options, images=images, split=split, data_hash=canonical_json.sha256(images.digests),
        names=_names(options),
    )  # fmt: skip


def images_in(options: DataOptions) -> int:
    """Return how many training images a data set has, whatever its subset, without reading them."""
    if not options.is_of_files:
        return RELATIVES
    return idx.shape(idx.find(Path(options.data_dir or PACKAGED), TRAIN_FILES[1]))[0]


def idx_files(data: TrainingSet) -> dict[str, bytes]:
    """Return the contents of the training files by name; from them, `load_training_set` loads the same data set."""
    images, labels = TRAIN_FILES
    return {images: idx.pack(data.images.images), labels: idx.pack(data.images.labels)}


def load_images(options: DataOptions, names: tuple[str, str], *, train: bool) -> Images:
    """Load the two files called `names`, images and labels; of a relative, the part that `train` selects."""
    if not options.is_of_files:
        pictures, labels = _download(options.dataset, train=train)
        return check(Images(images=pictures, labels=labels), options.form, options.dataset, options.dataset)
    folder = Path(options.data_dir or PACKAGED)
    paths = [idx.find(folder, name) for name in names]
    is_red = options.dataset == "mnist-red"
    form = replace(options.form, channels=1) if is_red else options.form
    loaded = check(Images(images=idx.read(paths[0]), labels=idx.read(paths[1])), form, *map(str, paths))
    if options.data_dir is None:
        _check_pinned(loaded, SHA256, paths, "install the package afresh")
    elif made := about(folder):
        _check_pinned(loaded, made.sha256, paths, f"delete {folder}, and the next command makes it again")
    return replace(loaded, images=in_red(loaded.images)) if is_red else loaded


def check(loaded: Images, form: PictureForm, images_name: str, labels_name: str) -> Images:
    """Return `loaded` if it is of that form; the two names are used in the error message."""
    if loaded.images.dtype != np.uint8 or loaded.images.shape[1:] != form.array_shape:
        expected = ", ".join(map(str, ("N", *form.array_shape)))
        raise DataError(f"{images_name}: has shape {loaded.images.shape}, not ({expected})")
    if loaded.labels.ndim != 1:
        raise DataError(f"{labels_name}: has shape {loaded.labels.shape}, not (N,)")
    if len(loaded.images) != len(loaded.labels):
        numbers = f"{len(loaded.labels):,} labels for the {len(loaded.images):,} images"
        raise DataError(f"{labels_name}: {numbers} of {images_name}")
    wrong = loaded.labels[(loaded.labels < 0) | (loaded.labels >= form.classes)]
    if len(wrong):
        raise DataError(f"{labels_name}: label {wrong[0]} is not between 0 and {form.classes - 1}")
    return loaded


def _names(options: DataOptions) -> tuple[str, ...]:
    made = about(Path(options.data_dir or PACKAGED))
    return made.names if made and len(made.names) == options.form.classes else ()


def _check_pinned(loaded: Images, pinned: Mapping[str, str], paths: Sequence[Path], remedy: str) -> None:
    for path, digest in zip(paths, loaded.digests, strict=True):
        expected = pinned[path.name.removesuffix(".gz")]
        if digest != expected:
            raise DataError(f"{path}: its content has SHA-256 {digest}, not {expected}; {remedy}")


def in_red(pictures: NDArray[Any]) -> NDArray[Any]:
    """Return pictures in red, green and blue, shape (..., 3, H, W): red holds the grey pictures, (..., H, W)."""
    dark = np.zeros_like(pictures)
    return np.stack([pictures, dark, dark], axis=-3)


RELATIVES = 60_000  # training images of each relative


def _download(name: DatasetName, *, train: bool) -> tuple[Bytes, Bytes]:
    """Return the images, shape (N, 28, 28), and labels, shape (N,), of `name`; the first call downloads them.

    torchvision downloads training and test files together, so test files may be opened meanwhile. Only the part that
    `train` selects is returned.
    """
    try:
        from torchvision import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(f"{lacks(f'the download of {name}', 'torchvision', 'datasets')}, or give its folder") from error
    try:
        with idx.passage():
            loaded = getattr(datasets, NAMED[name].download)(str(cache_folder()), train=train, download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} cannot be downloaded ({error}); without a network connection, give its folder instead"
        ) from error
    labels = loaded.targets.numpy()
    # The targets of QMNIST have eight columns; the first is the class.
    return loaded.data.numpy(), labels.reshape(len(labels), -1)[:, 0].astype(np.uint8)


def cache_folder() -> Path:
    """Return this user's folder for it, which may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist-bench"


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
    """Split images by their labels (N,), from 0: all, or the first `subset` in the order of their hashes by the seed.

    Each class contributes to validation in proportion to its size, rounded by the largest-remainder method.
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
    # In integers: with floats, rounding would decide between equal remainders.
    images = sum(counts)
    shares = [count * total // images for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda label: (-(counts[label] * total % images), label))
    for label in by_remainder[: total - sum(shares)]:
        shares[label] += 1
    return shares
