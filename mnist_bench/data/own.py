"""Your own data: read from an .npz file, a folder of pictures or IDX files, and kept as IDX files.

`FORMATS` is the table to extend. A folder that has no format of the table holds IDX files, which are used as they are.
Any other source is read once, into a folder of the cache that is named after the hash of its whole content. A source
whose name, size and time are known is not opened again. Later runs open the IDX files alone, and of these the test part
only through `open_test_set`.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import idx
from mnist_bench.data.choice import TRAIN_FILES, DataOptions, form_of
from mnist_bench.data.idx import MAX_BYTES, Bytes, Labels
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


KEYS_OF_NPZ = ("x_train", "y_train", "x_test", "y_test")
_LISTED = ", ".join(KEYS_OF_NPZ)
_DAMAGED = (
    OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError
)  # fmt: skip
"""Exceptions that reading raises if a file is not an archive, or holds entries that are not arrays."""


def read_npz(path: Path) -> Parts:
    """Return the data set in a file.

    Pictures are (N, H, W), (N, H, W, 1) or, in colour, (N, H, W, 3); labels (N,) or (N, 1). Whole numbers from 0 to 255
    are pixels as they are; real numbers from 0 to 1 are multiplied by 255 and rounded.

    Raises:
        DataError: the file cannot be read, or does not hold that.
    """
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            arrays = {key: _array(archive, key, path) for key in KEYS_OF_NPZ}
    except _DAMAGED as error:
        raise DataError(f"{path}: cannot be read as an .npz file ({error})") from error
    where = {key: f"{path}: {key}" for key in KEYS_OF_NPZ}
    shares = _are_shares(arrays["x_train"], where["x_train"])
    parts = [
        Images(
            images=_pixels(arrays[pictures], where[pictures], shares=shares),
            labels=_labels_of_npz(arrays[labels], where[labels]),
        )
        for pictures, labels in (KEYS_OF_NPZ[:2], KEYS_OF_NPZ[2:])
    ]
    return joined(parts[0], parts[1], (where["x_train"], where["y_train"], where["x_test"], where["y_test"]))


def _array(archive: zipfile.ZipFile, key: str, path: Path) -> NDArray[Any]:
    """Return an array, whose header is checked before memory is spent on it. Arrays that only pickle could read are
    refused."""
    if f"{key}.npy" not in archive.namelist():
        held = ", ".join(show(name.removesuffix(".npy")) for name in archive.namelist()[:10]) or "nothing"
        raise DataError(f"{path}: has no array {key}; {_LISTED} are needed, and it contains {held}")
    with archive.open(f"{key}.npy") as file:
        header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = header(file)
    if dtype.kind not in "uif":
        raise DataError(f"{path}: {key} contains {show(str(dtype))}, not numbers")
    check_size(math.prod(shape), f"{path}: {key}")
    with archive.open(f"{key}.npy") as file:
        values: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return values


def _are_shares(values: NDArray[Any], where: str) -> bool:
    """Return whether pixels are real numbers from 0 to 1; of both parts that is decided by the training part."""
    if not values.size:
        raise DataError(f"{where}: contains no image")
    return values.dtype.kind == "f" and bool(values.max() <= 1)


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
        as_there = "" if where.endswith(KEYS_OF_NPZ[0]) else f", as in {KEYS_OF_NPZ[0]}"
        wanted = f"from 0 to 1{as_there}" if shares else "from 0 to 255, or real numbers from 0 to 1"
        raise DataError(f"{where}: its pixels range from {low:g} to {high:g}; they must be {wanted}")
    scaled = np.rint(values * 255) if shares else np.rint(values)
    if not shares and not np.array_equal(scaled, values):
        raise DataError(
            f"{where}: some pixels, up to {high:g}, are not whole numbers; divide them by 255, or round them"
        )
    return np.ascontiguousarray(scaled, np.uint8)


def _labels_of_npz(values: NDArray[Any], where: str) -> NDArray[np.int16]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{where}: has shape {values.shape}, not (N,); convert one-hot rows with argmax(1)")
    if values.dtype.kind not in "ui":
        raise DataError(f"{where}: contains {values.dtype}; labels must be whole numbers from 0")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if not 0 <= low <= high < MAX_CLASSES:
        raise DataError(
            f"{where}: its labels range from {low} to {high}; they must be whole numbers from 0 to {MAX_CLASSES - 1}"
        )
    return values.astype(np.int16)


TRAIN, TEST = "train", "test"
PICTURE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP")
GREY, COLOUR = ("1", "L"), ("P", "RGB")
"""Pillow's modes that are read."""


def is_picture_folder(folder: Path) -> bool:
    """Return whether a folder is laid out like this."""
    return (folder / TRAIN).is_dir()


