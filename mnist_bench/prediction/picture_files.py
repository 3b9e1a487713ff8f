"""Pictures in files: PNG, JPEG and the like, read by Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import ClosedDoorError, PictureError
from mnist_bench.prediction.preparation import brightness
from search import files
from search.errors import UsageError
from search.messages import lacks

Convert: TypeAlias = Callable[[Any], NDArray[np.float64]]
"""Turns a Pillow image into numbers; see `preparation`."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats that Pillow may read here: other readers start programs, or do not give pixels."""
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm")
"""File extensions recognised as pictures."""
MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000
"""A photograph from a telephone has up to 50 million."""


def in_folder(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by their extensions, in order; not those in folders inside it."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())


def with_those_in_folders(named: Iterable[Any]) -> Iterator[Any]:
    """Yield pictures, and instead of a folder the paths of the pictures in it.

    Raises:
        UsageError: a folder holds no picture.
    """
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

    Raises:
        PictureError: the content is not a picture, or too large; the message names `source`.
        UsageError: Pillow is not installed.
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
