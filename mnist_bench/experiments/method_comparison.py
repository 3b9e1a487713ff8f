"""`bench search`: search methods on recorded tables, each with the same seeds, at several budgets.

The cost of a search is the sum of the logical costs of its periods, in trainings of an average configuration. An epoch
of a large net costs more than an epoch of a small one, and unlike a measured time the cost is the same in every run.
Each search is run once, to the largest budget: at a smaller one it had selected what it had selected by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from typing import Any, Literal

import numpy as np

from mnist_bench import cells
from mnist_bench.cells import points
from mnist_bench.experiments.method_plan import Plan, Planned
from mnist_bench.experiments.replays import GUESS, Named, Searched, Terms, Values, check_fit, line_up, replayed, replays
from mnist_bench.experiments.trainings import Observer
from mnist_bench.result_table import Figure, ShownAsTable, Table
from mnist_bench.statistics import LEVEL, corrected, effect_shown, holm, paired
from search.arguments import check_count
from search.errors import UsageError
from search.messages import joined, number_of, show

FINEST = 1e-9  # regrets are real numbers; differences below this one are rounding
FOOTNOTES = (
    "regret: normalized, 0% is the best configuration of a table and 100% the median one or a worse one, linear in the "
    "logarithm of the error or value. Before its first complete trial a search has 100%.",
    "trials: the budget is estimated cost, in full trainings of an average configuration. Budgets share one search per "
    "seed.",
    f"p: {corrected('paired t-tests', ' for all comparisons of the table')}; that of the primary endpoint is not "
    "corrected. detectable: what is found in four of five such comparisons.",
)
INTERVALS = {
    "tables": "A table counts by its mean over the seeds: intervals cover other tables like these.",
    "seeds": "Searches were replayed over one table: intervals cover other seeds, not other data.",
}

Verdict = Literal["better", "worse", "equal", "no difference shown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """By how much the regrets of a method are above those of the first one, in pairs."""

    mean: float
    low: float  # ends of Student's 95% interval, of this comparison alone
    high: float
    p_value: float  # of a paired t test, corrected for all secondary and unplanned comparisons of the table
    detectable: float
    """Difference that is found in four of five such comparisons, at the corrected level of the smallest p."""
    wins: int  # tables, or seeds of the only table, on which the method has less regret than the first
    ties: int
    losses: int
    planned: Planned
    margin: float  # of the plan; 0 if the comparison was not planned

    @property
    def verdict(self) -> Verdict:
        """The verdict on the method; equal is what lies within the margin with its whole interval."""
        if -self.margin < self.low <= self.high < self.margin:
            return "equal"
        if self.p_value >= LEVEL:
            return "no difference shown"
        return "better" if self.mean < 0 else "worse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a method did at a budget."""

    method: str
    trials: int
    regret: float  # mean, 0..1
    difference: Difference | None  # None of the first method


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class MethodComparison(ShownAsTable):
    """Searches of each method on each table, with the same seeds."""

    methods: tuple[str, ...]  # the first is the one that all others are compared with
    tables: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: tuple[int, ...]  # budgets, the smallest first
    concurrent_trials: int
    searches: tuple[Searched, ...]
    develops: tuple[str, ...]  # tables on which choices are scored with the seed that the search saw
    plan: Plan | None

    def regrets(self, at: Sequence[float]) -> Values:
        """Return the regrets of the choices at these budgets, of shape (methods, tables, seeds, budgets)."""

        def read(searched: Searched) -> Values:
            figures = np.array([GUESS, *(choice.regret for choice in searched.choices)])
            spent = [choice.spent for choice in searched.choices]
            return np.asarray(figures[np.searchsorted(spent, at, side="right")])

        found = {(each.method, each.table, each.seed): read(each) for each in self.searches}
        shape = len(self.methods), len(self.tables), len(self.seeds), len(at)
        return np.array([found[key] for key in product(self.methods, self.tables, self.seeds)]).reshape(shape)

    def units(self, at: Sequence[float]) -> Values:
        """Return the regrets that intervals are over, of shape (methods, units, budgets): the mean over the seeds of
        each table; of a single table the regret of each seed."""
        regrets = self.regrets(at)
        return np.asarray(regrets.mean(axis=2) if len(self.tables) > 1 else regrets[:, 0])

    @property
    def unit(self) -> str:
        """What intervals are over: `tables` or `seeds`."""
        return "tables" if len(self.tables) > 1 else "seeds"

    def standings(self) -> list[Standing]:
        """Return how each method did at each budget."""
        regrets = self.units(self.trials)
        differences = self._differences(regrets)
        return [
            Standing(
                method=method, trials=budget, regret=float(regrets[number, :, at].mean()),
                difference=differences.get((method, budget)),
            )
            for number, method in enumerate(self.methods)
            for at, budget in enumerate(self.trials)
        ]  # fmt: skip

    def _differences(self, regrets: Values) -> dict[tuple[str, int], Difference]:
        """Return the differences from the first method, by method and budget; where neither method has less than the
        regret of a guess anywhere, nothing is compared."""
        pairs = {
            (method, budget): regrets[number, :, at] - regrets[0, :, at]
            for number, method in enumerate(self.methods)
            for at, budget in enumerate(self.trials)
            if number and (regrets[[0, number], :, at] < GUESS).any()
        }
        planned = {pair: self.plan.planned(*pair) if self.plan else "not planned" for pair in pairs}
        found = {pair: paired(each.tolist(), FINEST) for pair, each in pairs.items()}
        others = [pair for pair in pairs if planned[pair] != "primary"]
        p_values = dict(zip(others, holm([found[pair].p_value for pair in others]), strict=True))
        effects = {
            pair: effect_shown(regrets.shape[1], LEVEL / max(1, len(others) * (pair in p_values))) for pair in pairs
        }
        return {
            pair: Difference(
                mean=one.mean, low=one.low, high=one.high, p_value=p_values.get(pair, one.p_value),
                detectable=one.deviation * effects[pair],
                wins=int((pairs[pair] < -FINEST).sum()), losses=int((pairs[pair] > FINEST).sum()),
                ties=int((abs(pairs[pair]) <= FINEST).sum()), planned=planned[pair],
                margin=self.plan.margin if self.plan and planned[pair] != "not planned" else 0.0,
            )
            for pair, one in found.items()
        }  # fmt: skip

    def table(self) -> Table[Standing]:
        """Return the comparison as a table, whose document holds all of it."""
        rows = self.standings()
        table = Table(rows=rows, figures=self._figures(), caption=[f"{finding(rows)}.", *self._terms()])
        by_table = self.by_table().records()
        document = {**asdict(self), "finding": finding(rows), "rows": table.records(), "by_table": by_table}
        return replace(table, footnotes=["", *FOOTNOTES], document=document)

    def _terms(self) -> Iterator[str]:
        """Yield on what the figures rest, in sentences."""
        tables = f"table {self.tables[0]}" if len(self.tables) == 1 else f"{len(self.tables)} tables"
        yield f"{tables}: {len(self.seeds)} seeds, {number_of(self.concurrent_trials, 'concurrent trial')}."
        yield INTERVALS[self.unit]
        if self.plan is None:
            yield "No plan fixed these searches in advance: nothing is called equal, and no p-value is evidence alone."
        else:
            yield f"Planned: margin {points(self.plan.margin)} percentage points; all but the primary row is secondary."
        if self.develops:
            yield f"{joined(self.develops)}: choices are scored with the seed that the search saw, for lack of others."
        for method, count in Counter(each.method for each in self.searches if each.failed).items():
            yield f"{count} of the searches of {method} ended early, because hardly any configuration was feasible."

    def _figures(self) -> list[Figure[Standing]]:
        def compared(name: str) -> Callable[[Standing], Any]:
            return lambda row: row.difference and getattr(row.difference, name)

        return [
            Figure("method", lambda row: row.method, 12, key="method"),
            Figure("trials", lambda row: row.trials, 11, "right", key="trials"),
            Figure("regret", lambda row: row.regret, 10, "right", partial(cells.percent, digits=1), key="regret"),
            Figure(
                f"against {self.methods[0]}", compared("mean"), 9, "right", reads=lambda row: _reads(row.difference),
                key="difference", legend=["against: in percentage points, negative is better"],
            ),
            Figure("", compared("low"), key="low"),
            Figure("", compared("high"), key="high"),
            Figure("wins", compared("wins"), 6, "right", cells.or_nothing(), key="wins"),
            Figure("ties", compared("ties"), 5, "right", cells.or_nothing(), key="ties"),
            Figure("losses", compared("losses"), 6, "right", cells.or_nothing(), key="losses",
                   legend=[f"wins, ties, losses: {self.unit} on which the method has less regret, as much, more"]),
            Figure("verdict", compared("verdict"), 8, cell=cells.or_nothing(), key="verdict"),
            Figure("p", compared("p_value"), 7, "right", cells.or_nothing(cells.p_column), key="p_value"),
            Figure("planned", compared("planned"), 4, cell=cells.or_nothing(), key="planned"),
            Figure("detectable", compared("detectable"), 3, "right", cells.or_nothing(points), key="detectable"),
        ]  # fmt: skip

    def by_table(self) -> Table[int]:
        """Return the mean regret of each method on each table at the largest budget."""
        regrets = self.regrets(self.trials[-1:]).mean(axis=2)[:, :, 0].tolist()
        percent = partial(cells.percent, digits=1)
        return Table(
            rows=range(len(self.tables)),
            figures=[
                Figure("table", lambda table: self.tables[table], 9, key="table"),
                *(
                    Figure(method, found.__getitem__, 8, "right", percent, key=method)
                    for method, found in zip(self.methods, regrets, strict=True)
                ),
            ],
            caption=["", f"Mean regret over the seeds at {self.trials[-1]} trials, by table."],
        )


