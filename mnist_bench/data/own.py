"""The formats of your own data, and how a data set is found: `FORMATS` is the table to extend.

A folder that has no format of the table holds IDX files, which are used as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import idx, npz, picture_folder
from mnist_bench.data.choice import TRAIN_FILES, DataOptions, form_of
from mnist_bench.data.mnist import Parts, form_of_parts, images_in
from mnist_bench.data.own_cache import kept
from mnist_bench.data.split import fewest
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A format that is read once and kept as IDX files."""

    has: Callable[[Path], bool]  # whether a file or folder has the format, by its name or kind; it is not opened
    stamp: Callable[[Path], str]  # returns a text that changes when the source does
    read: Callable[[Path], Parts]


def _stamp(source: Path) -> str:
    try:
        found = source.stat()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    return f"{found.st_size} {found.st_mtime_ns}"


FORMATS = (
    Format(has=picture_folder.is_one, stamp=picture_folder.stamp, read=picture_folder.read),
    Format(has=lambda source: not source.is_dir(), stamp=_stamp, read=npz.read),
)
"""The first format that a source has is taken; any file counts as an .npz file."""


def options_for(source: Path | None, *, dataset: DatasetName = "mnist") -> DataOptions:
    """Return how the data set at `source` is loaded: an .npz file, a folder of pictures, or one of four IDX files.

    Without a source it is the one called `dataset`; with one, `dataset` may name what is made of its pictures. A source
    with one of `FORMATS` is read when it is new, or has changed, and kept as IDX files.

    Raises:
        DataError: it has no such format, or something in it is wrong; the message names the file.
    """
    if source is None:
        return DataOptions(dataset=dataset, form=form_of(dataset))
    source = source.resolve()
    DataOptions(dataset=dataset, data_dir=str(source))  # refuses two names before anything is read
    found = next((each for each in FORMATS if each.has(source)), None)
    folder, form = (source, _idx_form(source)) if found is None else kept(source, found.stamp(source), found.read)
    options = DataOptions(dataset=dataset, data_dir=str(folder), form=form_of(dataset, form))
    # Here and not where they are split: only here is the user's name for them known.
    if (images := images_in(options)) < (least := fewest(form.classes)):
        raise DataError(f"{source}: {images} training images are too few to split; at least {least} are needed")
    return options


def _idx_form(folder: Path) -> PictureForm:
    """Return the form of IDX files: MNIST's if it fits, whichever digits there are."""
    pictures, labels = (idx.find(folder, name) for name in TRAIN_FILES)
    shape, found = idx.shape(pictures)[1:], idx.read(labels)
    if shape == MNIST.array_shape and found.ndim == 1 and found.max(initial=0) < MNIST.classes:
        return MNIST
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 3):
        raise DataError(f"{pictures}: holds images of shape {shape}, not (H, W) or (3, H, W)")
    if found.ndim != 1:
        raise DataError(f"{labels}: has shape {found.shape}, not (N,)")
    return form_of_parts(shape, found, str(pictures), str(labels))
