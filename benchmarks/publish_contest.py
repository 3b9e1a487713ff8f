"""Make the published comparisons of search methods: results/published/contest.

    python benchmarks/publish_contest.py ours       our methods, 200 searches each on the grid, 60 on pools: 15 minutes
    python benchmarks/publish_contest.py live       two of our methods, trained, and looked up in the pool: 10 minutes
    python benchmarks/publish_contest.py foreign    other libraries' methods and two of ours, 25 to 50 of each: an hour

The last one needs the environments of `make search-peers`. Its searches are kept in results/foreign, so that the same
command continues where it was stopped. Each comparison has a table, its figures as JSON, and a plot.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import contest_pages
import pages
from publish import FOLDER, ROOT

from mnist_bench import tables
from mnist_bench.cells import duration
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.tables.shipped import SHA256

PEERS = ROOT / "benchmarks" / "peers" / "search_methods"
sys.path.insert(0, str(PEERS))
from traces import ContestTask, beside, contest_of, read  # noqa: E402

TARGET = FOLDER / "contest"
KEPT = ROOT / "results" / "foreign"
BUDGET = 30
OURS = ContestOptions(
    tables=("grid-5k",), samplers=("random", "tpe"), pruners=("asha", "hyperband"), seeds=200, trials=BUDGET,
    workers=(1, 8), processes=2,
)  # fmt: skip
ON_POOLS = replace(OURS, tables=("conv-5k", "conv-5k-wrong"), seeds=60, workers=(8,))
"""A search on a pool takes ten times as long as one on the grid: in 24 ranges proposals take their time."""
METHODS = ("optuna-median", "smac-resumed", "syne-tune-asha")
"""Of those that there are, these were published: verdicts are adjusted for the number of comparisons."""
FOREIGN_SEEDS = {"grid-5k": 50, "conv-5k": 25}
"""Searches of each foreign method by table; one of SMAC's on a pool takes half a minute."""
LIVE = ContestOptions(
    live="mnist-5k", space="former/0.1/conv", samplers=("random", "tpe"), pruners=("asha",), baselines=False, seeds=4,
    trials=8, workers=(2,),
)  # fmt: skip
ON_THE_POOL = replace(LIVE, live=None, space=None, tables=("conv-5k",), seeds=100, workers=(8,), processes=2)


def ours() -> Sequence[Contest]:
    """Return a contest of mnist-bench's search methods on every table."""
    return [contest for asked in (OURS, ON_POOLS) for contest in compare_methods(asked, Lines())]


def live() -> Sequence[Contest]:
    """Return a contest that trains in the continuous space, and one of the same ways on the pool of its points."""
    return [contest for asked in (LIVE, ON_THE_POOL) for contest in compare_methods(asked, Lines())]


def foreign(methods: Sequence[str]) -> Sequence[Contest]:
    """Return contests of foreign methods with ours, which have one slot here: a foreign search trains one at a time.

    Both sides then know the same when they propose a trial.
    """
    contests = []
    for name, seeds in FOREIGN_SEEDS.items():
        ours = replace(
            OURS, tables=(name,), pruners=("asha",), baselines=False, seeds=seeds, slots=1, workers=(1,)
        )  # fmt: skip
        contest = compare_methods(ours, Lines())[0]
        folder = KEPT / contest.task
        command = [sys.executable, str(PEERS / "run.py"), "--table", contest.task, "--budget", str(BUDGET)]
        command += ["--seeds", str(seeds), "--output", str(folder), "--methods", *methods]
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
        task = ContestTask(table=SHA256[contest.task], budget=BUDGET)
        theirs = contest_of(
            ReplayedTable(tables.load(contest.task)), task, read(folder / "traces.jsonl", task), methods
        )
        contests.append(beside(contest, theirs))
    return contests


def publish(name: str, title: str, make: Callable[[], Sequence[Contest]], options: str = "") -> None:
    """Write a contest's table, figures and picture; `options` belong to the command that makes them again."""
    started = time.monotonic()
    contests = make()
    took = duration(time.monotonic() - started)
    conditions = (
        f"`python benchmarks/publish_contest.py {name}{options}` on {pages.machine()}, {datetime.now(UTC):%Y-%m-%d}; "
        f"{took} from start to end."
    )
    contest_pages.write(TARGET / name, title, [conditions], contests, {})


CONTESTS = ("ours", "live", "foreign")


def main() -> None:
    """Make the contests named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # With nargs="*" argparse wants the default among the choices.
    parser.add_argument("contests", nargs="*", choices=[*CONTESTS, []], metavar="CONTEST", help=", ".join(CONTESTS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), metavar="METHOD")
    asked = parser.parse_args()
    for name in asked.contests or CONTESTS:
        match name:
            case "ours":
                publish(name, "Search methods, compared", ours)
            case "live":
                publish(name, "The pool and the continuous space", live)
            case _:
                others = "" if tuple(asked.methods) == METHODS else f" --methods {' '.join(asked.methods)}"
                title = "Other libraries' search methods compared with ours"
                publish(name, title, partial(foreign, asked.methods), others)


if __name__ == "__main__":
    main()
