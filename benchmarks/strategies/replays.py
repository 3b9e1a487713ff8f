"""Compare search methods over the tables: errors, how much cheaper they are, the effect of warm-start configurations.

    python benchmarks/strategies/replays.py --seeds 100 --output results/published/strategies

Every search method has the same seeds on each table, from 0 on. A method is selected on these replays, so they are not
evidence for a claim. Warm-start configurations come from a table of another task. "The worst" are the worst
configurations there: they show how much harm such a list can do. Results of searches are kept in
results/_bench/replays.jsonl. The same command resumes an interrupted run, also with more seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import contest_pages
import pages
from looks import BOUNDARIES, Look, look, words

from mnist_bench import tables
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Entrant, Ledger
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.contest.replays import Terms, replays
from mnist_bench.start_lists.make import NUMBER
from search.study import StartList

OTHER: Mapping[str, str] = {"conv-5k": "conv-5k-wrong", "conv-5k-wrong": "conv-5k"}
"""Of each pool, the table of another task of which a list is made."""
BUDGET, BUDGETS = 50, (15, 30)
MARGIN = 0.02
RANDOM, CURVES, TPE, SOBOL = (Entrant(sampler=name, pruner="asha") for name in ("random", "curves", "tpe", "sobol"))
WORST = "the worst of another task"
KEPT = Path("results/_bench/replays.jsonl")


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One method compared with another, on one table."""

    way: Entrant
    against: Entrant
    seen: Look


def compared(contest: Contest, way: Entrant, against: Entrant) -> Compared:
    """Return the results of two entrants of a contest."""
    places = [contest.entrants.index(each) for each in (against, way)]
    pair = replace(
        contest, entrants=(against, way), traces=tuple(contest.traces[place] for place in places)
    )  # fmt: skip
    return Compared(way=way, against=against, seen=look(pair, BOUNDARIES[1][0], MARGIN, BUDGETS))


def on_table(name: str, seeds: int, processes: int, ledger: Path) -> tuple[Contest, list[Compared]]:
    """Return all methods on a pool, and the comparisons of them."""
    other = OTHER[name]
    random, curves = (replace(way, start=(other,)) for way in (RANDOM, CURVES))
    asked = ContestOptions(
        tables=(name,), ways=(RANDOM, CURVES, TPE, SOBOL, random, curves), seeds=seeds, trials=BUDGET,
        processes=processes, ledger=ledger, unpruned=0,  # the rule of contest.yaml
    )  # fmt: skip
    contest = compare_methods(asked, Lines())[0]
    contest = with_the_worst(contest, tables.load(name), tables.load(other), processes, ledger)
    pairs = [
        (CURVES, RANDOM), (CURVES, TPE), (CURVES, SOBOL), (random, RANDOM), (curves, random), (curves, TPE),
        (contest.entrants[-1], CURVES),
    ]  # fmt: skip
    return contest, [compared(contest, *pair) for pair in pairs]


def with_the_worst(
    contest: Contest, table: tables.RecordedBenchmark, other: tables.RecordedBenchmark, processes: int, ledger: Path
) -> Contest:
    """Return the contest with one more entrant: `curves`, with a list of the worst configurations of another task."""
    errors = {point: other.unseen_error(point, seeds[0]) for point, seeds in other.seeds.items()}
    worst = sorted(errors, key=lambda point: (-errors[point], point))[:NUMBER]
    start = StartList(made_of=(WORST,), configurations=tuple(dict(other.points[point]) for point in worst))
    replayed, entrant = ReplayedTable(table, starts={(WORST,): start}), replace(CURVES, start=(WORST,))
    terms = Terms(budget=BUDGET, slots=contest.slots, workers=contest.workers)
    kept = Ledger(ledger, terms.on(replayed), replayed.starts)
    found = replays(replayed, [entrant], contest.seeds, terms, processes=processes, ledger=kept)
    if found is None:
        raise SystemExit("The contest was stopped.")
    return replace(contest, entrants=(*contest.entrants, entrant), traces=(*contest.traces, *found))


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--tables", nargs="+", default=list(OTHER), choices=list(OTHER))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    asked = parser.parse_args(arguments)
    target = asked.output / "replays"
    found = [on_table(name, asked.seeds, asked.processes, KEPT) for name in asked.tables]
    said = [
        f"- {contest.task}: {each.way.name} against {each.against.name}, {words(each.seen)}."
        for contest, rows in found
        for each in rows
    ]
    paragraphs = [
        f"`python benchmarks/strategies/replays.py --seeds {asked.seeds}` on {pages.machine()}.",
        "\n".join(said),
    ]
    document = {"compared": {contest.task: [asdict(each) for each in rows] for contest, rows in found}}
    contests = [contest for contest, _ in found]
    contest_pages.write(target, "Search methods, replayed over the tables", paragraphs, contests, document)
    print(f"{target}.md: {sum(len(rows) for _, rows in found)} comparisons.")


if __name__ == "__main__":
    main(sys.argv[1:])