def _reads(found: Difference | None) -> str:
    return "" if found is None else f"{points(found.mean, sign=True)} [{points(found.low)}, {points(found.high)}]"


def finding(rows: Sequence[Standing]) -> str:
    """Return in a sentence what the primary row shows; without one, the largest difference at the largest budget."""
    first, made = rows[0].method, [(row, row.difference) for row in rows if row.difference]
    primary = [pair for pair in made if pair[1].planned == "primary"]
    told = primary or [pair for pair in made if pair[0].trials == rows[-1].trials]
    if not told:
        return f"{first} alone takes part: there is nothing to compare"
    shown = [pair for pair in told if pair[1].verdict in ("better", "worse")]
    row, found = max(shown or told, key=lambda pair: (pair[1].verdict == "better", abs(pair[1].mean)))
    at = f"at {row.trials} trials"
    match found.verdict:
        case "better" | "worse":
            better, other = (row.method, first) if found.mean < 0 else (first, row.method)
            return f"{better} has {100 * abs(found.mean):.1f} percentage points less regret than {other} {at}"
        case "equal" if all(each.verdict == "equal" for _, each in told):
            which = f"{row.method} is" if len(told) == 1 else "All methods are"
            return f"{which} equal to {first} within {100 * found.margin:g} percentage points of regret {at}"
        case _:
            return (
                f"No difference between {first} and {row.method if len(told) == 1 else 'another method'} is shown {at}"
            )


