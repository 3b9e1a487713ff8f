"""`mnist-bench table export`: a table as files of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnist_bench.cli import output
from mnist_bench.cli.tables.card import Name


def export(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into; made where it is missing.")],
    to: Annotated[
        Literal["syne-tune"], typer.Option("--to", help="Whose files: a blackbox of Syne Tune.")
    ] = "syne-tune",
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, metavar="K", help="Only what was trained with this seed; left out, all, NaN where missing."
        ),
    ] = None,
) -> None:
    """Write a table for Syne Tune, whose `deserialize` reads the folder as a blackbox.

    Its fidelity is the period, counted from 1; docs/tables.md says what else to know.
    """
    from mnist_bench import tables
    from mnist_bench.tables import syne_tune

    syne_tune.write(tables.load(name), folder, seed)
    output.note(f"Table {name} is in {folder} for {to}.")
