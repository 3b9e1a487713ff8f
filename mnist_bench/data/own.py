"""Your own data: read from an .npz file, a folder of pictures or IDX files, and kept as IDX files.

A folder without a folder train/ holds IDX files, which are used as they are. Any other source is read once, into a
folder of the cache that is named after the hash of its whole content. A source whose name, size and time are known is
not opened again. Later runs open the IDX files alone, and of these the test part only through `open_test_set`.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import tempfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import idx
from mnist_bench.data.choice import TRAIN_FILES, DataOptions, form_of
from mnist_bench.data.idx import MAX_BYTES, Bytes
from mnist_bench.data.mnist import ABOUT, About, Images, about, cache_folder, check, fewest, images_in
from mnist_bench.data.test_set import TEST_FILES
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MAX_CLASSES, MAX_SIDE, MIN_CLASSES, MIN_SIDE, MNIST, PictureForm
from search import canonical_json
from search.files import atomic_write, opened
from search.messages import lacks, listing, on_one_line, show

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A whole data set of one form."""

    form: PictureForm
    train: Images
    test: Images
    names: tuple[str, ...] = ()  # names of the classes, if the source has them

    @classmethod
    def of(cls, train: Images, test: Images, where: Sequence[str], names: tuple[str, ...] = ()) -> Parts:
        """Return both parts of a data set, whose form is that of the training part, after checks.

        `where` names for messages the places of the training pictures and labels, and of the test pictures and labels.
        """
        form = _form(train.images.shape[1:], train.labels, where[0], where[1])
        check(train, form, *where[:2])
        if not len(test.labels):
            raise DataError(
                f"{where[2]}: contains no image; test images, which no search sees, are needed to confirm its result"
            )
        check(test, form, *where[2:])
        kind = np.uint8 if form.classes <= 256 else np.int16
        kept = [replace(part, labels=part.labels.astype(kind)) for part in (train, test)]
        return cls(form=form, train=kept[0], test=kept[1], names=names)


def _form(shape: tuple[int, ...], labels: NDArray[np.integer], pictures_at: str, labels_at: str) -> PictureForm:
    """Return the form of training pictures, each of a `shape` as in `PictureForm.array_shape`, after checks."""
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
    if (lacking := np.setdiff1d(np.arange(classes), labels)).size:
        raise DataError(
            f"{labels_at}: no training image has label {lacking[0]}, though labels go up to {classes - 1}; number "
            "the classes from 0 without gaps"
        )
    return PictureForm(channels=3 if channels else 1, height=height, width=width, classes=classes)


def _check_size(values: int, where: str) -> None:
    if values > MAX_BYTES:
        raise DataError(f"{where}: {show(f'{values:,}')} pixels; at most {MAX_BYTES:,} are read")


KEYS = ("x_train", "y_train", "x_test", "y_test")
_DAMAGED = (
    OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError
)  # fmt: skip
"""Exceptions that reading raises if a file is not an archive, or holds entries that are not arrays."""


def read_npz(path: Path) -> Parts:
    """Return the data set in an .npz file with the names that Keras gives.

    Pictures are (N, H, W), (N, H, W, 1) or, in colour, (N, H, W, 3); labels (N,) or (N, 1). Whole numbers from 0 to 255
    are pixels as they are; real numbers from 0 to 1 are multiplied by 255 and rounded.
    """
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            arrays = [_array(archive, key, path) for key in KEYS]
    except _DAMAGED as error:
        raise DataError(f"{path}: cannot be read as an .npz file ({error})") from error
    where = [f"{path}: {key}" for key in KEYS]
    if not arrays[0].size:
        raise DataError(f"{where[0]}: contains no image")
    # Of both parts that is decided by the training part.
    shares = arrays[0].dtype.kind == "f" and bool(arrays[0].max() <= 1)
    train, test = (
        Images(images=_pixels(arrays[at], where[at], shares=shares), labels=_labels(arrays[at + 1], where[at + 1]))
        for at in (0, 2)
    )
    return Parts.of(train, test, where)


