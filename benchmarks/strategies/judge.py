"""Compare samplers on tabular tasks that are not MNIST, by a plan that was fixed in advance (judges.yaml).

    python benchmarks/strategies/judge.py --open develops     on the tables that a sampler may be developed on
    python benchmarks/strategies/judge.py --open judges       on those that judge it, once, when it is final
    python benchmarks/strategies/judge.py --open develops --ways random curves --seeds 6    less, to look at
    python benchmarks/strategies/judge.py --open judges --join judge-judges judge-scikit-learn    published families

The regret of a search is that of the configuration that it would choose: 0 is the best of the table and 1 the median
one or worse (`ValueTable.regrets`). Of each task the mean over the seeds counts. The claims are tested over the tasks,
by Wilcoxon's signed-rank test, two-sided, and adjusted together by Holm's method. Results of searches are kept in
results/_bench/judge-develops.jsonl or -judges.jsonl, so that the same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy.stats import wilcoxon  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
import contest_pages
import pages
from publish import FOLDER

from mnist_bench import value_tables
from mnist_bench.cells import p_value
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.error_curves import curves
from mnist_bench.plots.experiments import contest as picture
from mnist_bench.statistics import holm, t_interval

PLAN = Path(__file__).parent / "judges.yaml"
KEPT = Path("results/_bench")
WITH_CURVES = "scikit-learn"
"""The family whose tables have learning curves, and which is searched with asha."""
EARLIER = (15,)
"""Numbers of trials that are shown, beside those of the claims."""
TITLES = {
    "develops": "Samplers on tabular tasks that are not MNIST: tables for development",
    "judges": "Samplers on tabular tasks that are not MNIST: tables that judge",
}
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The part of the plan's file that concerns the tables to open."""

    tasks: Mapping[str, tuple[str, ...]]
    """Names of tables by family."""
    first_seed: int
    seeds: int
    slots: int
    claimed: tuple[int, ...]
    """Numbers of trials at which the claims are tested."""
    ways: tuple[str, ...]
    way: str
    against: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of trials at which regrets are shown."""
        return (*EARLIER, *self.claimed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A way against another at a number of trials, over the tasks."""

    way: str
    against: str
    trials: int
    difference: float
    """Mean over the tasks; negative is better."""
    low: float
    high: float
    """95% interval of the mean over the seeds, on these very tasks."""
    better_on: int
    """Tasks with less mean regret."""
    tasks: int
    p_value: float
    """Wilcoxon's, over the tasks."""
    adjusted: float | None = None
    """By Holm's method, if it is one of the claims."""


def plan_of(opened: str, path: Path = PLAN) -> Plan:
    """Return the plan for the tables that develop or judge."""
    values = YAML(typ="safe").load(path)
    names = value_tables.names()
    tasks = {family: names[family] if given == "all" else tuple(given) for family, given in values[opened].items()}
    return Plan(
        tasks={family: tuple(tables) for family, tables in tasks.items()}, first_seed=values["seeds"]["first"],
        seeds=values["seeds"]["number"], slots=values["concurrent_trials"], claimed=tuple(values["trials"]),
        ways=tuple(values["ways"]), way=values["claims"]["way"], against=tuple(values["claims"]["against"]),
    )  # fmt: skip


def searched(plan: Plan, ways: Sequence[str], seeds: int, processes: int, ledger: Path) -> Iterator[Contest]:
    """Yield the searches of each task."""
    for family, tables in plan.tasks.items():
        pruner = "asha" if family == WITH_CURVES else "none"
        for table in tables:
            asked = ContestOptions(
                tables=(f"{family}/{table}",), ways=tuple(Entrant(sampler=way, pruner=pruner) for way in ways),
                seeds=seeds, first_seed=plan.first_seed, trials=max(plan.numbers), slots=plan.slots,
                processes=processes, ledger=ledger,
            )  # fmt: skip
            yield from compare_methods(asked, Lines())


