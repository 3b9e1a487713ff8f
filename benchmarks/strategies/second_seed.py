"""Does a second training seed for the three best configurations select better than one seed, at equal cost?

    python benchmarks/strategies/second_seed.py

Two ways to end a search are compared, pair by pair. One spends its whole budget on trials and selects the best complete
one. The other stops three full trainings earlier, trains its three best complete trials with a second seed, and
selects by the mean of both. Both are scored with the seeds that neither has seen. The searches are replayed over the
tables that have several seeds, with the driver, 8 concurrent trials, and asha if the table has learning curves. A
search of the largest budget serves all budgets, because a budget changes no decision. Results of searches are kept in
results/_bench/second-seed.jsonl, so that the same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from publish import FOLDER

from mnist_bench import tables, value_tables
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.replayed import Replayed, ReplayedTable, ReplayedValues
from mnist_bench.experiments.contest.replays import Terms, simulated
from mnist_bench.statistics import t_interval
from search import canonical_json
from search.files import append_line, make_folder, whole_lines

TABLES = (
    "conv-5k", "grid-5k", "hpobench/australian", "hpobench/blood_transfusion", "hpobench/car",
    "hpolib/naval_propulsion",
)  # fmt: skip
SAMPLERS = ("random", "curves")
BUDGETS = (9, 50)
BEST = 3
"""Trials that get a second seed, and full trainings that they cost."""
KEPT = Path("results/_bench/second-seed.jsonl")


class SeveralSeeds(Protocol):
    """A table on which a search sees one seed, and others score."""

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        ...

    def searched(self, seen: int) -> tuple[Replayed, int]:
        """Return the task of a search that sees a seed, and the seed by its name there."""
        ...

    def result(self, params: Mapping[str, Any], seed: int) -> tuple[float, float]:
        """Return what a search sees of a configuration with a seed, and what scores it; lower is better."""
        ...


class OfImages:
    """A table of MNIST, restricted to the configurations that have all seeds. Scores are errors in percent."""

    seeds = 3

    def __init__(self, name: str) -> None:
        whole = tables.load(name)
        repeated = {point for point, seeds in whole.seeds.items() if len(seeds) == self.seeds}
        rows = np.isin(whole.arrays.point, sorted(repeated))
        by_row = ("point", "seed", "canary", "errors", "train_loss", "val_loss", "weights", "unseen")
        arrays = replace(whole.arrays, **{field: getattr(whole.arrays, field)[rows] for field in by_row})
        self._table = tables.RecordedBenchmark(whole.about, arrays)
        self._replayed = ReplayedTable(self._table)

    def searched(self, seen: int) -> tuple[Replayed, int]:
        """See `SeveralSeeds.searched`."""
        return self._replayed, seen

    def result(self, params: Mapping[str, Any], seed: int) -> tuple[float, float]:
        """See `SeveralSeeds.result`: errors on the images that a search sees, and on others."""
        point = self._table.point_of(params)
        curve = self._table.curve(point, seed)
        return curve.errors[-1] / curve.images, 100 * self._table.unseen_error(point, seed)


class OfValues:
    """A table of values. Scores are normalized regrets in percent, with the best and the median of the mean."""

    def __init__(self, name: str) -> None:
        self._table = value_tables.load(name)
        self.seeds = self._table.values.shape[1]

    def searched(self, seen: int) -> tuple[Replayed, int]:
        """See `SeveralSeeds.searched`."""
        return self._tasks[seen], 0

    @cached_property
    def _tasks(self) -> list[ReplayedValues]:
        """The table with each seed alone."""
        values, seconds = self._table.values, self._table.seconds
        return [
            ReplayedValues(replace(self._table, values=values[:, [seed]], seconds=seconds[:, [seed]]))
            for seed in range(self.seeds)
        ]

    def result(self, params: Mapping[str, Any], seed: int) -> tuple[float, float]:
        """See `SeveralSeeds.result`."""
        loss = float(self._tasks[seed].table.losses[self._table.point_of(params)])
        best, median = self._table.losses.min(), np.median(self._table.losses)
        return loss, float(100 * (loss - best) / (median - best))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The scores of both ways to end a search; lower is better."""

    table: str
    sampler: str
    seed: int
    budget: int
    one: float
    """Of the best after the whole budget, with one seed."""
    two: float
    """Of the best by the mean of two seeds, after less."""
    changed: bool
    """Whether the second seed selects another trial than the first seed does after less."""