def _array(archive: zipfile.ZipFile, key: str, path: Path) -> NDArray[Any]:
    """Return an array, whose header is checked before memory is spent on it; what only pickle could read is refused."""
    if f"{key}.npy" not in archive.namelist():
        held = ", ".join(show(name.removesuffix(".npy")) for name in archive.namelist()[:10]) or "nothing"
        raise DataError(f"{path}: has no array {key}; {', '.join(KEYS)} are needed, and it contains {held}")
    with archive.open(f"{key}.npy") as file:
        header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = header(file)
    if dtype.kind not in "uif":
        raise DataError(f"{path}: {key} contains {show(str(dtype))}, not numbers")
    _check_size(math.prod(shape), f"{path}: {key}")
    with archive.open(f"{key}.npy") as file:
        values: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return values


def _pixels(values: NDArray[Any], where: str, *, shares: bool) -> Bytes:
    """Return pictures as they are in an IDX file: (N, H, W), in colour (N, 3, H, W)."""
    if values.ndim == 4 and values.shape[3] in (1, 3):
        values = values[..., 0] if values.shape[3] == 1 else values.transpose(0, 3, 1, 2)
    elif values.ndim != 3:
        raise DataError(f"{where}: has shape {values.shape}, not (N, H, W), (N, H, W, 1) or (N, H, W, 3)")
    if values.dtype == np.uint8 or not values.size:
        return np.ascontiguousarray(values, np.uint8)
    low, high, most = values.min(), values.max(), 1 if shares else 255
    if not (low >= 0 and high <= most):  # so that NaN is refused, too
        as_there = "" if where.endswith(KEYS[0]) else f", as in {KEYS[0]}"
        wanted = f"from 0 to 1{as_there}" if shares else "from 0 to 255, or real numbers from 0 to 1"
        raise DataError(f"{where}: its pixels range from {low:g} to {high:g}; they must be {wanted}")
    scaled = np.rint(values * 255) if shares else np.rint(values)
    if not shares and not np.array_equal(scaled, values):
        raise DataError(f"{where}: some pixels, up to {high:g}, are not integers; divide them by 255, or round them")
    return np.ascontiguousarray(scaled, np.uint8)


def _labels(values: NDArray[Any], where: str) -> NDArray[np.int16]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{where}: has shape {values.shape}, not (N,); convert one-hot rows with argmax(1)")
    if values.dtype.kind not in "ui":
        raise DataError(f"{where}: contains {values.dtype}; labels must be integers from 0")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if not 0 <= low <= high < MAX_CLASSES:
        raise DataError(
            f"{where}: its labels range from {low} to {high}; they must be integers from 0 to {MAX_CLASSES - 1}"
        )
    return values.astype(np.int16)


TRAIN, TEST = "train", "test"
PICTURE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP")
GREY, COLOUR = ("1", "L"), ("P", "RGB")  # Pillow's modes that are read


def read_folder(folder: Path) -> Parts:
    """Return the data set in a folder of pictures, train/CLASS/*.png and test/CLASS/*.png.

    Classes are numbered in the order of their names: as numbers if all are integers, else as texts. All
    pictures have one size. They are grey if all training pictures are, else in colour.
    """
    train, test = folder / TRAIN, folder / TEST
    names = _classes(train)
    if unknown := [name for name in _classes(test) if name not in names]:
        raise DataError(f"{test / unknown[0]}: the class {show(unknown[0])} is missing in {train}")
    files = [[[*_below(part / name)] for name in names] for part in (train, test)]
    if empty := [name for name, found in zip(names, files[0], strict=True) if not found]:
        raise DataError(f"{train / empty[0]}: contains no image; remove the class, or add some")
    (pixels, in_colour), (of_test, test_in_colour) = (_pictures([*chain(*of_classes)]) for of_classes in files)
    if test_in_colour and not in_colour:
        raise DataError(f"{test}: contains color images, and {train} does not; both must have the same kind")
    parts = [
        Images(
            images=np.ascontiguousarray(found.transpose(0, 3, 1, 2) if in_colour else found[..., 0]),
            labels=np.repeat(np.arange(len(names), dtype=np.int16), [*map(len, of_classes)]),
        )
        for found, of_classes in zip((pixels, of_test), files, strict=True)
    ]
    return Parts.of(parts[0], parts[1], (str(train), str(train), str(test), str(test)), _told(names, train))


