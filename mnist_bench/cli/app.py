"""`mnist-bench`: the commands.

Command modules import packages only when they run, so that help and shell completion load neither torch nor Optuna.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from mnist_bench.cli import checks, judge, leaderboard, output, pictures, search, show, space, study_list, use
from mnist_bench.cli.failures import ErrorsAsSentences, drop_output, in_words, is_of_output
from mnist_bench.cli.help import GroupWithoutSuggestions, HelpfulCommand, HelpfulGroup
from mnist_bench.cli.output import ExitCode
from mnist_bench.options import RESULTS_OPTION

HELP = """Search hyperparameters of small networks on MNIST, with results that are the same every time, bit for bit.

`mnist-bench COMMAND --help` explains a command; --verbose and --results may stand behind it, too. A study is written by
its name, conv-0, and a trial as conv-0/17.

Examples:
mnist-bench search conv --trials 50
mnist-bench leaderboard
"""
SEARCH, INSPECT, VERIFY, USE, BENCHMARK = "Search", "Inspect", "Verify", "Use the model", "Benchmark"

app = typer.Typer(
    name="mnist-bench",
    cls=ErrorsAsSentences,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_versions(wanted: bool) -> None:
    if not wanted:
        return
    python = ".".join(map(str, sys.version_info[:3]))
    parts = [f"mnist-bench {_version('mnist-bench')}", f"python {python}"]
    parts += [f"{name} {_version(name)}" for name in ("torch", "optuna")]
    typer.echo("  ".join(parts))
    raise typer.Exit


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed)"


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_versions, is_eager=True, help="Print versions and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar=RESULTS_OPTION.metavar,
            help=RESULTS_OPTION.about,
            show_default=RESULTS_OPTION.default or False,
        ),
    ] = None,
) -> None:
    pass


app.command("search", cls=HelpfulCommand, rich_help_panel=SEARCH)(search.search)
app.command("train", cls=HelpfulCommand, rich_help_panel=SEARCH)(search.train)
app.add_typer(space.app, name="space", cls=HelpfulGroup, rich_help_panel=SEARCH)
app.add_typer(study_list.app, name="studies", cls=GroupWithoutSuggestions, rich_help_panel=INSPECT)
app.command("leaderboard", cls=HelpfulCommand, rich_help_panel=INSPECT)(leaderboard.leaderboard)
app.command("show", cls=HelpfulCommand, rich_help_panel=INSPECT)(show.show)
app.command("compare", cls=HelpfulCommand, rich_help_panel=INSPECT)(leaderboard.compare)
app.command("plot", cls=HelpfulCommand, rich_help_panel=INSPECT, help=pictures.HELP)(pictures.plot)
app.command("report", cls=HelpfulCommand, rich_help_panel=INSPECT)(pictures.report)
app.command("confirm", cls=HelpfulCommand, rich_help_panel=VERIFY)(judge.confirm)
app.command("reproduce", cls=HelpfulCommand, rich_help_panel=VERIFY)(checks.reproduce)
app.command("ablate", cls=HelpfulCommand, rich_help_panel=VERIFY)(judge.ablate)
app.command("doctor", cls=HelpfulCommand, rich_help_panel=VERIFY)(checks.doctor)
app.command("export", cls=HelpfulCommand, rich_help_panel=USE)(use.export)
app.command("predict", cls=HelpfulCommand, rich_help_panel=USE)(use.predict)
app.add_typer(judge.bench, name="bench", cls=HelpfulGroup, rich_help_panel=BENCHMARK)


def main() -> None:
    """Run the command line; the entry point of the installed script."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the process runs
    if sys.stdout is None:
        output.note("Error: stdout is closed, so nothing can be printed; redirect it to a file or to /dev/null.")
        sys.exit(ExitCode.USAGE)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=output.IN_ASCII)
    try:
        app(prog_name="mnist-bench")
    except OSError as error:  # of --version and --help, which print before there is a command
        if not is_of_output(error):
            raise
        output.note(in_words(error))
        drop_output()
        sys.exit(ExitCode.FAILURE)
