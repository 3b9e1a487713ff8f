"""`mnist-bench bench`: measure the trainer, recipes, and ways of searching."""

from __future__ import annotations

import typer

from mnist_bench.cli import bench_cost_model, bench_ladder, bench_search, bench_speed

app = typer.Typer(
    help="Measure speed, accuracy for the time, ways of searching, and what periods cost.", no_args_is_help=True
)

app.command("speed")(bench_speed.speed)
app.command("cost-model")(bench_cost_model.cost_model)
app.command("search")(bench_search.search)
app.command("ladder")(bench_ladder.ladder)
