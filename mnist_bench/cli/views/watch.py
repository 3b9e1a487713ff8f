"""`mnist-bench watch`: the live view of a search that another terminal, or another machine, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from search.study import StoredStudy


def watch(
    study_name: Annotated[
        str | None, typer.Argument(metavar="STUDY", show_default="the latest study", help="A study.")
    ] = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Show a running search of another terminal or machine.

    The view is that of `search`, read from the study every second. It ends when the search ends or stops, and then
    prints the best trial. Ctrl-C ends the view, not the search. It marks the trials that are training, as far as
    the log shows them.

    Examples:
        mnist-bench watch
        mnist-bench watch conv-0
        mnist-bench watch conv-0 --storage postgresql://host/db
    """
    from mnist_bench.cli.views import live
    from mnist_bench.cli.views.beginning import open_to_follow
    from mnist_bench.studies import open_any
    from search.driver.attended import Interrupts
    from search.following import follow

    study = open_to_follow(results, study_name, storage)  # checks what the views compute with
    if study.live:
        with live.view(results) as view, Interrupts(lambda notice: None) as interrupts:
            end = follow(study.location, view, interrupts.stopping)
        if end == "left":
            raise typer.Exit(ExitCode.INTERRUPTED)
        study = open_any(results, study.name, storage)
    for line in state_lines(study):
        output.print_prose(line)


def state_lines(study: StoredStudy) -> list[str]:
    """Return the counts and the best trial of a study, and how a search that was stopped is resumed."""
    from mnist_bench.cli.views.trial_words import words_for
    from mnist_bench.leaderboard import headline, leaderboard_of
    from mnist_bench.studies import commands_of, is_foreign

    board = leaderboard_of(study, of_nets=not is_foreign(study.spec), top=1)
    lines = [headline(board)]
    if study.best is not None:
        lines.append(f"best   {words_for(study.spec).best(study.best)}")
    if study.live or study.stop is not None or len(study.finished()) >= board.goal:
        return lines
    shown = commands_of(study).line("show")
    return [*lines, f"No process searches now. `{shown}` has the command that resumes the search."]
