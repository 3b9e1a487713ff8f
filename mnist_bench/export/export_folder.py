"""The folder of an export: its files, and the order in which they replace those of an earlier export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.cells import size
from mnist_bench.export import card, drawing_page, layers
from mnist_bench.export.winner import Winner
from mnist_bench.nets import own_net
from mnist_bench.prediction.model import UNFINISHED, WEIGHTS, is_export, pack
from mnist_bench.studies import record as records
from search.errors import SearchError, UsageError
from search.files import atomic_write, check_target, left_of, make_folder
from search.messages import lacks

NET, ONNX, PAGE, CARD, RECORD = "net.py", "model.onnx", "draw.html", "README.md", "RECORD.json"
TEXT = "This export is not finished. If it is no longer running, the same `mnist-bench export` writes it again.\n"
"""Content of the file that marks an unfinished export."""
MAX_PAGE = 1_000_000  # bytes of a page to draw on; a remark names larger ones


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenExport:
    """The files of an export, and remarks on those that are large or left out."""

    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def check(folder: Path) -> None:
    """Check that an export may go into a folder, before any work is spent on it."""
    check_target(folder, folder=True)
    if folder.is_dir() and {*folder.iterdir()} - {*left_of(folder / UNFINISHED)} and not is_export(folder):
        raise UsageError(f"{folder}: contains files that are not an export; name a new folder.")


def write(winner: Winner, folder: Path) -> WrittenExport:
    """Write all files of an export into a folder, which is made if missing; the same network gives the same files."""
    make_folder(folder)
    remarks: list[str] = []
    of_the_net = _of_our_net if winner.config.net_code is None else _of_own_net
    nets = of_the_net(winner, folder, remarks.append)
    contents = {
        WEIGHTS: pack(winner.net, winner.config, winner.input_spec, winner.form),
        **nets,
        CARD: card.card(winner, onnx=ONNX in nets, page=PAGE in nets).encode(),
        RECORD: (json.dumps(records.to_json(winner.record), indent=2) + "\n").encode(),
    }
    _replace(folder, contents)
    return WrittenExport(files=tuple(folder / name for name in contents), remarks=tuple(remarks))


def _replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files, by name, and remove those of an earlier export.

    If it is killed at any moment, the folder holds a complete network or none that loads: files with earlier weights
    are removed first, and the file that is loaded is written last.
    """
    # Code is removed before the record that names it, so that the next export finds it if this one is killed.
    earlier = (WEIGHTS, ONNX, PAGE, NET, CARD, *_code(folder), RECORD)
    left = [path.name for name in (UNFINISHED, *earlier, *contents) for path in left_of(folder / name)]
    steps: list[tuple[str, bytes | None]] = [
        (UNFINISHED, TEXT.encode()),
        *((name, None) for name in left),
        *((name, None) for name in earlier),
        *((name, content) for name, content in contents.items() if name != WEIGHTS),
        (WEIGHTS, contents[WEIGHTS]),
        (UNFINISHED, None),
    ]
    for name, content in steps:
        path = folder / name
        try:
            if content is None:
                path.unlink(missing_ok=True)
            else:
                atomic_write(path, content)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error


def _code(folder: Path) -> Iterator[str]:
    """Yield the file of your own code that the record describes, unless it was changed."""
    with suppress(SearchError, OSError):
        code, sha256 = own_net.split_code(str(records.read(folder / RECORD).recipe.get("net_code")))
        file = Path(code.rpartition(":")[0]).name
        if file.endswith(".py") and hashlib.sha256((folder / file).read_bytes()).hexdigest() == sha256:
            yield file


def _of_our_net(winner: Winner, folder: Path, remark: Callable[[str], None]) -> dict[str, bytes]:
    """Return the network as plain PyTorch, as ONNX and as a page to draw on; the last two only if they can be made."""
    made = {
        NET: layers.plain_net(winner).encode(),
        ONNX: _onnx(winner, folder, remark),
        PAGE: _page(winner, folder, remark),
    }
    return {name: content for name, content in made.items() if content is not None}


def _of_own_net(winner: Winner, folder: Path, remark: Callable[[str], None]) -> dict[str, bytes]:
    """Return the file of your own network, as it was in training; a network in a package has none."""
    net = own_net.loaded_net(str(winner.config.net_code))
    remark(f"{NET}, {ONNX} and {PAGE} are left out: they need built-in layers, and this network is your own.")
    return {} if net.file is None else {net.file: net.content}


def _page(winner: Winner, folder: Path, remark: Callable[[str], None]) -> bytes | None:
    if reason := drawing_page.undrawable(winner):
        remark(f"{folder / PAGE} is left out: {reason}")
        return None
    drawn = drawing_page.page(winner).encode()
    if len(drawn) > MAX_PAGE:
        parameters = sum(weights.numel() for weights in winner.net.parameters())
        remark(f"{folder / PAGE} takes {size(len(drawn))}, for the network has {parameters:,} parameters.")
    return drawn


def _onnx(winner: Winner, folder: Path, remark: Callable[[str], None]) -> bytes | None:
    try:
        return layers.onnx_graph(winner)
    except ImportError:
        remark(f"{folder / ONNX} is left out: {lacks('it', 'the package onnx', 'images')}.")
        return None
