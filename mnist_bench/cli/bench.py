"""`mnist-bench bench`: measure the trainer, recipes, and ways of searching."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Measure speed, accuracy for the time, ways of searching, and what periods cost.", no_args_is_help=True
)