def stamp_of_folder(folder: Path) -> str:
    """Return a text that changes with the name, the size or the time of any file; none is opened.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        files = [(path, os.stat(path)) for part in (TRAIN, TEST) for path in _below(folder / part)]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error})") from error
    return canonical_json.sha256([[printable(str(path)), found.st_size, found.st_mtime_ns] for path, found in files])


def read_folder(folder: Path) -> Parts:
    """Return the data set in a folder.

    Classes are numbered in the order of their names: as numbers if all are whole numbers, else as texts. All
    pictures have one size. They are grey if all training pictures are, else in colour.

    Raises:
        DataError: a part, a class or a picture is missing, a file is not such a picture, or Pillow is not installed.
    """
    names = _classes(folder / TRAIN)
    if unknown := [name for name in _classes(folder / TEST) if name not in names]:
        raise DataError(f"{folder / TEST / unknown[0]}: the class {show(unknown[0])} is missing in {folder / TRAIN}")
    train = [(path, label) for label, name in enumerate(names) for path in _below(folder / TRAIN / name)]
    test = [(path, label) for label, name in enumerate(names) for path in _below(folder / TEST / name)]
    for name, label in zip(names, range(len(names)), strict=True):
        if all(other != label for _, other in train):
            raise DataError(f"{folder / TRAIN / name}: contains no image; remove the class, or add some")
    parts = [_part(files) for files in (train, test)]
    in_colour = parts[0][1]
    if parts[1][1] and not in_colour:
        raise DataError(
            f"{folder / TEST}: contains color images, and {folder / TRAIN} does not; both must have the same kind"
        )
    pictures = [pixels.transpose(0, 3, 1, 2) if in_colour else pixels[..., 0] for pixels, _ in parts]
    images = [
        Images(images=np.ascontiguousarray(found), labels=_labels(files))
        for found, files in zip(pictures, (train, test), strict=True)
    ]
    at = (str(folder / TRAIN), str(folder / TRAIN), str(folder / TEST), str(folder / TEST))
    return joined(images[0], images[1], at, _told(names, folder / TRAIN))


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
    """Return the names of classes as messages and exports show them.

    Raises:
        DataError: two look alike, or one has no visible character.
    """
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

    Raises:
        DataError: links lead to one folder twice, and perhaps without end; `found` are those before this one.
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


def _part(files: Sequence[tuple[Path, int]]) -> tuple[Bytes, bool]:
    """Return pictures, (N, H, W, 3), and whether any is in colour."""
    if not files:
        return np.empty((0, MIN_SIDE, MIN_SIDE, 3), np.uint8), False
    first = files[0][0]
    shape, in_colour = _picture(first)[0].shape, False
    check_size(len(files) * math.prod(shape), str(first.parents[1]))
    pixels = np.empty((len(files), *shape), np.uint8)
    for place, (path, _) in enumerate(files):
        picture, coloured = _picture(path)
        if picture.shape != shape:
            sizes = [f"{height}x{width}" for height, width, _ in (picture.shape, shape)]
            raise DataError(
                f"{path}: has {sizes[0]} pixels, and {first} has {sizes[1]}; all images must have the same size"
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
    """Check the header of an opened picture, before it is decoded.

    Raises:
        DataError: it is not a picture of one size, without transparency, in grey or in colour.
    """
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
        sides = f"{image.size[1]}x{image.size[0]}"
        raise DataError(f"{path}: has {sides} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}")
    if image.mode not in (*GREY, *COLOUR) or "transparency" in image.info:
        kind = f"mode {image.mode}" if "transparency" not in image.info else "transparent pixels"
        raise DataError(f"{path}: has {kind}; save it as 8-bit gray or RGB, without transparency")
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{path}: contains several frames; save one of them as an image")


def _labels(files: Sequence[tuple[Path, int]]) -> NDArray[np.int16]:
    return np.array([label for _, label in files], np.int16)


def kept(source: Path, stamp: str, read: Callable[[Path], Parts]) -> tuple[Path, PictureForm]:
    """Return the folder with the IDX files of a source, and their form; the source is read if there is no such folder.

    Args:
        source: a file or folder in a format of `formats`.
        stamp: a text that changes when the source does.
        read: reads the source.

    Raises:
        DataError: the source is faulty, or the cache cannot be written.
    """
    root = cache_folder() / "data"
    known = root / "sources" / canonical_json.sha256([printable(str(source)), stamp])
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
    """Return the description of the files in a cache folder; None if one is missing, or has another size than it had.

    Programs that clean up caches may remove single files.
    """
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
    with new_folder(folder) as made:
        sizes = {}
        for name, values in zip(names, arrays, strict=True):
            content = idx.pack(values)
            sizes[name] = len(content)
            with idx.passage():
                atomic_write(made / name, content)
        atomic_write(made / ABOUT, json.dumps({**said, "sizes": sizes}, indent=1).encode())
    return folder


PREFIX = "new-"
"""Names of folders that are being filled begin so."""


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which gets the name `target` at the end of the block.

    If another process was faster, its folder of that name stays: equal names mean equal contents.

    Raises:
        OSError: no folder can be made there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _among_writers(target.parent):
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
        try:
            yield made
            with suppress(OSError):
                made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _among_writers(root: Path) -> Iterator[None]:
    """Share a lock on a folder with all who make new ones in it; a process that has it alone first removes the remains
    of others."""
    handle = os.open(root, os.O_RDONLY)
    try:
        if _locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            # The kernel takes the lock from a process that dies, so none is left that fills one of these.
            for left in root.glob(f"{PREFIX}*"):
                shutil.rmtree(left, ignore_errors=True)
        _locked(handle, fcntl.LOCK_SH)  # waits while another process removes, and for nothing else
        yield
    finally:
        os.close(handle)


def _locked(handle: int, kind: int) -> bool:
    """Return whether a lock was got: another process may have it, and some network drives know none."""
    with suppress(OSError):
        fcntl.flock(handle, kind)
        return True
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A format that is read once and kept as IDX files."""

    has: Callable[[Path], bool]  # whether a file or folder has the format, by its name or kind; it is not opened
    stamp: Callable[[Path], str]  # returns a text that changes when the source does
    read: Callable[[Path], Parts]


def stamp_of_file(source: Path) -> str:
    try:
        found = source.stat()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    return f"{found.st_size} {found.st_mtime_ns}"


FORMATS = (
    Format(has=is_picture_folder, stamp=stamp_of_folder, read=read_folder),
    Format(has=lambda source: not source.is_dir(), stamp=stamp_of_file, read=read_npz),
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
