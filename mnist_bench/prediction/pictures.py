"""Any picture as the net sees those that it was trained on: read from a file, prepared, or compared with MNIST's.

`brightness` and `prepare` make a picture of a digit as MNIST's are: dark or light, large or small, anywhere on its
paper. A picture of MNIST comes out as it is: its digit fills 20 pixels, and its centre of mass lies on pixel 14.
`pixels` and `fit` scale a picture of other data and do no more; one of their own size comes out as it is.

An export's net.py holds the source of these functions, so they need NumPy alone; its draw.html does the same in
JavaScript."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import ClosedDoorError, PictureError
from mnist_bench.picture_form import MNIST
from search import files
from search.errors import UsageError
from search.messages import lacks


def brightness(image: Any) -> NDArray[np.float64]:
    """Return a Pillow image as brightness (H, W), 0 (black) to 255; transparent pixels are paper."""
    if image.mode[0] in "IF":  # 16 or 32 bits a pixel; 16 say what white is, of 32 it is the brightest pixel
        deep = np.array(image, np.float64)
        deep *= 255 / max(deep.max(), 65535 if image.mode[0] == "I" else 1)
        return deep
    image = image.convert("RGBA")
    image.thumbnail((1000, 1000), 4)  # 4 is Pillow's box filter: means over areas, as in `prepare`
    *colours, alpha = np.moveaxis(np.asarray(image, np.float64), 2, 0)
    light = np.tensordot([0.299, 0.587, 0.114], colours, 1)
    paper = 255 if (light * alpha).sum() < 127.5 * alpha.sum() else 0
    grey: NDArray[np.float64] = (light * alpha + paper * (255 - alpha)) / 255
    return grey


def prepare(grey: NDArray[Any], *, digit: bool = True) -> NDArray[np.float32]:
    """Return a picture as the net sees it: (28, 28), 0 is paper, 255 the most ink.

    The brightness that differs most from the picture's border is ink, whether the paper is light or dark. As LeCun did
    for MNIST, it is cropped, fitted into 20x20 pixels, and shifted until its center of mass lies in the middle. What is
    no `digit` is fitted whole into 28x28.

    Args:
        grey: shape (H, W), brightness, 0 to 255.
        digit: whether to crop and to centre.

    Raises:
        ValueError: the picture is empty: nothing differs from its border by 16 or more.
    """
    grey = np.asarray(grey, np.float64)
    if grey.ndim != 2 or 0 in grey.shape:
        raise ValueError(f"not an image of rows and columns: its shape is {grey.shape}")
    if not np.isfinite(grey).all():
        raise ValueError("an image with pixels that are not numbers")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.median(border)
    noise = np.median(np.abs(border - paper))
    ink = grey - paper if grey.max() - paper > paper - grey.min() else paper - grey
    ink = np.maximum(ink - 4 * noise, 0)
    if ink.max() < 16:
        raise ValueError("an empty image: nothing stands out from its border")
    if max(ink.shape) > 28:  # a photograph, or what was compressed: faint spots are none of the digit
        ink[ink < ink.max() / 10] = 0
    if digit:
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    scale = (20 if digit else 28) / max(ink.shape)
    size = [max(1, int(side * scale + 0.5)) for side in ink.shape]
    ink = shares(height, size[0]) @ ink @ shares(width, size[1]).T
    ink *= 255 / ink.max()
    places = [(28 - side) // 2 for side in size]
    if digit:
        masses = [ink.sum(1), ink.sum(0)]
        centres = [mass @ np.arange(len(mass)) / mass.sum() for mass in masses]
        places = [min(max(int(14.5 - c), 0), 28 - side) for c, side in zip(centres, size, strict=True)]
    picture = np.zeros((28, 28), np.float32)
    picture[places[0] : places[0] + size[0], places[1] : places[1] + size[1]] = ink
    return picture


def pixels(image: Any, channels: int) -> NDArray[np.float64]:
    """Return a Pillow image as pixels (C, H, W), 0 to 255: grey or red, green, blue; transparent pixels are black."""
    if image.mode[0] in "IF":  # 16 or 32 bits a pixel; 16 say what white is, of 32 it is the brightest pixel
        deep = np.array(image, np.float64)
        white = max(deep.max(), 65535 if image.mode[0] == "I" else 1)
        return np.stack([deep * 255 / white] * channels)
    image = image.convert("RGBA")
    image.thumbnail((2048, 2048), 4)  # 4 is Pillow's box filter: means over areas, as in `fit`
    *colours, alpha = np.moveaxis(np.asarray(image, np.float64), 2, 0)
    if channels == 1:
        colours = [np.tensordot([0.299, 0.587, 0.114], colours, 1)]
    seen: NDArray[np.float64] = np.stack(colours) * alpha / 255
    return seen


def fit(picture: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    """Return a picture at the size that the net sees, (C, height, width): whole, in the middle, its proportions kept.

    The margins at two sides are 0. Nothing is inverted, and no contrast is changed.

    Args:
        picture: shape (C, H, W), 0 to 255.
        height: pixels.
        width: pixels.

    Raises:
        ValueError: the picture has no pixels, or some that are not numbers.
    """
    if 0 in picture.shape or not np.isfinite(picture).all():
        raise ValueError("an image without pixels, or with some that are not numbers")
    _, rows, columns = picture.shape
    scale = min(height / rows, width / columns)
    high, wide = (max(1, int(side * scale + 0.5)) for side in (rows, columns))
    top, left = (height - high) // 2, (width - wide) // 2
    fitted = np.zeros((len(picture), height, width), np.float32)
    fitted[:, top : top + high, left : left + wide] = shares(rows, high) @ picture @ shares(columns, wide).T
    return fitted


def shares(pixels: int, into: int) -> NDArray[np.float64]:
    """Return how much each of `pixels` in a row counts in each of `into` others, shape (into, pixels).

    A smaller picture gets means over areas, a larger one is interpolated, one of the same size stays as it is.
    """
    width = max(1.0, pixels / into)
    centre = ((np.arange(into) + 0.5) * pixels / into)[:, None]
    start = np.arange(pixels)
    covered: NDArray[np.float64] = np.minimum(centre + width / 2, start + 1) - np.maximum(centre - width / 2, start)
    covered = np.maximum(covered, 0)
    covered /= covered.sum(1, keepdims=True)
    return covered


Convert: TypeAlias = Callable[[Any], NDArray[np.float64]]
"""Turns a Pillow image into numbers; `brightness`, or `pixels`."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats that Pillow may read here: other readers start programs, or do not give pixels."""
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm")
"""File extensions recognised as pictures."""
MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000  # a photograph from a telephone has up to 50 million


