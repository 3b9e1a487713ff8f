"""`mnist-bench bench`: measure the trainer, recipes, and ways of searching."""

from __future__ import annotations

import typer

from mnist_bench.cli.bench import cost_model, ladder, search, speed

app = typer.Typer(
    help="Measure speed, accuracy for the time, ways of searching, and what periods cost.", no_args_is_help=True
)

app.command("speed")(speed.speed)
app.command("cost-model")(cost_model.cost_model)
app.command("search")(search.search)
app.command("ladder")(ladder.ladder)
