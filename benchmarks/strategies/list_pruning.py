"""Compare rules by which a pruner may stop warm-start configurations, by replays of random search with asha.

    python benchmarks/strategies/list_pruning.py --seeds 200
    python benchmarks/strategies/list_pruning.py --curves 29

Each search has a list of its own: the ten configurations that a start list takes from a random part of the other
table. The list of the whole table would be one case, and its best configuration is also the best of this table. A list
of the worst configurations of the other table shows how much harm a rule can do.

Searches of `random` are computed by `searched`, which takes milliseconds instead of a second. `--check` compares it
with the driver. Proposals are kept in results/_bench/list-pruning.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from heapq import heapify, heapreplace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from looks import BOUNDARIES, Look, compared

from mnist_bench import start_lists, tables
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.contest.replays import Terms, replay
from mnist_bench.start_lists.make import NUMBER
from mnist_bench.tables import CHANCE
from search.files import append_line, make_folder, whole_lines
from search.strategies import OptunaStudy, named_pruner, named_sampler
from search.study import StartList

OTHER: Mapping[str, str] = {"conv-5k-wrong": "conv-5k", "conv-5k": "conv-5k-wrong"}
"""The table on which the rule was chosen, then the one that confirms it; of each, the table of the lists."""
PARTS: Mapping[str, int] = {"60 configurations": 60, "20 configurations": 20, "the 60 worst": -60}
"""Of the other table, the part that a list is made of; negative for its worst configurations."""
SLOTS, ETA, BUDGET, READ_AT = 8, 3, 30, (9, 15, 30)
PROPOSALS = 800
"""Proposals of a search, most of which are infeasible; none needs so many."""
NEAREST = 150
"""Points in the order of their distance to a proposal; fewer are taken."""
KEPT = Path("results/_bench/list-pruning.jsonl")

Lists = Mapping[int, Sequence[Sequence[int]]]
"""By seed: for each configuration of the list, the points of the table in the order of their distance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Which configurations of the list asha may stop."""

    name: str
    first: int = 0
    """Of the list; these are not stopped."""
    at: tuple[int, ...] = (1, 3)
    """Rungs at which they are not stopped."""
    by_outsiders: bool = False
    """Whether all others of the list are compared with trials that are not of the list alone."""


RULES = (
    Rule(name="asha may stop all"),
    *(Rule(name=f"not the first {first}" if first > 1 else "not the first", first=first) for first in (1, 2, 3, 4, 5)),
    Rule(name="none", first=NUMBER),
    Rule(name="none at the first rung", first=NUMBER, at=(1,)),
    Rule(name="compared with other trials alone", by_outsiders=True),
)
DEFAULT = RULES[start_lists.UNPRUNED]


@dataclass(frozen=True, slots=True)
class Searched:
    """One search: the cost, in trainings, at which its choice changed, and the choice's error on unseen images."""

    choices: tuple[tuple[float, float], ...]

    def read(self, spent: float) -> float:
        """Return the error of the choice, 0..1, when so many trainings had been spent."""
        return next((error for at, error in reversed(self.choices) if at <= spent), CHANCE)


class Pool:
    """A table as arrays, and the proposals of random search as its points."""

    def __init__(self, name: str, proposed: Mapping[int, Sequence[Mapping[str, Any] | None]]) -> None:
        self.table = tables.load(name)
        self.replayed = ReplayedTable(self.table)
        self._nearest = tables.Nearest(self.table, self.replayed.points)
        self.costs: list[list[int]] = self.table.arrays.costs.tolist()
        self.curves = {
            point: self.table.curve(point, self.replayed.seeds[0]) for point in self.replayed.points.tolist()
        }
        self.unseen = {point: self.replayed.unseen(point, self.replayed.seeds[0]) for point in self.curves}
        self.other = start_lists.source(OTHER[name], Path("results"))
        self.proposed = {
            seed: [None if params is None else self.nearest(params) for params in row] for seed, row in proposed.items()
        }

    def nearest(self, params: Mapping[str, Any]) -> list[int]:
        """Return the nearest points, nearest first."""
        order = np.argsort(self._nearest._squares(params), kind="stable")[:NEAREST]
        return [int(point) for point in self.replayed.points[order]]

    def list_of(self, seed: int, part: int) -> StartList:
        """Return the start list of a search: made of a random part of the other table, of its worst if negative."""
        draws = np.random.default_rng([seed, abs(part)])
        tried = self.other.tried
        if part < 0:
            worst = sorted(tried, key=lambda each: -each.loss)[:-part]
            drawn = draws.choice(len(worst), NUMBER, replace=False)
            chosen = tuple(dict(worst[each].settings) for each in sorted(drawn))
            return StartList(made_of=(self.other.name,), configurations=chosen)
        chosen_tried = tuple(tried[each] for each in sorted(draws.choice(len(tried), part, replace=False)))
        return start_lists.make(self.table.space, self.table.planner, [replace(self.other, tried=chosen_tried)])


