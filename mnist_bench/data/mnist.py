"""Load a training set as arrays: the packaged MNIST, a folder in MNIST's format, or one of its relatives by name.

This module does not import torch, except for a relative, which torchvision fetches. A process that needs only hashes
starts fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mnist_bench.data import idx, torchvision_sets
from mnist_bench.data.choice import SHA256, TRAIN_FILES, Data, DataOptions, of_files
from mnist_bench.data.colour import in_red
from mnist_bench.data.split import Split, make_split
from mnist_bench.errors import DataError
from mnist_bench.picture_form import PictureForm, parse
from search import canonical_json

PACKAGED = Path(__file__).parent
ABOUT = "about.json"
"""Name of the file next to IDX files that this program made from other formats; see `About` and `own`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """The description of IDX files that this program made from another format."""

    form: PictureForm
    sha256: Mapping[str, str]
    """SHA-256 of each of the four files, uncompressed, by name."""
    names: tuple[str, ...]
    """Names of the classes, if their source named them."""
    sizes: Mapping[str, int]
    """Sizes of the files in bytes."""


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

    images: idx.Bytes
    """Shape (N, H, W), in colour (N, 3, H, W); 0 is background."""
    labels: idx.Labels
    """Shape (N,), from 0."""

    @property
    def digests(self) -> list[str]:
        """SHA-256 of the images' and of the labels' IDX file, uncompressed."""
        return [idx.digest(self.images), idx.digest(self.labels)]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSet:
    """A training set with its validation split."""

    options: DataOptions
    """The options with which a worker loads the same set."""
    images: Images
    split: Split
    data_hash: str
    """SHA-256 over the digests of both training files."""
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
        return torchvision_sets.IMAGES
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
        pictures, labels = torchvision_sets.download(options.dataset, train=train)
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