def pairs(table: SeveralSeeds, name: str, sampler: str, seed: int) -> Iterator[Pair]:
    """Yield both ways to end a search, at each budget."""
    seen, second = seed % table.seeds, (seed + 1 + seed // table.seeds % (table.seeds - 1)) % table.seeds
    task, seen_there = table.searched(seen)
    others = [other for other in range(table.seeds) if other not in (seen, second)]
    entrant = Entrant(sampler=sampler, pruner="asha" if task.periods > 1 else "none")
    found, _ = simulated(task, entrant, seed, seen_there, Terms(budget=max(BUDGETS)), 8)

    def score(params: Mapping[str, Any]) -> float:
        return float(np.mean([table.result(params, other)[1] for other in others]))

    ends = []
    for (number, period), spent in zip(found.reported, found.spent, strict=True):
        trial = found.study.trials[number]
        if period == len(trial.reports) and trial.state == "COMPLETE":
            ends.append((spent / task.unit, table.result(trial.params, seen)[0], trial.params))
    for budget in BUDGETS:
        whole = sorted((end for end in ends if end[0] <= budget), key=lambda end: end[1])
        less = sorted((end for end in ends if end[0] <= budget - BEST), key=lambda end: end[1])[:BEST]
        if not less:
            continue  # a search that has no complete trial cannot train it again
        best = min(less, key=lambda end: end[1] + table.result(end[2], second)[0])
        yield Pair(
            table=name, sampler=sampler, seed=seed, budget=budget, one=score(whole[0][2]), two=score(best[2]),
            changed=best is not less[0],
        )  # fmt: skip


def searched(names: Sequence[str], samplers: Sequence[str], seeds: int, kept: Path) -> list[Pair]:
    """Return all pairs; those that are kept are not searched again."""
    found = [Pair(**values) for _, line in whole_lines(kept) for values in line["pairs"]]
    done = {(line["table"], line["sampler"], line["seed"]) for _, line in whole_lines(kept)}
    make_folder(kept.parent)
    for name in names:
        table: SeveralSeeds = OfValues(name) if value_tables.is_named(name) else OfImages(name)
        for seed, sampler in product(range(seeds), samplers):
            if (name, sampler, seed) not in done:
                new = list(pairs(table, name, sampler, seed))
                line = {"table": name, "sampler": sampler, "seed": seed, "pairs": [asdict(pair) for pair in new]}
                append_line(kept, canonical_json.dumps(line))
                found += new
        print(f"{name}: searched", file=sys.stderr, flush=True)
    return [pair for pair in found if pair.table in names and pair.sampler in samplers and pair.seed < seeds]


def rows(found: Sequence[Pair]) -> Iterator[dict[str, Any]]:
    """Yield the mean difference of both ways for each table, sampler and budget."""
    for key in dict.fromkeys((pair.budget, pair.table, pair.sampler) for pair in sorted(found, key=lambda p: p.budget)):
        own = [pair for pair in found if (pair.budget, pair.table, pair.sampler) == key]
        differences = [pair.two - pair.one for pair in own]
        low, high = t_interval(differences) or (None, None)
        yield {
            "budget": key[0], "table": key[1], "sampler": key[2], "searches": len(own),
            "one_seed": float(np.mean([pair.one for pair in own])),
            "second_seed": float(np.mean([pair.two for pair in own])),
            "difference": float(np.mean(differences)), "low": low, "high": high,
            "changed": float(np.mean([pair.changed for pair in own])),
        }  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--output", type=Path, default=FOLDER / "strategies")
    asked = parser.parse_args(arguments)
    figures = list(rows(searched(asked.tables, asked.samplers, asked.seeds, KEPT)))
    heads = ["budget:", "table", "sampler", "searches:", "one seed:", "second seed:", "difference", "selects another:"]
    shown = (
        [
            str(row["budget"]), row["table"], row["sampler"], str(row["searches"]), f"{row['one_seed']:.2f}",
            f"{row['second_seed']:.2f}", f"{row['difference']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]",
            f"{row['changed']:.0%}",
        ]
        for row in figures
    )  # fmt: skip
    page = "\n\n".join([
        "# A second seed for the three best, at equal cost",
        f"`python benchmarks/strategies/second_seed.py --samplers {' '.join(asked.samplers)} --seeds {asked.seeds}` on "
        f"{pages.machine()}.",
        "Budget: full trainings. One seed: the best complete trial after the whole budget. Second seed: the search "
        f"stops {BEST} full trainings earlier, trains its {BEST} best complete trials with a second seed, and selects "
        "by the mean of both. Scores are of the seeds that neither has seen: error on unseen images, in percent, for "
        "conv-5k and grid-5k; normalized regret, in percent, for the others. Lower is better; a negative difference "
        "is a gain of the second seed. Brackets: 95% interval over the searches. Selects another: how often the "
        "second seed selects another of the three. conv-5k has only its 139 configurations with three seeds here.",
        "\n".join(pages.table(heads, shown)),
    ])  # fmt: skip
    pages.write(asked.output, "second-seed", f"{page}\n", {"rows": figures})


if __name__ == "__main__":
    main(sys.argv[1:])