def proposals(seeds: int, kept: Path) -> dict[int, list[Mapping[str, Any] | None]]:
    """Return what random search proposes, by seed; None for infeasible proposals. Both tables have one space."""
    found = {int(seed): row for _, (seed, row) in whole_lines(kept)} if kept.exists() else {}
    table = tables.load("conv-5k")
    make_folder(kept.parent)
    for seed in [seed for seed in range(seeds) if seed not in found]:
        study = OptunaStudy(
            name="proposals", space=table.space, sampler=named_sampler("random", {}), pruner=named_pruner("none", {}),
            seed=seed, periods=len(table.about.epochs),
        )  # fmt: skip
        asked = [study.ask(number) for number in range(PROPOSALS)]
        found[seed] = [params if table.planner(params).feasible else None for params in asked]
        append_line(kept, json.dumps([seed, found[seed]]))
    return {seed: found[seed] for seed in range(seeds)}


def searched(pool: Pool, seed: int, listed: Sequence[Sequence[int]], rule: Rule) -> Searched:
    """Return a search of `random` with asha and a list, as the driver makes it in logical order."""
    start = StartList(configurations=tuple({"member": number} for number in range(len(listed))))
    turns = [(0, slot) for slot in range(SLOTS)]
    heapify(turns)
    running: dict[int, tuple[int, int, int | None, int]] = {}
    taken: set[int] = set()
    at_rung: dict[int, list[tuple[float, bool]]] = {period: [] for period in (1, 3)}
    number, spent, best, choices = 0, 0, (math.inf, math.inf, 0), []
    while spent < BUDGET * pool.replayed.unit:
        now, slot = turns[0]
        if slot not in running:
            given = start.at(number)
            member = None if given is None else int(given["member"])
            near = pool.proposed[seed][number] if member is None else listed[member]
            if near is not None:
                point = next(each for each in near if each not in taken)
                taken.add(point)
                running[slot] = (number, point, member, 0)
                heapreplace(turns, (now + pool.costs[point][0], slot))
            number += 1
            continue
        trial, point, member, done = running.pop(slot)
        curve, period = pool.curves[point], done + 1
        spent += pool.costs[point][done]
        if curve.diverged:
            continue  # no point of these tables does before its end
        value = curve.accuracies[done]
        if period == len(curve.errors):
            rank = (curve.errors[done], curve.val_loss[done], trial)
            if rank < best and spent <= BUDGET * pool.replayed.unit:
                best = rank
                choices.append((spent / pool.replayed.unit, pool.unseen[point]))
        elif period not in at_rung or _continues(value, member, period, at_rung[period], rule):
            running[slot] = (trial, point, member, period)
            heapreplace(turns, (now + pool.costs[point][period], slot))
    return Searched(tuple(choices))