def regrets(contests: Sequence[Contest], numbers: Sequence[int]) -> Values:
    """Return the regrets of the choices, of shape (numbers, tasks, ways, seeds), at the cost of so many whole
    trainings."""
    steps = [curves(contest, contest.budget) for contest in contests]
    return np.array([[found[:, :, number - 1] for found in steps] for number in numbers])


def compared(found: Values, ways: Sequence[str], way: str, against: str, trials: int) -> Compared:
    """Return one way against another, given the regrets at a number of trials, of shape (tasks, ways, seeds)."""
    differences = found[:, ways.index(way)] - found[:, ways.index(against)]
    by_task = differences.mean(axis=1)
    interval = t_interval(differences.mean(axis=0).tolist())
    if interval is None:
        raise SystemExit("A comparison needs two seeds at least.")
    return Compared(
        way=way, against=against, trials=trials, difference=float(by_task.mean()), low=interval[0], high=interval[1],
        better_on=int((by_task < 0).sum()), tasks=len(by_task),
        p_value=float(wilcoxon(by_task).pvalue) if by_task.any() else 1.0,
    )  # fmt: skip


def comparisons(plan: Plan, found: Values, ways: Sequence[str]) -> list[Compared]:
    """Return the claims, adjusted, then what is compared besides: at other numbers of trials, and other ways."""
    places = {number: place for place, number in enumerate(plan.numbers)}

    def of(pairs: Sequence[tuple[str, str]], numbers: Sequence[int]) -> list[Compared]:
        return [compared(found[places[number]], ways, *pair, number) for number, pair in product(numbers, pairs)]

    claims = [(plan.way, other) for other in plan.against if {plan.way, other} <= {*ways}]
    others = [(way, other) for place, way in enumerate(ways) for other in ways[:place] if (way, other) not in claims]
    tested = of(claims, plan.claimed)
    adjusted = holm([one.p_value for one in tested])
    fields = [{**asdict(one), "adjusted": p} for one, p in zip(tested, adjusted, strict=True)]
    return [*(Compared(**each) for each in fields), *of(claims, EARLIER), *of(others, plan.numbers)]