def _classes(part: Path) -> tuple[str, ...]:
    try:
        names = sorted(entry.name for entry in os.scandir(part) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{part}: cannot be listed ({error}); it must contain one folder of images per class"
        ) from error
    if len(names) > MAX_CLASSES or not names:
        raise DataError(f"{part}: contains {len(names)} folders; one folder per class is needed, at most {MAX_CLASSES}")
    if len(names) < MIN_CLASSES and part.name == TRAIN:
        raise DataError(f"{part}: contains the folder of one class; at least {MIN_CLASSES} are needed")
    as_numbers = all(name.isascii() and name.isdigit() for name in names)
    return tuple(sorted(names, key=int) if as_numbers else names)


def _told(names: Sequence[str], part: Path) -> tuple[str, ...]:
    """Return the names of classes as messages and exports show them, each with a visible character and another one."""
    told = [on_one_line(printable(name)).strip() for name in names]
    for name, text in zip(names, told, strict=True):
        if not text or told.count(text) > 1:
            raise DataError(f"{part}: the class {show(printable(name))} looks like another one in messages; rename it")
    return tuple(told)


def printable(name: str) -> str:
    """Return a file's name with escapes instead of the bytes that are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _below(folder: Path, found: dict[tuple[int, int], Path] | None = None) -> Iterator[Path]:
    """Yield the files in a folder and below it in the order of their names; hidden ones are left out.

    Links that lead to one folder twice, and perhaps without end, are refused; `found` are those before this one.
    """
    if not folder.is_dir():
        return
    found, this = found or {}, os.stat(folder)
    if (other := found.setdefault((this.st_dev, this.st_ino), folder)) != folder:
        raise DataError(f"{folder}: is the same folder as {other}, by a link; remove the link")
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "Thumbs.db":
            continue
        if entry.is_dir():
            yield from _below(Path(entry.path), found)
        else:
            yield Path(entry.path)


def _pictures(files: Sequence[Path]) -> tuple[Bytes, bool]:
    """Return pictures, (N, H, W, 3), and whether any is in colour."""
    if not files:
        return np.empty((0, MIN_SIDE, MIN_SIDE, 3), np.uint8), False
    shape, in_colour = _picture(files[0])[0].shape, False
    _check_size(len(files) * math.prod(shape), str(files[0].parents[1]))
    pixels = np.empty((len(files), *shape), np.uint8)
    for place, path in enumerate(files):
        picture, coloured = _picture(path)
        if picture.shape != shape:
            sizes = [f"{height}x{width}" for height, width, _ in (picture.shape, shape)]
            raise DataError(
                f"{path}: has {sizes[0]} pixels, and {files[0]} has {sizes[1]}; all images must have the same size"
            )
        pixels[place], in_colour = picture, in_colour or coloured
    return pixels, in_colour


def _picture(path: Path) -> tuple[Bytes, bool]:
    """Return a picture, (H, W, 3), and whether it is in colour."""
    try:
        from PIL import Image as pillow
    except ImportError as error:
        raise DataError(lacks("a folder of images", "Pillow", "images")) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large picture, which is refused below before it is decoded
            with opened(path) as file, pillow.open(file, formats=PICTURE_FORMATS) as image:
                _check_picture(image, path)
                coloured = image.mode in COLOUR
                return np.asarray(image.convert("RGB")), coloured
    except DataError:
        raise
    except Exception as error:  # of a damaged file, Pillow's decoders raise exceptions of any kind
        raise DataError(f"{path}: is not a readable image ({error}); give {listing(list(PICTURE_FORMATS))}") from error


def _check_picture(image: Image, path: Path) -> None:
    """Check the header of an opened picture, before it is decoded."""
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
        sides = f"{image.size[1]}x{image.size[0]}"
        raise DataError(f"{path}: has {sides} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}")
    if image.mode not in (*GREY, *COLOUR) or "transparency" in image.info:
        kind = f"mode {image.mode}" if "transparency" not in image.info else "transparent pixels"
        raise DataError(f"{path}: has {kind}; save it as 8-bit gray or RGB, without transparency")
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{path}: contains several frames; save one of them as an image")


def _kept(source: Path, read: Callable[[Path], Parts]) -> tuple[Path, PictureForm]:
    """Return the folder with a source's IDX files, and their form; the source is read if it is new or has changed."""
    root = cache_folder() / "data"
    known = root / "sources" / canonical_json.sha256([printable(str(source)), _stamp(source)])
    with suppress(OSError, ValueError):
        folder = root / known.read_text(encoding="utf-8")
        if made := _whole(folder):
            return folder, made.form
    parts = read(source)
    try:
        folder = _written(parts, root, source)
        known.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(known, folder.name.encode())
    except OSError as error:
        raise DataError(f"{root}: {source} cannot be kept there ({error.strerror})") from error
    return folder, parts.form