def compare_methods(
    observer: Observer,
    *,
    tables: Sequence[str],
    samplers: Sequence[Named],
    pruners: Sequence[Named],
    seeds: int,
    trials: Sequence[int],
    concurrent_trials: int,
    plan: Plan | None = None,
    processes: int = 1,
    known: Iterable[Searched] = (),
    on_search: Callable[[Searched], None] = lambda searched: None,
) -> MethodComparison:
    """Return the searches of every sampler with every pruner, with the seeds from 0; those that are `known` are not
    searched again. `on_search` gets each of the others. A plan that fixes other searches counts as none."""
    for number in trials:
        check_count("trials", number)
    if not tables or not trials:
        raise UsageError("There is nothing to search: give tables and trials.")
    on = [replayed(name) for name in tables]
    names = tuple(table.name for table in on)
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--tables: {names.count(name)} of the tables are called {show(name)}; name each once.")
    methods = line_up(samplers, pruners)
    for table, method in product(on, methods.values()):
        check_fit(method, table)
    budgets = tuple(sorted(set(trials)))
    wanted = {
        (table.name, name, seed): (table, method, seed)
        for seed in range(seeds)
        for table in on
        for name, method in methods.items()
    }
    found = {key: each for each in known if (key := (each.table, each.method, each.seed)) in wanted}
    left = [asked for key, asked in wanted.items() if key not in found]
    terms = Terms(budget=budgets[-1], concurrent_trials=concurrent_trials)
    for done, each in enumerate(replays(left, terms, processes=processes, stopping=observer.stopping), start=1):
        found[each.table, each.method, each.seed] = each
        on_search(each)
        if done == len(left) or done % (len(left) // 10 or 1) == 0:
            observer.on_notice(f"{done} of {len(left)} searches")
    fixes = plan is not None and plan.fixes(names, next(iter(methods)), seeds, concurrent_trials)
    return MethodComparison(
        methods=tuple(methods), tables=names, seeds=tuple(range(seeds)), trials=budgets,
        concurrent_trials=concurrent_trials, searches=tuple(found[key] for key in wanted),
        develops=tuple(table.name for table in on if table.develops), plan=plan if fixes else None,
    )  # fmt: skip
