"""Load a training set as arrays: the packaged MNIST, a folder in MNIST's format, or one of its relatives by name.

This module does not import torch, except for a relative, which torchvision fetches. A process that needs only hashes
starts fast.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import guard, idx
from mnist_bench.data.choice import SHA256, TRAIN_FILES, Data, DataOptions, of_files
from mnist_bench.data.idx import MAX_BYTES, Bytes, Labels
from mnist_bench.data.split import Split, make_split
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MAX_CLASSES, MAX_SIDE, MIN_CLASSES, MIN_SIDE, PictureForm, parse
from search import canonical_json
from search.messages import lacks, show

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
    """Return the description of the IDX files in a folder; None if this program did not make them.

    Your own folder may hold any file of that name.
    """
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
    """Load the training files that `options` select, without touching the test files.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    images = load_images(options, TRAIN_FILES, train=True)
    split = make_split(images.labels, subset=options.subset, classes=options.form.classes, seed=options.split_seed)
    return TrainingSet(
        options=options, images=images, split=split, data_hash=canonical_json.sha256(images.digests),
        names=_names(options),
    )  # fmt: skip


def images_in(options: DataOptions) -> int:
    """Return how many training images a data set has, whatever its subset, without reading them.

    Raises:
        DataError: its labels are missing, or damaged.
    """
    if not of_files(options.dataset):
        return RELATIVES
    return idx.shape(idx.find(Path(options.data_dir or PACKAGED), TRAIN_FILES[1]))[0]


def idx_files(data: TrainingSet) -> dict[str, bytes]:
    """Return the contents of the training files by name; from them, `load_training_set` loads the same data set."""
    return dict(zip(TRAIN_FILES, map(idx.pack, (data.images.images, data.images.labels)), strict=True))


def load_images(options: DataOptions, names: tuple[str, str], *, train: bool) -> Images:
    """Load the two files called `names`, images and labels; of a relative, the part that `train` selects.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    if not of_files(options.dataset):
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
    """Return `loaded` if it is of that form; the two names are used in the error message.

    Raises:
        DataError: the images have another shape, there are not as many labels as images, or a label is too high.
    """
    if loaded.images.dtype != np.uint8 or loaded.images.shape[1:] != form.array_shape:
        expected = ", ".join(map(str, ("N", *form.array_shape)))
        raise DataError(f"{images_name}: has shape {loaded.images.shape}, not ({expected})")
    if loaded.labels.ndim != 1:
        raise DataError(f"{labels_name}: has shape {loaded.labels.shape}, not (N,)")
    if len(loaded.images) != len(loaded.labels):
        numbers = f"{len(loaded.labels):,} labels for the {len(loaded.images):,} images"
        raise DataError(f"{labels_name}: {numbers} of {images_name}")
    if np.max(loaded.labels, initial=0) >= form.classes or np.min(loaded.labels, initial=0) < 0:
        wrong = np.min(loaded.labels) if np.min(loaded.labels) < 0 else np.max(loaded.labels)
        raise DataError(f"{labels_name}: label {wrong} is not between 0 and {form.classes - 1}")
    return loaded


def _names(options: DataOptions) -> tuple[str, ...]:
    """Return the names of the classes, if the folder's files were made from a source that has names."""
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


RELATIVES = 60_000
"""Training images of each relative."""


def _download(name: DatasetName, *, train: bool) -> tuple[Bytes, Bytes]:
    """Return the images, shape (N, 28, 28), and labels, shape (N,), of `name`; the first call downloads them.

    torchvision downloads training and test files together, so test files may be opened meanwhile. Only the part that
    `train` selects is returned.

    Raises:
        DataError: torchvision is not installed, or the files cannot be fetched.
    """
    try:
        from torchvision import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(f"{lacks(f'the download of {name}', 'torchvision', 'datasets')}, or give its folder") from error
    try:
        with guard.passage():
            loaded = getattr(datasets, _class_name(name))(str(cache_folder()), train=train, download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} cannot be downloaded ({error}); without a network connection, give its folder instead"
        ) from error
    labels = loaded.targets.numpy()
    # The targets of QMNIST have eight columns; the first is the class.
    return loaded.data.numpy(), labels.reshape(len(labels), -1)[:, 0].astype(np.uint8)


def _class_name(name: DatasetName) -> str:
    match name:
        case "mnist" | "mnist-red":
            return "MNIST"
        case "fashion-mnist":
            return "FashionMNIST"
        case "kmnist":
            return "KMNIST"
        case "qmnist":
            return "QMNIST"
        case _:
            assert_never(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A whole data set of one form."""

    form: PictureForm
    train: Images
    test: Images
    names: tuple[str, ...] = ()  # names of the classes, if the source has them


def joined(train: Images, test: Images, where: tuple[str, str, str, str], names: tuple[str, ...] = ()) -> Parts:
    """Return both parts of a data set, whose form is that of the training part.

    `where` names for messages the places of the training pictures, the training labels, the test pictures and the
    test labels.

    Raises:
        DataError: nets cannot be trained on this form, or the test part has another.
    """
    labels, pictures = train.labels, train.images
    form = form_of_parts(pictures.shape[1:], labels, where[0], where[1])
    check(train, form, *where[:2])
    if not len(test.labels):
        raise DataError(
            f"{where[2]}: contains no image; test images, which no search sees, are needed to confirm its result"
        )
    check(test, form, *where[2:])
    kept = (Images(images=part.images, labels=_narrow(part.labels, form.classes)) for part in (train, test))
    return Parts(form=form, train=next(kept), test=next(kept), names=names)


def form_of_parts(shape: tuple[int, ...], labels: NDArray[np.integer], pictures_at: str, labels_at: str) -> PictureForm:
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


def cache_folder() -> Path:
    """Return this user's folder for it, which may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist-bench"
