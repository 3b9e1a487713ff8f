"""`mnist-bench bench`: measure the trainer, recipes, and ways of searching."""

from __future__ import annotations

import typer

from mnist_bench.cli.bench import cost_model, ladder, search, speed
from mnist_bench.cli.help import HelpfulCommand

app = typer.Typer(
    help="Measure speed, accuracy for the time, ways of searching, and what periods cost.", no_args_is_help=True
)

app.command("speed", cls=HelpfulCommand)(speed.speed)
app.command("cost-model", cls=HelpfulCommand)(cost_model.cost_model)
app.command("search", cls=HelpfulCommand)(search.search)
app.command("ladder", cls=HelpfulCommand)(ladder.ladder)
