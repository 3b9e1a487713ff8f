"""`mnist-bench bench`: measure the trainer, recipes, and search methods."""

from __future__ import annotations

import typer

from mnist_bench.cli.bench import ladder, search, speed
from mnist_bench.cli.help import HelpfulCommand

app = typer.Typer(help="Measure training speed, accuracy for training time, and search methods.", no_args_is_help=True)

app.command("speed", cls=HelpfulCommand)(speed.speed)
app.command("search", cls=HelpfulCommand)(search.search)
app.command("ladder", cls=HelpfulCommand)(ladder.ladder)
