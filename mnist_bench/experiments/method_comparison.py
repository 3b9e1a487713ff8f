"""`bench search`: search methods on recorded tables, each with the same seeds, at several budgets.

The cost of a search is the sum of the logical costs of its periods, in trainings of an average configuration. An epoch
of a large net costs more than an epoch of a small one, and unlike a measured time the cost is the same in every run.
Each search is run once, to the largest budget: at a smaller one it had selected what it had selected by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from mnist_bench import cells
from mnist_bench.cells import points
from mnist_bench.experiments.replays import (
    GUESS,
    Replayed,
    SearchMethod,
    Terms,
    Trace,
    Values,
    replayed,
    replays,
)
from mnist_bench.experiments.trainings import Observer
from mnist_bench.result_table import Figure, Table
from mnist_bench.statistics import LEVEL, corrected, effect_shown, holm, paired, t_interval
from search.arguments import check_count
from search.errors import UsageError
from search.messages import number_of, show
from search.repeatability import TriedOn, require

EQUAL = 0.02
"""Differences of normalized regret below it are of no use to anybody. A method is equal to another if the whole
interval of their difference lies within."""
FINEST = 1e-9  # regrets are real numbers; differences below this one are rounding

STEPS = 100  # points of the largest budget at which curves are read
MEANINGS = (
    "regret: normalized, 0% is the best configuration of a table and 100% the median one or a worse one, linear in the "
    "logarithm of the error or value. Before its first complete trial a search has 100%.",
    "trials: the budget is estimated cost, in full trainings of an average configuration. A large network's epoch "
    "counts for more than a small one's, and an estimate is the same in every run.",
    f"p: {corrected('paired t-tests', ' for all rows of a table')}. Equal: the whole interval lies within "
    f"±{points(EQUAL)} percentage points, whatever p is. Detectable: what is found in four of five such comparisons.",
)
DEVELOPS = (
    "Selected configurations are scored with the seed that the search saw: good for development, but not evidence for "
    "a claim."
)

Named = str | Mapping[str, Any]  # a sampler or a pruner by its name, or as a space file has it: `name` and options
Verdict = Literal["better", "worse", "equal", "no difference shown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodComparison:
    """Search methods on one table, each with the same seeds."""

    table: str
    space: str
    of_errors: bool  # whether scores are errors (0..1); else values
    develops: bool  # whether choices are scored with the seed that the search saw: good for development, not for claims
    budgets: tuple[int, ...]  # in trainings of an average configuration, the smallest first
    concurrent_trials: int
    seeds: tuple[int, ...]  # of the searches
    methods: tuple[SearchMethod, ...]  # the first is the one that all others are compared with
    traces: tuple[tuple[Trace, ...], ...]  # of each method, one a seed

    def regrets(self, at: Sequence[float]) -> Values:
        """Return the regrets of the choices at these budgets, of shape (methods, seeds, budgets)."""
        return self._read(at, "regret", GUESS)

    def scores(self, at: Sequence[float]) -> Values:
        """Return their scores; NaN before the first choice of a search."""
        return self._read(at, "score", math.nan)

    def _read(self, at: Sequence[float], figure: str, before: float) -> Values:
        def read(trace: Trace) -> Values:
            figures = np.array([before, *(getattr(choice, figure) for choice in trace)])
            return np.asarray(figures[np.searchsorted([choice.spent for choice in trace], at, side="right")])

        return np.array([[read(trace) for trace in traces] for traces in self.traces])


def compare_methods(
    observer: Observer,
    *,
    tables: Sequence[str],
    samplers: Sequence[Named],
    pruners: Sequence[Named],
    seeds: int,
    trials: Sequence[int],
    concurrent_trials: int,
    processes: int = 1,
) -> list[MethodComparison]:
    """Return the results of the searches, one comparison per table; those of a method have the seeds from 0."""
    for number in trials:
        check_count("trials", number)
    if not tables or not trials:
        raise UsageError("There is nothing to search: give tables and trials.")
    on = [replayed(name) for name in tables]
    names = [table.name for table in on]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--tables: {names.count(name)} of the tables are called {show(name)}; name each once.")
    methods = line_up(samplers, pruners)
    for table in on:
        tried_on = TriedOn(space=table.space, planner=table.space_planner, periods=table.periods)
        for method in methods:
            check_fit(method, tried_on)
    return [_comparison(table, methods, seeds, trials, concurrent_trials, processes, observer) for table in on]


def _comparison(
    table: Replayed,
    methods: tuple[SearchMethod, ...],
    number: int,
    trials: Sequence[int],
    concurrent_trials: int,
    processes: int,
    observer: Observer,
) -> MethodComparison:
    seeds, budgets = tuple(range(number)), tuple(sorted(set(trials)))
    total, done = len(methods) * len(seeds), 0

    def on_trace() -> None:
        nonlocal done
        done += 1
        if done == total or done % (total // 10 or 1) == 0:
            observer.on_notice(f"{table.name}: {done} of {total} searches")

    terms = Terms(budget=budgets[-1], concurrent_trials=concurrent_trials)
    traces = replays(table, methods, seeds, terms, processes=processes, on_trace=on_trace, stopping=observer.stopping)
    return MethodComparison(
        table=table.name, space=table.space.name, of_errors=table.of_errors, develops=table.develops, budgets=budgets,
        concurrent_trials=concurrent_trials, seeds=seeds, methods=methods, traces=traces,
    )  # fmt: skip


# The methods


def line_up(samplers: Sequence[Named], pruners: Sequence[Named]) -> tuple[SearchMethod, ...]:
    """Return every sampler with every pruner; the first is the one that all are compared with."""
    methods = [
        SearchMethod(sampler=sampler, pruner=pruner, sampler_options=of_sampler, pruner_options=of_pruner)
        for sampler, of_sampler in _named("sampler", samplers)
        for pruner, of_pruner in _named("pruner", pruners)
    ]
    if not methods:
        raise UsageError("No search method takes part; name samplers and pruners.")
    return tuple({method.name: method for method in methods}.values())


def _named(kind: str, given: Sequence[Named]) -> list[tuple[str, dict[str, Any]]]:
    """Return names with their options."""
    found = []
    for one in given:
        options = {} if isinstance(one, str) else dict(one)
        name = one if isinstance(one, str) else options.pop("name", None)
        if not isinstance(name, str):
            raise UsageError(f"{kind} {show(options)}: give its name, such as {{name: tpe, n_startup_trials: 5}}.")
        found.append((name, options))
    return found


def check_fit(method: SearchMethod, tried_on: TriedOn) -> None:
    """Check that a method's sampler fits a space, and that your own code repeats."""
    sampler, pruner = method.strategies()
    if reason := sampler.misfit(tried_on.space):
        raise UsageError(f"{method.name} on {tried_on.space.name}: {reason}.")
    require(sampler, pruner, tried_on)


