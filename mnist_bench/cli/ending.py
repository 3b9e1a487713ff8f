"""What stands on the screen when a search has ended: summary, digest, best trials, what to do next."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from mnist_bench.cli import board, options, output, wording
from mnist_bench.cli.plot import FOLDER
from mnist_bench.data.door import openings
from mnist_bench.leaderboard import Leaderboard, rows
from mnist_bench.plots.kinds import KINDS
from search.run import Run

TOP = 5
PASSWORD = re.compile(r"(://[^:/]*:).*(@)")


def show(run: Run, *, seconds: float, results: Path) -> None:
    """Print the end of a search that took `seconds`; figures to stdout, advice to stderr."""
    listed = rows(run.study, top=TOP, test_openings=openings(results / options.LEDGER))
    output.print_line()
    output.print_line(summary(listed, seconds, run.order_cost))
    for line in board.digest_lines(listed):
        output.print_line(line)
    if listed.rows:
        output.print_line()
        output.print_table(listed.rows, board.columns(listed))
        for line in board.footnotes(listed):
            output.print_line(line)
    for line in advice(run, results):
        output.note(line)


def summary(listed: Leaderboard, seconds: float, order_cost: float) -> str:
    """Return the line of counts, time, and what pruning saved and the logical order cost."""
    ended = sum(listed.counts[name] for name in ("complete", "pruned", "failed"))
    saved = f"Pruning saved {listed.saved_epochs:g} of {listed.budget_epochs:g} epochs"
    cost = f"the logical order cost {100 * order_cost:.1f} % of worker time"
    return f"{ended} trials in {wording.duration(seconds)}: {wording.counted(listed.counts)}. {saved}; {cost}."


def advice(run: Run, results: Path) -> list[str]:
    """Return what to do next: go on where the search was stopped, else look closer at the best trial."""
    if not run.reached:
        return ["", "Stopped before its goal. To go on where it stopped:", f"  {command()}"]
    name, place = run.study.name, "" if results == options.RESULTS else f" --results {shlex.quote(str(results))}"
    best = run.study.best
    if best is None:
        return ["", f"No trial is complete. mnist-bench leaderboard {name}{place} shows how they ended."]
    commands = {
        f"reproduce {name}{place}": f"retrain #{best.number} and compare bit for bit",
        f"confirm {name}{place}": "fresh seeds, then all training images, then the test set once",
        f"plot {name}{place}": f"{len(KINDS)} pictures into {results / name / FOLDER}",
        f"ablate {name}{place}": "what each group of settings brings",
        f"report {name}{place}": "all of it on one page",
        f"leaderboard {name}{place}": "all trials",
        f"show {name}/{best.number}{place}": "every setting, the curve, the hashes",
    }
    width = max(map(len, commands))
    lines = [f"mnist-bench {command:<{width}}   {use}" for command, use in commands.items()]
    return ["", f"next:  {lines[0]}", *(f"       {line}" for line in lines[1:])]


def command() -> str:
    """Return the command line of this process, as one would type it; a password in a URL reads `***`."""
    return shlex.join(["mnist-bench", *(PASSWORD.sub(r"\1***\2", argument) for argument in sys.argv[1:])])