def joined(plan: Plan, documents: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yield a row for each claim over the tasks of several results, which may differ in their number of searches."""
    tasks = [values for document in documents for values in document["regrets"].values()]
    rows = []
    for number, other in product(plan.claimed, plan.against):
        ours, others = (np.array([np.mean(values[way][str(number)]) for values in tasks]) for way in (plan.way, other))
        rows.append((f"{plan.way} against {other}", number, ours, others, float(wilcoxon(ours - others).pvalue)))
    adjusted = holm([row[-1] for row in rows])
    for (words, number, ours, others, p), after in zip(rows, adjusted, strict=True):
        yield [
            words, str(number), f"{ours.mean():.3f}, {others.mean():.3f}",
            f"{(ours < others).sum()} of {len(tasks)}", p_value(p, 0.001), p_value(after, 0.001),
        ]  # fmt: skip


def page(
    plan: Plan, contests: Sequence[Contest], found: Values, ways: Sequence[str], rows: Sequence[Compared]
) -> Iterator[str]:
    """Yield the paragraphs of the page."""
    families = np.array([contest.task.partition("/")[0] for contest in contests])
    means = found.mean(axis=3)
    heads = ["normalized regret", "tasks:", *(f"{way}, {number}:" for number, way in product(plan.numbers, ways))]
    groups = [("all tasks", np.full(len(contests), True)), *((each, families == each) for each in plan.tasks)]
    yield "\n".join(
        pages.table(
            heads,
            (
                [name, str(chosen.sum()), *(f"{value:.3f}" for value in means[:, chosen].mean(axis=1).ravel())]
                for name, chosen in groups
            ),
        )
    )
    yield "\n".join(
        pages.table(
            heads[:1] + heads[2:],
            (
                [contest.task, *(f"{value:.3f}" for value in means[:, place].ravel())]
                for place, contest in enumerate(contests)
            ),
        )
    )
    yield "\n".join(pages.table(
        ["compared", "trials:", "difference", "better on", "p", "p, Holm"], (_words(row) for row in rows)
    ))  # fmt: skip
    cost = ", ".join(
        f"{way} {1000 * np.mean([trace.own_seconds for contest in contests for trace in contest.traces[place]]):.1f}"
        for place, way in enumerate(ways)
    )
    yield f"Processor time of the method per trial, in ms: {cost}."


def _words(row: Compared) -> list[str]:
    return [
        f"{row.way} against {row.against}", str(row.trials), f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]",
        f"{row.better_on} of {row.tasks}", p_value(row.p_value, 0.001),
        "" if row.adjusted is None else p_value(row.adjusted, 0.001),
    ]  # fmt: skip


def document(
    plan: Plan, contests: Sequence[Contest], found: Values, ways: Sequence[str], rows: Sequence[Compared]
) -> dict[str, Any]:
    """Return the result as plain values: the regret of each search, and the comparisons."""
    return {
        "seeds": list(contests[0].seeds),
        "ways": list(ways),
        "regrets": {
            contest.task: {
                way: {
                    str(number): [round(regret, 6) for regret in found[at, place, column].tolist()]
                    for at, number in enumerate(plan.numbers)
                }
                for column, way in enumerate(ways)
            }
            for place, contest in enumerate(contests)
        },
        "compared": [asdict(row) for row in rows],
    }


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", choices=list(TITLES), required=True)
    parser.add_argument("--ways", nargs="+", metavar="SAMPLER", help="by default those of the plan")
    parser.add_argument("--families", nargs="+", metavar="FAMILY", help="by default those of the plan")
    parser.add_argument("--seeds", type=int, metavar="N", help="by default those of the plan")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--name", help="of the page; by default judge-develops or judge-judges")
    parser.add_argument("--join", nargs="+", metavar="NAME", help="print the claims over the tasks of these results")
    parser.add_argument("--output", type=Path, default=FOLDER / "strategies")
    asked = parser.parse_args(arguments)
    plan = plan_of(asked.open)
    if asked.join:
        documents = [json.loads((asked.output / f"{name}.json").read_text()) for name in asked.join]
        print(
            "\n".join(
                pages.table(["compared", "trials:", "regret", "better on", "p", "p, Holm"], joined(plan, documents))
            )
        )
        return
    plan = replace(plan, tasks={family: plan.tasks[family] for family in asked.families or plan.tasks})
    ways = list(asked.ways or plan.ways)
    seeds = asked.seeds or plan.seeds
    contests = list(searched(plan, ways, seeds, asked.processes, KEPT / f"judge-{asked.open}.jsonl"))
    found = regrets(contests, plan.numbers)
    rows = comparisons(plan, found, ways)
    command = f"python benchmarks/strategies/judge.py --open {asked.open}"
    given = [
        ("--ways", asked.ways), ("--families", asked.families), ("--seeds", asked.seeds and [str(asked.seeds)]),
        ("--name", asked.name and [asked.name]),
    ]  # fmt: skip
    chosen = "".join(f" {option} {' '.join(values)}" for option, values in given if values)
    how = (
        f"{seeds} searches of each method on each task, with {plan.slots} concurrent trials. Regret: 0 is the best "
        "configuration of the table and 1 the median one or worse; see "
        "[methods.md](../../../docs/benchmarks/methods.md). A search sees the mean over the seeds of the table. "
        "Differences: mean over the tasks, negative is better; brackets: 95% interval over the seeds, for these tasks. "
        "p: Wilcoxon's signed-rank test over the tasks."
    )
    contest_pages.write_page(
        asked.output / (asked.name or f"judge-{asked.open}"), TITLES[asked.open],
        [f"`{command}{chosen}` on {pages.machine()}.", how, *page(plan, contests, found, ways, rows)],
        picture.rows(contests), document(plan, contests, found, ways, rows),
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
