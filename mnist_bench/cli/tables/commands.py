"""`mnist-bench table`: recorded benchmarks listed, shown, verified, written for other programs."""

from __future__ import annotations

import typer

from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.cli.tables import card, export, listing, show, verify

app = typer.Typer(help="List, show, verify and export recorded benchmarks.", no_args_is_help=True)

app.command("list", cls=HelpfulCommand)(listing.listing)
app.command("show", cls=HelpfulCommand)(show.show)
app.command("card", cls=HelpfulCommand)(card.card)
app.command("verify", cls=HelpfulCommand)(verify.verify)
app.command("export", cls=HelpfulCommand)(export.export)