# What they found


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """By how much the regrets of a method are above those of the first one, in pairs."""

    mean: float
    low: float  # ends of Student's 95% interval, of this row alone
    high: float
    p_value: float  # of a paired t test, corrected for all rows of a table
    smallest: float
    """Difference that so many pairs show in four of five comparisons, at the corrected level of the smallest p."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the method."""
        if -EQUAL < self.low <= self.high < EQUAL:
            return "equal"
        if self.p_value >= LEVEL:
            return "no difference shown"
        return "better" if self.mean < 0 else "worse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a method did at a budget: on one table over its seeds, or over several tables."""

    method: SearchMethod
    budget: int
    regret: float  # mean, 0..1
    interval: tuple[float, float]  # 95% interval of the mean
    difference: Difference | None  # None of the first method
    score: float | None = None  # mean score on one table; None if a search had selected nothing yet
    wins: tuple[int, int, int] | None = None
    """Over several tables: on how many it is better than the first, worse, and neither."""


def standings(comparison: MethodComparison) -> list[Standing]:
    """Return how each method did on one table at each budget, over the seeds."""
    scores = comparison.scores(comparison.budgets).mean(axis=1).ravel().tolist()
    rows = _standings(comparison, comparison.regrets(comparison.budgets))
    return [replace(row, score=None if math.isnan(one) else one) for row, one in zip(rows, scores, strict=True)]


