"""What the benchmarks share: options, and the head of a published page."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from mnist_bench.numerics.device import Machine, this_machine
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.operations import best_precision
from search.files import atomic_write, make_folder

ROOT = Path(__file__).parents[1]


def options(description: str | None, *, publishes: bool = True) -> argparse.ArgumentParser:
    """Return the parser of a script: its docstring is the help, and the page that it publishes goes to a folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if publishes:
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="also write the page and its figures here")
    return parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """How figures were made, as a page says above them."""

    command: str
    machine: Machine
    commit: str
    date: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"`{self.command}` on {self.machine.sentence}; commit {self.commit}, {self.date}."


def made(command: str | None = None, precision: Precision | None = None) -> Made:
    """Return how the figures of this process are made.

    Args:
        command: instead of the command line of this process.
        precision: in which it trains, if not in the fastest of the processor.
    """
    cpu = torch.device("cpu")
    return Made(
        command=command or shlex.join(["python", os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]]),
        machine=this_machine(cpu, precision or best_precision(cpu)),
        commit=commit(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def commit() -> str:
    """Return the commit of this checkout; changes outside of results/ are told apart by a hash."""
    with suppress(OSError, subprocess.CalledProcessError):
        head, changes = (
            subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
            for words in (("rev-parse", "--short=8", "HEAD"), ("diff", "HEAD", "--", ".", ":!results"))
        )
        changed = f" with changes {hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else ""
        return f"{head.strip()}{changed}"
    return "unknown"


def publish(folder: Path | None, name: str, page: Iterable[str], figures: Mapping[str, Any]) -> None:
    """Print the lines of a page; if there is a folder, write `name`.md with them and `name`.json with figures."""
    text = "\n".join([*page, ""])
    print(text)
    if folder is not None:
        write(folder, name, text, f"{json.dumps(figures, indent=1)}\n")


def write(folder: Path, name: str, page: str, figures: str) -> None:
    """Write `name`.md and `name`.json into a folder, which is made if it is missing."""
    make_folder(folder)
    atomic_write(folder / f"{name}.md", page.encode())
    atomic_write(folder / f"{name}.json", figures.encode())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table; a column whose heading ends in a colon is aligned to the right."""
    marks = ["---:" if head.endswith(":") else "---" for head in heads]
    for cells in ([head.removesuffix(":") for head in heads], marks, *rows):
        yield f"| {' | '.join(cells)} |"
