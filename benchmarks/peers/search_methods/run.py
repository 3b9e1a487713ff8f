"""Searches of other people's methods over a table or a stand-in, by the rules of `mnist-bench bench search`.

    make search-peers                                                       once: their environments
    python benchmarks/peers/search_methods/run.py --table grid-5k --output results/foreign
    python benchmarks/peers/search_methods/run.py --table my.npz --methods smac --seeds 50 --output results/foreign
    python benchmarks/peers/search_methods/run.py --stand-in conv-5k/gp --budget 50 --output results/foreign

It writes into the folder `traces.jsonl`, one search per line, and `contest.json`. A search that is in the first file is
not run again, so a run that was stopped continues where it was. Remove the file where a method's program has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

from host import ForeignError, Found, search
from methods import METHODS
from traces import ContestTask, Kept, contest_of, keep, read

from mnist_bench import stand_ins, tables
from mnist_bench.cells import percent
from mnist_bench.experiments.contest.replayed import Replayed, ReplayedStandIn, ReplayedTable
from mnist_bench.tables.shipped import SHA256, path_of
from search import canonical_json
from search.errors import SearchError
from search.files import atomic_write, make_folder


def run(asked: argparse.Namespace) -> int:
    """Run the searches that are missing, write the contest, and return the number of methods that failed."""
    replayed, sha256 = searched(asked)
    task = ContestTask(table=sha256, budget=asked.budget)
    commands = {method: METHODS[method].command() for method in asked.methods}
    make_folder(asked.output)
    ledger = asked.output / "traces.jsonl"
    failed = 0
    for method, command in commands.items():
        done = read(ledger, task)
        missing = [seed for seed in range(asked.seeds) if (method, seed) not in done]
        try:
            for seed, found in searches(replayed, command, missing, asked):
                keep(ledger, Kept(task=task, method=method, seed=seed, library=found.library, trace=found.trace))
                print(_words(method, seed, found), flush=True)
        except ForeignError as error:
            failed += 1
            print(f"{method}: {error}.", file=sys.stderr)
    contest = contest_of(replayed, task, read(ledger, task), asked.methods)
    atomic_write(asked.output / "contest.json", (canonical_json.dumps(asdict(contest)) + "\n").encode())
    print(f"{len(contest.seeds)} seeds with which every method has searched: {asked.output / 'contest.json'}")
    return failed


def searched(asked: argparse.Namespace) -> tuple[Replayed, str]:
    """Return the table or the stand-in, and the SHA-256 of its file."""
    if asked.stand_in:
        (stand_in,) = stand_ins.load(asked.stand_in)
        return ReplayedStandIn(stand_in), stand_in.sha256
    file = path_of(asked.table) if asked.table in SHA256 else Path(asked.table)
    return ReplayedTable(tables.load(asked.table)), hashlib.sha256(file.read_bytes()).hexdigest()


def searches(
    replayed: Replayed, command: list[str], seeds: list[int], asked: argparse.Namespace
) -> Iterator[tuple[int, Found]]:
    """Yield the searches of a method's program as they end; none is begun after the method's time is up.

    Raises:
        ForeignError: a search failed; names its seed.
    """
    ends = time.monotonic() + asked.method_seconds
    waiting = list(reversed(seeds))
    running: dict[Future[Found], int] = {}
    with ThreadPoolExecutor(asked.processes) as pool:
        while waiting or running:
            while waiting and len(running) < asked.processes and time.monotonic() < ends:
                seed = waiting.pop()
                begun = pool.submit(
                    search, replayed, command, seed=seed, budget=asked.budget, limit=asked.search_seconds
                )
                running[begun] = seed
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                seed = running.pop(done)
                try:
                    yield seed, done.result()
                except ForeignError as error:
                    raise ForeignError(f"seed {seed}: {error}") from error


def _words(method: str, seed: int, found: Found) -> str:
    trace = found.trace
    said = "no choice" if trace.found is None else f"error {percent(trace.found)} on unseen images"
    return (
        f"{method}, seed {seed}: {said}, {trace.trials} trials, {trace.complete} of them complete, "
        f"{trace.spent:.1f} trainings spent, {1000 * trace.own_seconds:.0f} ms of its own a trial"
    )


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--table", help="a shipped table, or a file")
    task.add_argument("--stand-in", help="a stand-in, such as conv-5k/gp")
    parser.add_argument("--budget", type=int, default=30, help="trainings of an average configuration")
    parser.add_argument("--seeds", type=int, default=50, help="number of searches per method; seeds count from 0")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--output", type=Path, required=True, help="a folder, which is made if missing")
    parser.add_argument("--processes", type=int, default=2, help="searches at a time")
    parser.add_argument("--search-seconds", type=float, default=600, help="a search that takes longer is killed")
    parser.add_argument("--method-seconds", type=float, default=7200, help="seconds after which no search begins")
    return parser


def main() -> int:
    """Run the searches named."""
    try:
        return min(1, run(arguments().parse_args()))
    except SearchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