def over_tables(comparisons: Sequence[MethodComparison]) -> list[Standing]:
    """Return how each method did over two or more tables at each budget; a table counts by its mean over the seeds."""
    on_each = zip(*(standings(comparison) for comparison in comparisons), strict=True)
    means = np.stack([one.regrets(one.budgets).mean(axis=1) for one in comparisons], axis=1)
    return [
        replace(row, wins=_wins([one.difference.verdict for one in rows if one.difference]))
        for row, rows in zip(_standings(comparisons[0], means), on_each, strict=True)
    ]


def _wins(verdicts: Sequence[Verdict]) -> tuple[int, int, int] | None:
    better, worse = verdicts.count("better"), verdicts.count("worse")
    return (better, worse, len(verdicts) - better - worse) if verdicts else None


def _standings(comparison: MethodComparison, regrets: Values) -> list[Standing]:
    """Return the standings of methods with these regrets, of shape (methods, seeds or tables, budgets)."""
    methods, count, budgets = regrets.shape
    rows = [(method, at) for method in range(methods) for at in range(budgets)]
    # Where neither has selected anything yet, nothing is compared.
    pairs = [row for row in rows[budgets:] if (regrets[[0, row[0]], :, row[1]] < GUESS).any()]
    found = [paired((regrets[method, :, at] - regrets[0, :, at]).tolist(), FINEST) for method, at in pairs]
    differences = {
        pair: Difference(
            mean=one.mean, low=one.low, high=one.high, p_value=p_value,
            smallest=one.deviation * effect_shown(count, LEVEL / len(found)),
        )
        for pair, one, p_value in zip(pairs, found, holm([one.p_value for one in found]), strict=True)
    }  # fmt: skip
    return [
        Standing(
            method=comparison.methods[method],
            budget=comparison.budgets[at],
            regret=float(regrets[method, :, at].mean()),
            interval=_within(t_interval(regrets[method, :, at].tolist(), step=FINEST)),
            difference=differences.get((method, at)),
        )
        for method, at in rows
    ]


def _within(interval: tuple[float, float] | None) -> tuple[float, float]:
    low, high = interval or (0.0, 1.0)
    return max(0.0, low), min(1.0, high)


def finding(rows: Sequence[Standing]) -> str:
    """Return the largest difference that is shown at the largest budget, in a sentence."""
    budget, first = max(row.budget for row in rows), rows[0].method.name
    made = [(row, row.difference) for row in rows if row.budget == budget and row.difference is not None]
    shown = [(row, found) for row, found in made if found.verdict in ("better", "worse")]
    at = f"at {budget} trials"
    if shown:
        row, found = max(shown, key=lambda one: (one[1].verdict == "better", abs(one[1].mean)))
        better, other = (row.method.name, first) if found.mean < 0 else (first, row.method.name)
        return f"{better} has {100 * abs(found.mean):.1f} percentage points less regret than {other} {at}"
    if made and all(found.verdict == "equal" for _, found in made):
        return f"All methods are equal to {first} within {100 * EQUAL:g} percentage points of regret {at}"
    if made:
        return f"No difference between {first} and another method is shown {at}"
    return f"{first} alone takes part: there is nothing to compare"


# As tables


def tables_of(comparisons: Sequence[MethodComparison]) -> list[Table[Any]]:
    """Return a table for each comparison, and for several one over all; the first holds the whole result for JSON."""
    tables = [_table_of(comparison) for comparison in comparisons]
    overall = [_overall(comparisons)] if len(comparisons) > 1 else []
    document = {
        "finding": finding([*tables, *overall][-1].rows),
        "comparisons": [_plain(*one) for one in zip(comparisons, tables, strict=True)],
        "over_tables": [record for table in overall for record in table.records()],
    }
    tables[0] = replace(tables[0], document=document)
    found = [*tables, *overall]
    return [*found[:-1], replace(found[-1], footnotes=["", *MEANINGS])]


