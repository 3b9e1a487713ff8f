"""Pages of published figures: Markdown to read, the same figures as JSON, and the machine in a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.machine import sentence, this_machine
from mnist_bench.numerics.precision import best_precision
from search.files import atomic_write, make_folder


def write(folder: Path, name: str, page: str, figures: Mapping[str, Any] | str) -> None:
    """Write `name`.md and `name`.json into a folder, which is made if it is missing.

    Figures are a mapping, or JSON that is already text: as a command printed it, or on one line.
    """
    text = figures if isinstance(figures, str) else f"{json.dumps(figures, indent=1)}\n"
    make_folder(folder)
    atomic_write(folder / f"{name}.md", page.encode())
    atomic_write(folder / f"{name}.json", text.encode())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table; a column whose heading ends in a colon is aligned to the right."""
    yield _line([head.removesuffix(":") for head in heads])
    yield _line(["---:" if head.endswith(":") else "---" for head in heads])
    yield from map(_line, rows)


def machine(precision: Precision | None = None) -> str:
    """Return processor, precision and versions; without a precision, the fastest of the processor."""
    cpu = torch.device("cpu")
    return sentence(this_machine(cpu, precision or best_precision(cpu)))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