def _whole(folder: Path) -> About | None:
    """Return the description of a cache folder; None if a file is missing, as after a clean-up, or has another size."""
    made = about(folder)
    files = {} if made is None else {folder / name: size for name, size in made.sizes.items()}
    return made if all(file.is_file() and file.stat().st_size == size for file, size in files.items()) else None


def _written(parts: Parts, root: Path, source: Path) -> Path:
    """Return the folder with the files of a data set, which appears whole or not at all."""
    names = (*TRAIN_FILES, *TEST_FILES)
    arrays = (parts.train.images, parts.train.labels, parts.test.images, parts.test.labels)
    hashes = dict(zip(names, (*parts.train.digests, *parts.test.digests), strict=True))
    # Two sources may hold the same pictures and name the classes otherwise, or not at all.
    named = [list(parts.names)] if parts.names else []
    folder = root / canonical_json.sha256([asdict(parts.form), hashes, *named])[:32]
    said = {"form": asdict(parts.form), "sha256": hashes, "classes": list(parts.names), "source": str(source)}
    if _whole(folder):
        return folder  # of another source with the same content
    shutil.rmtree(folder, ignore_errors=True)  # it has lost a file, or its content is unknown
    with _new_folder(folder) as made:
        sizes = {}
        for name, values in zip(names, arrays, strict=True):
            content = idx.pack(values)
            sizes[name] = len(content)
            with idx.passage():
                atomic_write(made / name, content)
        atomic_write(made / ABOUT, json.dumps({**said, "sizes": sizes}, indent=1).encode())
    return folder


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which gets the name `target` at the end of the block; one process at a time fills one.

    If another process was faster, its folder of that name stays: equal names mean equal contents.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
            # The kernel takes the lock from a process that dies, so none is left that fills one of these.
            for left in target.parent.glob("new-*"):
                shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="new-", dir=target.parent))
        try:
            yield made
            with suppress(OSError):
                made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    finally:
        os.close(handle)


def _stamp(source: Path) -> str:
    """Return a text that changes with the name, the size or the time of any file; none is opened."""
    try:
        if not source.is_dir():
            return f"{source.stat().st_size} {source.stat().st_mtime_ns}"
        files = [(path, os.stat(path)) for part in (TRAIN, TEST) for path in _below(source / part)]
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    return canonical_json.sha256([[printable(str(path)), found.st_size, found.st_mtime_ns] for path, found in files])


def options_for(source: Path | None, *, dataset: DatasetName = "mnist") -> DataOptions:
    """Return how the data set at `source` is loaded: an .npz file, a folder of pictures, or one of four IDX files.

    Without a source it is the one called `dataset`; with one, `dataset` may name what is made of its pictures. A source
    that is not a folder of IDX files is read when it is new or has changed, and is kept as IDX files.
    """
    if source is None:
        return DataOptions(dataset=dataset, form=form_of(dataset))
    source = source.resolve()
    DataOptions(dataset=dataset, data_dir=str(source))  # refuses two names before anything is read
    if (source / TRAIN).is_dir():
        folder, form = _kept(source, read_folder)
    elif source.is_dir():
        folder, form = source, _idx_form(source)
    else:
        folder, form = _kept(source, read_npz)
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
    return _form(shape, found, str(pictures), str(labels))
