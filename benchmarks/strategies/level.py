"""Compare search methods on stand-ins, where all of them propose freely; see docs/guides/compare_methods.md.

    python benchmarks/strategies/level.py --seeds 30      make the searches that are missing, and publish all
    python benchmarks/strategies/level.py --kept          publish the searches that are finished

Built-in methods search with 8 concurrent trials. A program of another library trains one trial at a time, and is
compared with built-in methods that do so, too. Every search has the cost of 50 full trainings; the errors after 9 and
20 are read from the same searches. Results are kept in results/_bench/level-*.jsonl and results/foreign. The same
command resumes an interrupted run, also with more seeds. The other libraries need the environments of `make
search-peers`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "peers" / "search_methods"))
import contest_pages
import pages
from looks import BOUNDARIES, Look, compared
from publish import FOLDER, ROOT
from traces import ContestTask, beside, contest_of, read

from mnist_bench import stand_ins
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Entrant, Ledger, Trace
from mnist_bench.experiments.contest.replayed import ReplayedStandIn
from mnist_bench.experiments.contest.replays import Terms
from mnist_bench.tables import CHANCE

PEERS = ROOT / "benchmarks" / "peers" / "search_methods"
STAND_INS = tuple(f"{table}/{kind}" for table, kind in stand_ins.SHA256)
BUDGET, EARLIER, MARGIN = 50, (9, 20), 0.02
RANDOM, TPE, CURVES, ARD = (
    Entrant(sampler=name, pruner="asha") for name in ("random", "tpe", "curves", "curves-ard")
)  # fmt: skip
FILTERED = tuple(
    Entrant(sampler="tpe", pruner=name, sampler_options={"only_feasible": 1})
    for name in ("asha", "median", "hyperband", "none")
)
"""tpe without infeasible proposals."""
CONCURRENT = (RANDOM, TPE, CURVES, ARD, *FILTERED)
ALONE = (RANDOM, TPE, CURVES, ARD)
METHODS = ("optuna-median", "optuna", "syne-tune-asha", "syne-tune-cqr", "smac-resumed")
"""Foreign methods, by the names of `methods.METHODS`."""
ENOUGH = 0.5
"""With `--kept`, a method takes part if it has made this share of the searches of the one that has made most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A method compared with the first one of a contest, on one stand-in, after some of the budget."""

    stand_in: str
    slots: int
    way: str
    spent: int
    seen: Look


def asked_of(name: str, ways: Sequence[Entrant], slots: int, seeds: int) -> ContestOptions:
    """Return the contest of built-in methods on a stand-in."""
    ledger = Path("results/_bench") / f"level-{name.replace('/', '-')}.jsonl"
    return ContestOptions(
        stand_ins=(name,), ways=tuple(ways), seeds=seeds, trials=BUDGET, slots=slots, ledger=ledger
    )  # fmt: skip


def finished(asked: ContestOptions) -> dict[Entrant, int]:
    """Return the number of first seeds with which each method has searched."""
    (stand_in,) = stand_ins.load(asked.stand_ins[0])
    terms = Terms(budget=BUDGET, slots=asked.slots, workers=asked.worker_counts)
    ledger = Ledger(asked.ledger, terms.on(ReplayedStandIn(stand_in)))

    def is_made(way: Entrant, seed: int) -> bool:
        return ledger.get(way, seed) is not None

    return {way: sum(1 for _ in takewhile(partial(is_made, way), count())) for way in asked.ways}


def enough(searches: Mapping[Any, int]) -> list[Any]:
    """Return the methods that have made enough of their searches, two at least."""
    least = max(2.0, ENOUGH * max(searches.values(), default=0))
    return [method for method, number in searches.items() if number >= least]


def ours(name: str, ways: Sequence[Entrant], slots: int, seeds: int, *, kept: bool) -> Contest | None:
    """Return a contest of built-in methods; None if fewer than two of them have made enough searches."""
    asked = asked_of(name, ways, slots, seeds)
    if kept:
        searches = finished(asked)
        made = enough(searches)
        if len(made) < 2:
            return None
        asked = replace(asked, ways=tuple(made), seeds=min(searches[way] for way in made))
    return compare_methods(asked, Lines())[0]


def foreign(name: str, seeds: int, *, kept: bool) -> Contest | None:
    """Return a contest of foreign methods with built-in ones, one trial at a time; None as in `ours`."""
    folder = ROOT / "results" / "foreign" / name.replace("/", "-")
    if not kept:
        command = [sys.executable, str(PEERS / "run.py"), "--stand-in", name, "--budget", str(BUDGET), "--seeds"]
        command += [str(seeds), "--output", str(folder), "--processes", "1", "--methods", *METHODS]
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
    (stand_in,) = stand_ins.load(name)
    task = ContestTask(table=stand_in.sha256, budget=BUDGET)
    found = read(folder / "traces.jsonl", task)
    methods = enough({method: sum(key[0] == method for key in found) for method in METHODS})
    contest = ours(name, ALONE, 1, seeds, kept=kept)
    if contest is None or not methods:
        return None
    both = beside(contest, contest_of(ReplayedStandIn(stand_in), task, found, methods))
    return both if len(both.seeds) > 1 else None


def rows(contest: Contest) -> Iterator[Compared]:
    """Yield each method but the first, compared with it, after some of the budget."""
    for spent in (*EARLIER, BUDGET):
        errors = [np.array([_error(trace, spent) for trace in traces]) for traces in contest.traces]
        for way, found in zip(contest.entrants[1:], errors[1:], strict=True):
            seen = compared(100 * (found - errors[0]), BOUNDARIES[1][0], MARGIN)
            yield Compared(stand_in=contest.task, slots=contest.slots, way=way.name, spent=spent, seen=seen)


def _error(trace: Trace, spent: int) -> float:
    """Return the error (0..1) on unseen images of the best configuration by then; that of a guess if there is none."""
    return next((choice.unseen for choice in reversed(trace.choices) if choice.spent <= spent), CHANCE)


def table(contest: Contest) -> str:
    """Return the differences of a contest as a Markdown table, a row per method."""
    found = list(rows(contest))
    spent = (*EARLIER, BUDGET)
    head = f"| {contest.task}, compared with {contest.entrants[0].name} | {' | '.join(map(str, spent))} |"
    lines = [head, "|---|" + "---|" * len(spent)]
    for way in contest.entrants[1:]:
        cells = [_cell(one.seen) for one in found if one.way == way.name]
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(seen: Look) -> str:
    return f"{seen.difference:+.2f} [{seen.low:+.2f}, {seen.high:+.2f}]"


def paragraphs(contests: Sequence[Contest], command: str) -> list[str]:
    """Return the text above the tables of contests, with the differences after some of the budget."""
    said = [
        f"`python benchmarks/strategies/level.py {command}` on {pages.machine()}.",
        "Differences are in percentage points of error on unseen images, with 95% intervals of each comparison alone. "
        f"They are read at the cost of {', '.join(map(str, EARLIER))} and {BUDGET} full trainings; negative is better. "
        "All methods propose freely: a stand-in answers any configuration.",
    ]
    for contest in contests:
        trials = "one trial at a time" if contest.slots == 1 else f"{contest.slots} concurrent trials"
        said += [f"{len(contest.seeds)} seeds, {trials}:", table(contest)]
    return said


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--foreign-seeds", type=int, default=10)
    parser.add_argument("--kept", action="store_true", help="make no search; publish those that are finished")
    parser.add_argument("--output", type=Path, default=FOLDER / "strategies")
    asked = parser.parse_args(arguments)
    made = [ours(name, CONCURRENT, 8, asked.seeds, kept=asked.kept) for name in STAND_INS]
    made += [foreign(name, asked.foreign_seeds, kept=asked.kept) for name in STAND_INS]
    contests = [contest for contest in made if contest is not None]
    document: Mapping[str, Any] = {"compared": [asdict(one) for contest in contests for one in rows(contest)]}
    command = "--kept" if asked.kept else f"--seeds {asked.seeds} --foreign-seeds {asked.foreign_seeds}"
    title = "Search methods on stand-ins, where all propose freely"
    contest_pages.write(asked.output / "level", title, paragraphs(contests, command), contests, document)


if __name__ == "__main__":
    main(sys.argv[1:])
