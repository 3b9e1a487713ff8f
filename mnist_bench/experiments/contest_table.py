"""Contests as tables, with all their words: how each method did, on each table and over all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mnist_bench import cells
from mnist_bench.cells import points
from mnist_bench.experiments.contest import EQUAL, Contest, Difference, Standing, finding, over_tables, standings
from mnist_bench.result_table import Figure, Table
from search.messages import number_of

STEPS = 100
"""Points of the largest budget at which curves are read."""
MEANINGS = (
    "regret: normalized, 0% is the best configuration of a table and 100% the median one or a worse one, linear in the "
    "logarithm of the error or value. Before its first complete trial a search has 100%.",
    "trials: the budget is estimated cost, in full trainings of an average configuration. A large network's epoch "
    "counts for more than a small one's, and an estimate is the same in every run.",
    "p: paired t-tests, Holm-corrected for all comparisons of a table. Equal: the whole interval lies within "
    f"±{points(EQUAL)} percentage points, whatever p is. Detectable: what is found in four of five such contests.",
)
DEVELOPS = (
    "Selected configurations are scored with the seed that the search saw: good for development, but not evidence for "
    "a claim."
)


def tables_of(contests: Sequence[Contest]) -> list[Table[Any]]:
    """Return a table for each contest, with a row for each method and budget, and for several contests one over all.

    The first table holds the whole result as JSON has it.
    """
    tables = [_table_of(contest) for contest in contests]
    overall = [_overall(contests)] if len(contests) > 1 else []
    document = {
        "finding": finding([*tables, *overall][-1].rows),
        "contests": [_plain(*one) for one in zip(contests, tables, strict=True)],
        "over_tables": [record for table in overall for record in table.records()],
    }
    tables[0] = replace(tables[0], document=document)
    found = [*tables, *overall]
    return [*found[:-1], replace(found[-1], footnotes=["", *MEANINGS])]


def _table_of(contest: Contest) -> Table[Standing]:
    rows = standings(contest)
    reads = cells.percent if contest.of_errors else cells.value
    heading = "error" if contest.of_errors else "value"
    score = Figure[Standing](heading, lambda row: row.score, 6, "right", _or_dash(reads), key="score")
    return Table(
        rows=rows,
        figures=_figures(contest.table, rows, [score]),
        caption=[
            f"{finding(rows)}.",
            f"table {contest.table}: {len(contest.seeds)} seeds, "
            f"{number_of(contest.concurrent_trials, 'concurrent trial')}.",
            "Searches were replayed over one table: intervals cover other seeds, not other data.",
            *([DEVELOPS] if contest.develops else []),
        ],
    )


def _overall(contests: Sequence[Contest]) -> Table[Standing]:
    rows = over_tables(contests)
    wins = [
        Figure[Standing]("better", lambda row: row.wins and row.wins[0], 6, "right", _or_nothing, key="better_on"),
        Figure[Standing]("worse", lambda row: row.wins and row.wins[1], 6, "right", _or_nothing, key="worse_on"),
        Figure[Standing]("neither", lambda row: row.wins and row.wins[2], 5, "right", _or_nothing, key="neither_on"),
    ]
    return Table(
        rows=rows,
        figures=_figures("all", rows, wins),
        caption=[
            f"{finding(rows)}.",
            f"all {len(contests)} tables, each by its mean over the seeds: intervals cover other tables like these.",
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
        Figure("verdict", compared("verdict"), 8, cell=_or_nothing, key="verdict"),
        Figure("p", compared("p_value"), 7, "right", lambda p: "" if p is None else cells.p_column(p), key="p_value"),
        Figure("detectable", compared("smallest"), 3, "right", _or_nothing_of(points), key="detectable"),
    ]  # fmt: skip


def _or_nothing(value: object) -> str:
    return "" if value is None else str(value)


def _or_nothing_of(reads: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else reads(value)


def _or_dash(reads: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "–" if value is None else reads(value)


def _regret(row: Standing) -> str:
    low, high = (f"{100 * end:.1f}" for end in row.interval)
    return f"{cells.percent(row.regret, 1)} [{low}, {high}]"


def _difference(found: Difference | None) -> str:
    return "" if found is None else f"{points(found.mean, sign=True)} [{points(found.low)}, {points(found.high)}]"


def _plain(contest: Contest, table: Table[Standing]) -> dict[str, Any]:
    """Return a contest as plain values for JSON, with the mean curve of each method."""
    values = {name: value for name, value in asdict(contest).items() if name not in ("methods", "traces")}
    at = (np.arange(1, STEPS + 1) * contest.budgets[-1] / STEPS).tolist()
    curves = contest.regrets(at)
    finals = contest.regrets(contest.budgets[-1:])[:, :, 0]
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
            for number, method in enumerate(contest.methods)
        ],
    }