def in_folder(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by their extensions, in order; not those in folders inside it."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())


def with_those_in_folders(named: Iterable[Any]) -> Iterator[Any]:
    """Yield pictures, and instead of a folder the paths of the pictures in it."""
    for one in named:
        if not isinstance(one, str | Path) or not Path(one).is_dir():
            yield one
        elif found := in_folder(Path(one)):
            yield from found
        else:
            raise UsageError(f"{one}: this folder contains no image; names of images end in {', '.join(ENDINGS)}.")


def read(path: Path, convert: Convert = brightness, *, upright: bool = True) -> NDArray[np.float64]:
    """Return the picture in a file; see `parse`."""
    try:
        return parse(files.read_named(path, MAX_BYTES), str(path), convert, upright=upright)
    except ClosedDoorError as error:
        raise PictureError(f"{error}.") from error
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror}).") from error


def parse(content: bytes, source: str, convert: Convert = brightness, *, upright: bool = True) -> NDArray[np.float64]:
    """Return the picture in a file's content: brightness, shape (H, W), 0 (black) to 255, or the result of `convert`.

    Args:
        content: the content of the file.
        source: the name of the picture in messages.
        convert: turns a Pillow image into numbers.
        upright: whether the picture is turned by its EXIF orientation, or its pixels are used as stored.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise UsageError(f"{lacks('An image file', 'Pillow', 'images')}.") from error
    if len(content) > MAX_BYTES:
        raise PictureError(f"{source}: larger than {MAX_BYTES:,} bytes.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd files that it can still read
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError  # which Pillow raises for more than its own limit
            return convert(ImageOps.exif_transpose(image) if upright else image)
    except Image.DecompressionBombError as error:
        raise PictureError(f"{source}: more than {MAX_PIXELS:,} pixels.") from error
    except Exception as error:  # of a damaged file, Pillow's readers raise errors of many kinds
        raise PictureError(f"{source}: not a readable image; give a PNG or JPEG file.") from error


SAMPLE = 200  # number of pictures that are examined, equally many of each class
MIN_SHARE = 0.9  # minimum share that must match, and half of every class
STEPS = 2
"""Largest allowed difference; MNIST's own pictures change by at most 1, because the strongest ink of some is 254."""


def sample(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices of a representative sample: the first pictures of each class, in any order of the classes.

    It has about `SAMPLE` pictures, and at least one of each class.

    >>> sample(np.repeat([0, 1], [300, 50])).shape
    (150,)
    """
    classes = np.unique(labels)
    each = -(-SAMPLE // max(1, len(classes)))
    places = [np.flatnonzero(labels == label)[:each] for label in classes]
    return np.sort(np.concatenate([np.empty(0, np.intp), *places]))


def is_ready(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are cropped and centred like MNIST's, so that `prepare` does not change them.

    Args:
        pictures: each of shape (C, H, W), 0 to 255; a `sample`.
        labels: the labels of the pictures.
    """
    return _most((picture.shape == MNIST.shape and _comes_out_as_it_is(picture[0]) for picture in pictures), labels)


def draws_on_black(pictures: Iterable[NDArray[Any]], labels: Iterable[int]) -> bool:
    """Return whether pictures are grey, and black at their borders, so that similar ones can be drawn.

    Args:
        pictures: as in `is_ready`.
        labels: as in `is_ready`.
    """
    return _most((len(picture) == 1 and _border_is_black(picture[0]) for picture in pictures), labels)


def _most(found: Iterable[bool], labels: Iterable[int]) -> bool:
    by_class: dict[int, list[bool]] = defaultdict(list)
    for is_so, label in zip(found, labels, strict=True):
        by_class[label].append(is_so)
    everything = [is_so for one in by_class.values() for is_so in one]
    # In a class with one picture, or three, one may differ.
    halves = all(2 * sum(one) >= len(one) - 1 for one in by_class.values())
    return halves and sum(everything) >= MIN_SHARE * len(everything) > 0


def _comes_out_as_it_is(grey: NDArray[Any]) -> bool:
    try:
        return bool(np.abs(prepare(grey) - grey).max() <= STEPS)
    except ValueError:  # an empty picture
        return False


def _border_is_black(grey: NDArray[Any]) -> bool:
    return bool(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])) == 0)