def _continues(value: float, member: int | None, rung: int, arrived: list[tuple[float, bool]], rule: Rule) -> bool:
    """Return whether a trial passes a rung, and note its value there."""
    rivals = [other for other, listed in arrived if member is None or not (listed and rule.by_outsiders)]
    arrived.append((value, member is not None))
    ranked = sorted([*rivals, value], reverse=True)
    passes = value >= ranked[max(1, len(ranked) // ETA) - 1]
    return passes or (member is not None and member < rule.first and rung in rule.at)


def check(pool: Pool, seeds: int) -> None:
    """Compare searches with those of the driver.

    Raises:
        SystemExit: one differs.
    """
    for seed in range(seeds):
        start = pool.list_of(seed, 60)
        for rule in (RULES[0], DEFAULT):
            ours = searched(pool, seed, [pool.nearest(each) for each in start.configurations], rule)
            listed = replace(start, unpruned=rule.first)
            entrant = Entrant(sampler="random", pruner="asha", start=("list",))
            arena = ReplayedTable(pool.table, starts={("list",): listed})
            theirs = replay(arena, entrant, seed, Terms(budget=BUDGET, slots=SLOTS)).choices
            if not np.allclose(ours.choices, [(one.spent, one.unseen) for one in theirs], rtol=1e-12):
                raise SystemExit(f"{pool.table.name}, seed {seed}, {rule.name}: the driver searches otherwise.")


def rows(pool: Pool, part: int, seeds: int) -> Iterator[tuple[str, list[float], list[Look]]]:
    """Yield for each rule its mean errors in percent, and the differences to the first rule, at `READ_AT`."""
    lists: Lists = {
        seed: [pool.nearest(each) for each in pool.list_of(seed, part).configurations] for seed in range(seeds)
    }

    def errors(rule: Rule) -> NDArray[np.float64]:
        found = [searched(pool, seed, lists[seed], rule) for seed in range(seeds)]
        return np.array([[100 * each.read(at) for at in READ_AT] for each in found])

    today = errors(RULES[0])
    for rule in RULES:
        found = errors(rule)
        looks = [compared(found[:, at] - today[:, at], BOUNDARIES[1][0], 0.02) for at in range(len(READ_AT))]
        yield rule.name, found.mean(axis=0).tolist(), looks


def cell(mean: float, look: Look) -> str:
    """Return a mean error, and its difference with an interval unless it is zero."""
    if look.low == look.high == 0:
        return f"{mean:.2f}%"
    return f"{mean:.2f}%, {look.difference:+.3f} \\[{look.low:+.3f}, {look.high:+.3f}\\]".replace("-", "−")


def curves_page(seeds: int, kept: Path, output: Path) -> None:
    """Write the page on searches of `curves`, which the driver makes: the default against no rule, up to 15 trainings.

    Searches are kept; those that are there are not made again.
    """
    budgets = READ_AT[:2]
    found: dict[tuple[str, int, int], Searched] = {}
    for _, ((name, seed, first), choices) in whole_lines(kept) if kept.exists() else ():
        found[name, seed, first] = Searched(tuple((spent, error) for spent, error in choices))
    lines: list[list[str]] = []
    document: dict[str, Any] = {}
    for name in OTHER:
        pool = Pool(name, {})
        for seed, rule in product(range(seeds), (RULES[0], DEFAULT)):
            if (name, seed, rule.first) not in found:
                listed = replace(pool.list_of(seed, 60), unpruned=rule.first)
                arena = ReplayedTable(pool.table, starts={("list",): listed})
                entrant = Entrant(sampler="curves", pruner="asha", start=("list",))
                trace = replay(arena, entrant, seed, Terms(budget=max(budgets), slots=SLOTS))
                choices = [[one.spent, one.unseen] for one in trace.choices]
                append_line(kept, json.dumps([[name, seed, rule.first], choices]))
                found[name, seed, rule.first] = Searched(tuple((spent, error) for spent, error in choices))
        errors = {
            rule.name: np.array(
                [[100 * found[name, seed, rule.first].read(at) for at in budgets] for seed in range(seeds)]
            )
            for rule in (RULES[0], DEFAULT)
        }
        today = errors[RULES[0].name]
        for name_of_rule, read in errors.items():
            looks = [compared(read[:, at] - today[:, at], BOUNDARIES[1][0], 0.02) for at in range(len(budgets))]
            means = read.mean(axis=0).tolist()
            lines.append([name, name_of_rule, *map(cell, means, looks)])
            document[f"{name}, {name_of_rule}"] = [
                {"error": mean, **asdict(look)} for mean, look in zip(means, looks, strict=True)
            ]
    text = [
        "# Warm-start configurations and the pruner, with the sampler `curves`",
        "",
        f"`python benchmarks/strategies/list_pruning.py --curves {seeds}` on {pages.machine()}.",
        "",
        "As in [list-pruning.md](list-pruning.md), with lists of 60 configurations; the driver makes the searches.",
        "",
        *pages.table(["table", "asha may stop", *(f"after {at}:" for at in budgets)], lines),
    ]
    pages.write(output, "list-pruning-curves", "\n".join(text) + "\n", document)


def main(arguments: Sequence[str]) -> None:
    """Search, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--check", type=int, default=5, help="searches of each rule that the driver makes, too")
    parser.add_argument("--curves", type=int, default=0, help="this number of searches of curves instead")
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    asked = parser.parse_args(arguments)
    if asked.curves:
        curves_page(asked.curves, asked.kept.with_stem("list-pruning-curves"), asked.output)
        return
    proposed = proposals(asked.seeds, asked.kept)
    document: dict[str, Any] = {"seeds": asked.seeds, "read_at": READ_AT, "tables": {}}
    text = [
        "# Warm-start configurations and the pruner",
        "",
        f"`python benchmarks/strategies/list_pruning.py --seeds {asked.seeds}` on {pages.machine()}.",
        "",
        "Errors of the selected configuration of `random` with `asha` and a list of ten configurations. Differences to "
        "the first row are percentage points with 95% intervals. Each search has a list of its own, made of a random "
        "part of the other table. The columns are costs in full trainings.",
    ]
    for name in OTHER:
        pool = Pool(name, proposed)
        check(pool, asked.check)
        document["tables"][name] = {}
        for part, number in PARTS.items():
            found = [*rows(pool, number, asked.seeds)]
            document["tables"][name][part] = {
                rule: [{"error": mean, **asdict(look)} for mean, look in zip(means, looks, strict=True)]
                for rule, means, looks in found
            }
            heads = ["asha may stop", *(f"after {at}:" for at in READ_AT)]
            lines = [[rule, *map(cell, means, looks)] for rule, means, looks in found]
            text += ["", f"## {name}, lists of {part} of {OTHER[name]}", "", *pages.table(heads, lines)]
    pages.write(asked.output, "list-pruning", "\n".join(text) + "\n", document)
    print(f"{asked.output / 'list-pruning.md'}")


if __name__ == "__main__":
    main(sys.argv[1:])
