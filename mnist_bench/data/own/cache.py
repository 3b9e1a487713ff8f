"""Where a user's data become IDX files: once, in a cache folder named after the hash of all that it holds.

A source whose name, size and time are known is not opened again. So whatever runs later opens the IDX files alone, and
of these the test part only through `open_test_set`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from mnist_bench.config import DatasetName
from mnist_bench.data import guard, idx
from mnist_bench.data.cache_folder import cache_folder
from mnist_bench.data.mnist import ABOUT, TRAIN_FILES, About, DataOptions, about, form_of, images_in
from mnist_bench.data.own import npz, picture_folder
from mnist_bench.data.own.new_folder import new_folder
from mnist_bench.data.own.parts import Parts, form_of as form_of_files
from mnist_bench.data.split import fewest
from mnist_bench.data.test_set import TEST_FILES
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm
from search import canonical_json
from search.files import atomic_write


def options_for(source: Path | None, *, dataset: DatasetName = "mnist", subset: int | None = None) -> DataOptions:
    """Return how the data set at `source` is loaded: an .npz file, a folder of pictures, or one of four IDX files.

    Without a source it is the one called `dataset`; with one, `dataset` may name what is made of its pictures. An .npz
    file or a folder of pictures is read when it is new, or has changed, and kept as IDX files.

    Raises:
        DataError: it is none of these, or something in it is wrong; the message names the file.
    """
    if source is None:
        return DataOptions(dataset=dataset, form=form_of(dataset), subset=subset)
    source = source.resolve()
    DataOptions(dataset=dataset, data_dir=str(source))  # refuses two names before anything is read
    if source.is_dir() and not picture_folder.is_one(source):
        folder, form = source, _idx_form(source)
    elif source.is_dir():
        folder, form = _kept(source, picture_folder.stamp(source), picture_folder.read)
    else:
        folder, form = _kept(source, _stamp(source), npz.read)
    options = DataOptions(dataset=dataset, data_dir=str(folder), form=form_of(dataset, form), subset=subset)
    # Here and not where they are split, for only here is it known what the user calls them.
    if (images := images_in(options)) < (least := fewest(form.classes)):
        raise DataError(f"{source}: {images} training pictures are too few to split; {least} are the least")
    return options


def _idx_form(folder: Path) -> PictureForm:
    """Return the form of IDX files: MNIST's where it fits, whichever digits there are."""
    pictures, labels = (idx.find(folder, name) for name in TRAIN_FILES)
    shape, found = idx.shape(pictures)[1:], idx.read(labels)
    if shape == MNIST.array_shape and found.ndim == 1 and found.max(initial=0) < MNIST.classes:
        return MNIST
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 3):
        raise DataError(f"{pictures}: holds pictures of shape {shape}, not (H, W) or (3, H, W)")
    if found.ndim != 1:
        raise DataError(f"{labels}: holds shape {found.shape}, not (N,)")
    return form_of_files(shape, found, str(pictures), str(labels))


def _stamp(source: Path) -> str:
    try:
        found = source.stat()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    return f"{found.st_size} {found.st_mtime_ns}"


def _kept(source: Path, stamp: str, read: Callable[[Path], Parts]) -> tuple[Path, PictureForm]:
    """Return the folder with the IDX files of a source, and their form; made now where there is none."""
    root = cache_folder() / "data"
    known = root / "sources" / canonical_json.sha256([picture_folder.printable(str(source)), stamp])
    with suppress(OSError, ValueError):
        folder = root / known.read_text()
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
    """Return what is said of the files in a cache folder; None where one is missing, or has another size than it had.

    What cleans up caches goes by files. Folders of earlier versions do not say the sizes.
    """
    made = about(folder)
    if made is None or not all((folder / name).is_file() for name in made.sha256):
        return None
    return made if all((folder / name).stat().st_size == size for name, size in made.sizes.items()) else None


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
    shutil.rmtree(folder, ignore_errors=True)  # of what is there, nobody can say what it is, or it has lost a file
    with new_folder(folder) as made:
        sizes = {}
        for name, values in zip(names, arrays, strict=True):
            content = idx.pack(values)
            sizes[name] = len(content)
            with guard.passage():
                atomic_write(made / name, content)
        atomic_write(made / ABOUT, json.dumps({**said, "sizes": sizes}, indent=1).encode())
    return folder
