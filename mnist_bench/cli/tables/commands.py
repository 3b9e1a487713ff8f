"""`mnist-bench table`: recorded benchmarks listed, shown and verified."""

from __future__ import annotations

import typer

from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.cli.tables import card, listing, show, verify

app = typer.Typer(help="List, show and verify recorded benchmarks.", no_args_is_help=True)

app.command("list", cls=HelpfulCommand)(listing.listing)
app.command("show", cls=HelpfulCommand)(show.show)
app.command("card", cls=HelpfulCommand)(card.card)
app.command("verify", cls=HelpfulCommand)(verify.verify)