def _table_of(comparison: MethodComparison) -> Table[Standing]:
    rows = standings(comparison)
    reads = cells.percent if comparison.of_errors else cells.value
    heading = "error" if comparison.of_errors else "value"
    score = Figure[Standing](heading, lambda row: row.score, 6, "right", reads, key="score")
    return Table(
        rows=rows,
        figures=_figures(comparison.table, rows, [score]),
        caption=[
            f"{finding(rows)}.",
            f"table {comparison.table}: {len(comparison.seeds)} seeds, "
            f"{number_of(comparison.concurrent_trials, 'concurrent trial')}.",
            "Searches were replayed over one table: intervals cover other seeds, not other data.",
            *([DEVELOPS] if comparison.develops else []),
        ],
    )


def _overall(comparisons: Sequence[MethodComparison]) -> Table[Standing]:
    rows = over_tables(comparisons)
    wins = [
        Figure[Standing]("better", lambda row: row.wins and row.wins[0], 6, "right", _or_nothing(), key="better_on"),
        Figure[Standing]("worse", lambda row: row.wins and row.wins[1], 6, "right", _or_nothing(), key="worse_on"),
        Figure[Standing]("neither", lambda row: row.wins and row.wins[2], 5, "right", _or_nothing(), key="neither_on"),
    ]
    return Table(
        rows=rows,
        figures=_figures("all", rows, wins),
        caption=[
            f"{finding(rows)}.",
            f"all {len(comparisons)} tables, each by its mean over the seeds: intervals cover other tables like these.",
        ],
    )


def _figures(table: str, rows: Sequence[Standing], own: Sequence[Figure[Standing]]) -> list[Figure[Standing]]:
    """Return the figures of rows of one table or of all; `own` are those that only one of the two has."""

    def compared(figure: str) -> Callable[[Standing], Any]:
        return lambda row: row.difference and getattr(row.difference, figure)

    return [
        Figure("", lambda row: table, key="table"),
        Figure("method", lambda row: row.method.name, 12, key="method"),
        Figure("trials", lambda row: row.budget, 11, "right", key="trials"),
        Figure("regret", lambda row: row.regret, 10, "right", key="regret", reads=_regret),
        Figure("", lambda row: row.interval[0], key="regret_low"),
        Figure("", lambda row: row.interval[1], key="regret_high"),
        *own,
        Figure(
            f"against {rows[0].method.name}", compared("mean"), 9, "right", key="difference",
            reads=lambda row: _difference(row.difference), legend=["against: in percentage points, negative is better"],
        ),
        Figure("", compared("low"), key="low"),
        Figure("", compared("high"), key="high"),
        Figure("verdict", compared("verdict"), 8, cell=_or_nothing(), key="verdict"),
        Figure("p", compared("p_value"), 7, "right", _or_nothing(cells.p_column), key="p_value"),
        Figure("detectable", compared("smallest"), 3, "right", _or_nothing(points), key="detectable"),
    ]  # fmt: skip


def _or_nothing(reads: Callable[[Any], str] = str) -> Callable[[Any], str]:
    return lambda value: "" if value is None else reads(value)


def _regret(row: Standing) -> str:
    low, high = (f"{100 * end:.1f}" for end in row.interval)
    return f"{cells.percent(row.regret, 1)} [{low}, {high}]"


def _difference(found: Difference | None) -> str:
    return "" if found is None else f"{points(found.mean, sign=True)} [{points(found.low)}, {points(found.high)}]"


def _plain(comparison: MethodComparison, table: Table[Standing]) -> dict[str, Any]:
    """Return a comparison as plain values for JSON, with the mean curve of each method."""
    values = {name: value for name, value in asdict(comparison).items() if name not in ("methods", "traces")}
    at = (np.arange(1, STEPS + 1) * comparison.budgets[-1] / STEPS).tolist()
    curves = comparison.regrets(at)
    finals = comparison.regrets(comparison.budgets[-1:])[:, :, 0]
    return {
        **values,
        "finding": finding(table.rows),
        "rows": table.records(),
        "methods": [
            {
                "method": method.name,
                **asdict(method),
                "regrets": finals[number].tolist(),
                "curve": {"spent": at, "regret": curves[number].mean(axis=0).tolist()},
            }
            for number, method in enumerate(comparison.methods)
        ],
    }
