"""The folder of an export: what is written into it, and what must not be overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_bench import own_nets
from mnist_bench.export import card, onnx_graph, page, plain_net
from mnist_bench.export.winner import Winner
from mnist_bench.prediction import WEIGHTS, is_packed, pack
from mnist_bench.studies import record as records
from mnist_bench.units import size
from search.errors import UsageError
from search.files import atomic_write, make_folder

NET, ONNX, PAGE, CARD, RECORD = "net.py", "model.onnx", "draw.html", "README.md", "RECORD.json"
MEMBER_RECORD = "RECORD-{}.json"
"""Of a committee, the record of each net."""
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
    if folder.is_dir() and any(folder.iterdir()) and not is_packed(folder / WEIGHTS):
        raise UsageError(f"{folder}: holds other files and no export; name a new folder.")


def write(winner: Winner, folder: Path) -> Written:
    """Write all files of an export into a folder, which is made where it is missing; the same net gives the same files.

    Raises:
        UsageError: it cannot be written.
    """
    make_folder(folder)
    remarks: list[str] = []
    of_the_net = _of_our_net if winner.config.net_code is None else _of_own_net
    contents = {
        WEIGHTS: pack(winner.nets, winner.config, winner.traits, winner.form),
        **of_the_net(winner, folder, remarks.append),
        CARD: card.card(winner).encode(),
        **_records(winner),
    }
    written = {folder / name: content for name, content in contents.items() if content is not None}
    others = [folder / name for name in (NET, ONNX, PAGE, RECORD)] + sorted(folder.glob(MEMBER_RECORD.format("*")))
    for path in (*written, *others):
        try:
            if path in written:
                atomic_write(path, written[path])
            else:
                path.unlink(missing_ok=True)  # of another net, from an earlier export
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
    return Written(files=tuple(written), remarks=tuple(remarks))


def _of_our_net(winner: Winner, folder: Path, remark: Callable[[str], None]) -> dict[str, bytes | None]:
    """Return the net as plain PyTorch, as ONNX and as a page to draw on."""
    return {
        NET: plain_net.source(winner).encode(),
        ONNX: _onnx(winner, folder, remark),
        PAGE: _page(winner, folder, remark),
    }


def _of_own_net(winner: Winner, folder: Path, remark: Callable[[str], None]) -> dict[str, bytes | None]:
    """Return the file of a net of the user's own, as it was when it trained; of a package's there is none."""
    net = own_nets.known(str(winner.config.net_code))
    remark(
        f"{NET}, {ONNX} and {PAGE} are left out: they are made of our layers alone, and this net is code of your own."
    )
    return {} if net.file is None else {net.file: net.content}


def _records(winner: Winner) -> dict[str, bytes]:
    """Return the record of each training, by file name."""
    names = [MEMBER_RECORD.format(number) for number in range(len(winner.members))]
    return {
        name: (json.dumps(records.to_json(member.record), indent=2) + "\n").encode()
        for name, member in zip(names if len(names) > 1 else [RECORD], winner.members, strict=True)
    }


def _page(winner: Winner, folder: Path, remark: Callable[[str], None]) -> bytes | None:
    if reason := page.undrawable(winner):
        remark(f"{folder / PAGE} is left out: {reason}")
        return None
    drawn = page.page(winner).encode()
    if len(drawn) > MAX_PAGE:
        parameters = sum(weights.numel() for net in winner.nets for weights in net.parameters())
        whose = "net has" if len(winner.nets) == 1 else "nets have"
        remark(f"{folder / PAGE} takes {size(len(drawn))}, for the {whose} {parameters:,} parameters.")
    return drawn


def _onnx(winner: Winner, folder: Path, remark: Callable[[str], None]) -> bytes | None:
    try:
        return onnx_graph.graph(winner)
    except ImportError:
        remark(
            f"{folder / ONNX} is left out: onnx writes it, which this installation lacks; `pip install onnx` adds it."
        )
        return None
