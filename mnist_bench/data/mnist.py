"""Load a training set as arrays: the packaged MNIST, a folder in MNIST's format, or one of its relatives by name.

This module does not import torch, except for a relative, which torchvision fetches. A process that needs only hashes
starts fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never, get_args

import numpy as np

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import idx, torchvision_sets
from mnist_bench.data.colour import CHANNELS, in_red
from mnist_bench.data.split import Split, make_split
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm, parse
from search import canonical_json

PACKAGED = Path(__file__).parent
TRAIN_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the packaged files, uncompressed."""
IN_RED = "773eba5c758d1e01033b43c2ee5806bd84eecc18ab839ea5b636f55b7e0fa214"
"""SHA-256 of the packaged training images in three channels, as an IDX file."""
ABOUT = "about.json"
"""Name of the file next to IDX files that this program made from other formats; see `About` and `own`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataOptions:
    """Which data set to train on."""

    dataset: DatasetName = "mnist"
    """Name of the data set; torchvision fetches those that are not made of files at hand (`of_files`)."""
    data_dir: str | None = None
    """Folder with four IDX files to use instead of the packaged ones."""
    form: PictureForm = MNIST
    """The form that the pictures have for a net; `own.options_for` finds it out."""
    subset: int | None = None
    """Number of training images to use, validation included; None for all."""

    def __post_init__(self) -> None:
        if self.dataset not in get_args(DatasetName):
            raise DataError(f"dataset {self.dataset!r} is not one of {', '.join(get_args(DatasetName))}")
        if self.data_dir is not None and not of_files(self.dataset):
            raise DataError(f"a data set is named by its folder or by its name, not by both ({self.dataset!r})")


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


def of_files(name: DatasetName) -> bool:
    """Return whether a data set is made of IDX files at hand: the packaged ones, or those in a folder."""
    match name:
        case "mnist" | "mnist-red":
            return True
        case "fashion-mnist" | "kmnist" | "qmnist":
            return False
        case _:
            assert_never(name)


def of_digits(name: DatasetName) -> bool:
    """Return whether a data set is MNIST, or one of its relatives that has digits, too."""
    match name:
        case "mnist" | "mnist-red" | "qmnist":
            return True
        case "fashion-mnist" | "kmnist":
            return False
        case _:
            assert_never(name)


def form_of(name: DatasetName, files: PictureForm = MNIST) -> PictureForm:
    """Return the form of the pictures of a data set, given that of its files.

    Raises:
        DataError: its pictures cannot be made of such files.
    """
    if name != "mnist-red":
        return files
    if files.channels != 1:
        raise DataError(f"{name} needs gray images; these have {files}")
    return replace(files, channels=CHANNELS)


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


def load_training_set(options: DataOptions) -> TrainingSet:
    """Load the training files that `options` select, without touching the test files.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    images = load_images(options, TRAIN_FILES, train=True)
    split = make_split(images.labels, subset=options.subset, classes=options.form.classes)
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


def is_packaged(name: DatasetName, data_hash: str) -> bool:
    """Return whether a data set with this hash is made of the packaged training files, and not of others."""
    images, labels = (SHA256[file] for file in TRAIN_FILES)
    return of_files(name) and data_hash == canonical_json.sha256([IN_RED if name == "mnist-red" else images, labels])


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
