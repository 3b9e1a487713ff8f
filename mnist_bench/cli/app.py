"""`mnist-bench`: the commands, and what a user sees of an error.

Command modules import what they need when they run, so that help and shell completion load neither torch nor Optuna.
"""

from __future__ import annotations

import sys
import traceback
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mnist_bench.cli import space
from mnist_bench.cli.bench import commands
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.experiments import ablate, confirm, notebook, train
from mnist_bench.cli.output import safe_lines
from mnist_bench.cli.pictures import plot, report
from mnist_bench.cli.studies import doctor, leaderboard, listing, reproduce, search, show
from search.errors import SearchError, SpaceError


class ErrorsAsSentences(TyperGroup):
    """A group of commands in which an exception ends as one sentence on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params["verbose"]:
                traceback.print_exc()
            typer.echo(safe_lines(_words(error)), err=True)
            raise typer.Exit(error.exit_code if isinstance(error, SearchError) else ExitCode.FAILURE) from error


def _words(error: Exception) -> str:
    if isinstance(error, SpaceError):  # its lines begin with a file's position, for terminals that open it
        return f"{error}\nError: the space cannot be used; `mnist-bench space show conv` prints a good file's fields."
    if isinstance(error, SearchError):
        return f"Error: {error}"
    return f"Error: {type(error).__name__}: {error} (unexpected; `mnist-bench -v ...` shows where)"


app = typer.Typer(
    name="mnist-bench",
    cls=ErrorsAsSentences,
    help="Search small nets on MNIST: same search, same winner, one worker or eight, killed or not.",
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
) -> None:
    pass


app.command("search")(search.search)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("show")(show.show)
app.command("reproduce")(reproduce.reproduce)
app.command("confirm")(confirm.confirm)
app.command("train")(train.train)
app.command("plot", help=plot.HELP)(plot.plot)
app.command("report")(report.report)
app.command("ablate")(ablate.ablate)
app.command("notebook")(notebook.notebook)
app.command("doctor")(doctor.doctor)
app.add_typer(commands.app, name="bench")
app.add_typer(space.app, name="space")
app.add_typer(listing.app, name="studies")


def main() -> None:
    """Run the command line; the entry point of the installed script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="mnist-bench")
