"""The folder of an export: what is written into it, and what must not be overwritten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.export import card, onnx_graph, page, plain_net
from mnist_bench.export.winner import Winner
from mnist_bench.prediction import WEIGHTS, pack
from mnist_bench.studies import record as records
from mnist_bench.units import size
from search.errors import UsageError
from search.files import atomic_write, make_folder

NET, ONNX, PAGE, CARD, RECORD = "net.py", "model.onnx", "draw.html", "README.md", "RECORD.json"
MAX_PAGE = 1_000_000
"""Bytes of a page to draw on; larger ones are mentioned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written, and what there is to say of it."""

    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def check(folder: Path) -> None:
    """Look whether an export may go there, before any work is spent on it.

    Raises:
        UsageError: it is a folder with other files, which may have the names of those that are to be written.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / WEIGHTS).is_file():
        raise UsageError(f"{folder}: holds other files and no export; name a new folder.")


def write(winner: Winner, folder: Path) -> Written:
    """Write all files of an export into a folder, which is made where it is missing; the same net gives the same files.

    Raises:
        UsageError: it cannot be written.
    """
    make_folder(folder)
    remarks = []
    drawn = page.page(winner).encode()
    if len(drawn) > MAX_PAGE:
        parameters = sum(weights.numel() for weights in winner.net.parameters())
        remarks.append(f"{folder / PAGE} takes {size(len(drawn))}, for the net has {parameters:,} parameters.")
    contents = {
        WEIGHTS: pack(winner.net, winner.config, winner.traits),
        NET: plain_net.source(winner).encode(),
        ONNX: _onnx(winner),
        PAGE: drawn,
        CARD: card.card(winner).encode(),
        RECORD: (json.dumps(records.to_json(winner.record), indent=2) + "\n").encode(),
    }
    for name, content in contents.items():
        try:
            if content is None:
                remarks.append(
                    f"{folder / name} is left out: onnx writes it, which this installation lacks; `pip install onnx` "
                    "adds it."
                )
                (folder / name).unlink(missing_ok=True)  # of another net, from an earlier export
            else:
                atomic_write(folder / name, content)
        except OSError as error:
            raise UsageError(f"{folder / name}: cannot be written ({error.strerror}).") from error
    return Written(
        files=tuple(folder / name for name, content in contents.items() if content is not None), remarks=tuple(remarks)
    )


def _onnx(winner: Winner) -> bytes | None:
    try:
        return onnx_graph.graph(winner)
    except ImportError:
        return None
