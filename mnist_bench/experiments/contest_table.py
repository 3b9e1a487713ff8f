"""Contests as tables, with all their words: how each entrant did, and each against the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, assert_never

from mnist_bench import cells
from mnist_bench.cells import points, times
from mnist_bench.experiments.contest import (
    EQUAL,
    MIN_BOOTSTRAP_SEEDS,
    EntrantComparison,
    EntrantStanding,
    Judged,
    Overall,
    Speedup,
    Verdict,
    curve,
    failures,
    finding_over,
    judge,
    overall,
    speedups,
)
from mnist_bench.experiments.replays import Contest, Measure
from mnist_bench.result_table import Figure, Table
from search.messages import number_of

NEARLY = 0.8
"""A search that has spent less of its budget ended early. Periods under way at the end are never counted as spent: of
small budgets that is a tenth and more."""

PAIRED = (
    "p: paired t-tests over the seeds, Holm-corrected for the comparisons of a table. Equal: the whole interval "
    f"lies within {points(EQUAL)} percentage points of 0, whatever p is. A difference that would have been detected "
    "is detected in four of five such comparisons."
)
MEASURES: Mapping[Measure, str] = {
    "error": "A budget is estimated cost, not trials or epochs: a large network's epoch counts for more than a small "
    "one's, and an estimate is the same in every run.",
    "regret": "Normalized regret: 0% is the best configuration of the table and 100% the median one or worse. It is "
    "linear in the logarithm of the loss. A search sees the mean over the seeds of "
    "the table, which has all configurations. Each full training costs the same.",
}
DEVELOPS = (
    "Selected configurations are scored with the seed that the search saw: good for "
    "development, but not evidence for a claim."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EntrantRow:
    """An entrant."""

    contest: Contest
    number: int  # its place among the entrants
    standing: EntrantStanding
    comparison: EntrantComparison | None  # with the first one; None for that, and if there is no comparison
    speedup: Speedup | None


def tables_of(contests: Sequence[Contest]) -> list[Table[Any]]:
    """Return a table a contest, with a row an entrant, and of several contests the wins over all tasks.

    The first table holds the whole result as JSON has it.
    """
    judged = [judge(contest) for contest in contests]
    of_contests = [_table(one, _rows(one)) for one in judged]
    wins = [_wins_table(judged)] if len(judged) > 1 else []
    document = {
        "finding": finding_over(judged),
        "contests": [_plain(one, table) for one, table in zip(judged, of_contests, strict=True)],
        "over_tasks": [record for table in wins for record in table.records()],
    }
    tables: list[Table[Any]] = [*of_contests, *wins]
    tables[0] = replace(tables[0], document=document)
    how_to_read = [PAIRED, *(MEASURES[one] for one in dict.fromkeys(contest.measure for contest in contests))]
    return [*tables[:-1], replace(tables[-1], footnotes=[*tables[-1].footnotes, "", *how_to_read])]


def _rows(judged: Judged) -> list[EntrantRow]:
    compared = [None, *judged.compared]
    faster = [None, *speedups(judged.contest)]
    return [
        EntrantRow(
            contest=judged.contest, number=number, standing=standing, comparison=compared[number],
            speedup=faster[number] if compared[number] else None,
        )
        for number, standing in enumerate(judged.standings)
    ]  # fmt: skip


def _table(judged: Judged, rows: Sequence[EntrantRow]) -> Table[EntrantRow]:
    first = rows[0].standing.entrant.name
    return Table(
        rows=rows,
        figures=[
            Figure("", lambda row: row.contest.task, key="task"),
            Figure("contestant", lambda row: row.standing.entrant.name, 12, key="contestant"),
            Figure("", lambda row: len(row.contest.seeds), key="seeds"),
            Figure("", lambda row: row.contest.budget * row.standing.entrant.budgets, key="budget"),
            Figure(
                judged.contest.measure, lambda row: row.standing.mean and row.standing.mean[0], 10, "right",
                reads=_error, key="error", legend=["±: standard error of the mean over the seeds"],
            ),
            Figure("", lambda row: row.standing.mean and row.standing.mean[1], key="standard_error"),
            Figure(
                f"against {first}", lambda row: row.comparison and row.comparison.difference, 9, "right",
                reads=lambda row: _difference(row.comparison), key="difference",
                legend=["against: in percentage points, negative is better, with 95% intervals, uncorrected"],
            ),
            Figure("", lambda row: row.comparison and row.comparison.low, key="low"),
            Figure("", lambda row: row.comparison and row.comparison.high, key="high"),
            Figure(
                "verdict", lambda row: row.comparison and row.comparison.verdict, 11,
                reads=lambda row: _verdict(row.comparison), key="verdict",
                legend=[f"equal: interval within ±{points(EQUAL)}", "not shown: no significant difference"],
            ),
            Figure(
                "p", lambda row: row.comparison and row.comparison.p_value, 6, "right",
                lambda found: "" if found is None else cells.p_column(found), key="p_value",
            ),
            Figure("", lambda row: row.comparison and row.comparison.smallest, key="would_be_shown"),
            Figure(
                "speed-up", lambda row: row.speedup and row.speedup.ratio, 8, "right", reads=_speedup, key="speedup",
                legend=[_speedup_legend(len(judged.contest.seeds))],
            ),
            Figure("", lambda row: row.speedup and row.speedup.low, key="speedup_low"),
            Figure("", lambda row: row.speedup and row.speedup.high, key="speedup_high"),
            Figure(
                "" if judged.contest.reference is None else "regret",  # only if the best error that there is is known
                lambda row: row.standing.regret and row.standing.regret[0], 7, "right",
                reads=lambda row: _regret(row.standing), key="regret",
                legend=["regret: percentage points above the best of the table, with the standard error of both"],
            ),
            Figure("", lambda row: row.standing.regret and row.standing.regret[1], key="regret_standard_error"),
            Figure("trials", lambda row: row.standing.trials, 4, "right", _tenths, key="trials"),
            Figure("complete", lambda row: row.standing.complete, 4, "right", _tenths, key="complete"),
            Figure("spent", lambda row: row.standing.spent, 3, "right", _tenths, key="spent"),
            Figure(
                "ms", lambda row: 1000 * row.standing.own_seconds, 3, "right", _tenths, key="own_ms_a_trial",
                legend=["ms: the method's own processor time per trial"],
            ),
            *_times(rows),
        ],
        caption=_caption(judged),
        footnotes=["", *_verdicts(judged)],
    )  # fmt: skip


def _error(row: EntrantRow) -> str:
    mean = row.standing.mean
    return "–" if mean is None else f"{cells.percent(mean[0])} ± {points(mean[1])}"


def _difference(comparison: EntrantComparison | None) -> str:
    if comparison is None:
        return ""
    return f"{points(comparison.difference, sign=True)} [{points(comparison.low)}, {points(comparison.high)}]"


def _verdict(comparison: EntrantComparison | None) -> str:
    if comparison is None:
        return ""
    return "not shown" if comparison.verdict == "no difference shown" else comparison.verdict


def _speedup_legend(seeds: int) -> str:
    few = "" if seeds >= MIN_BOOTSTRAP_SEEDS else f"; of {seeds} seeds the interval is too narrow"
    return f"speed-up: times cheaper to the worse of the two errors{few}"


def _speedup(row: EntrantRow) -> str:
    found = row.speedup
    return f"{times(found.ratio)} [{times(found.low)}, {times(found.high)}]" if found else ""


def _tenths(number: float) -> str:
    return f"{number:.1f}"


def _regret(standing: EntrantStanding) -> str:
    return "–" if standing.regret is None else f"{points(standing.regret[0])} ± {points(standing.regret[1])}"


def _times(rows: Sequence[EntrantRow]) -> list[Figure[EntrantRow]]:
    """Return the time, and the share of it that was used, with each number of workers."""
    signs = ["after a time: share of the workers' time that was used"]

    def figures(many: int) -> list[Figure[EntrantRow]]:
        return [
            Figure(
                f"{many} worker{'s' if many > 1 else ''}", lambda row: row.standing.seconds.get(many), 1, "right",
                reads=lambda row: _time(many, row), key=f"seconds_{many}_workers", legend=signs[: many - 1],
            ),
            Figure(
                "", lambda row: row.standing.efficiency.get(many),
                key=f"efficiency_{many}_workers" if many in rows[0].standing.efficiency else "",
            ),
        ]  # fmt: skip

    return [figure for many in rows[0].standing.seconds for figure in figures(many)]


def _time(workers: int, row: EntrantRow) -> str:
    if workers not in row.standing.seconds:
        return "–"  # no driver ran it: nothing is known of its waiting
    share = row.standing.efficiency.get(workers)
    used = "" if share is None else f", {cells.percent(share, 0)}"
    return cells.duration(row.standing.seconds[workers]) + used


def _caption(judged: Judged) -> list[str]:
    contest = judged.contest
    cost = cells.duration(contest.budget * contest.training_seconds)
    return [
        f"{judged.finding}.",
        f"table {contest.task}: {scored(contest)} at the cost of "
        f"{contest.budget} full trainings (about {cost} of one worker), {len(contest.seeds)} seeds, "
        f"{number_of(contest.concurrent_trials, 'concurrent trial')}.",
        *scope(contest),
    ]


def scored(contest: Contest) -> str:
    """Return what the choices of a contest are scored by."""
    match contest.measure:
        case "error":
            return f"error of the selected configuration on {contest.unseen_images:,} unseen images"
        case "regret":
            return "normalized regret of the selected configuration"
        case _:
            assert_never(contest.measure)


def scope(contest: Contest) -> list[str]:
    """Return the scope of a contest's figures."""
    holds = "Searches were replayed over one table: intervals apply to this table, not to other data."
    return [holds, *([DEVELOPS] if contest.develops else [])]


def _verdicts(judged: Judged) -> list[str]:
    """Return a sentence for each comparison, and for each search that made no choice or ended early."""
    missing = failures(judged.standings, judged.contest.seeds)
    left_out = ["Only methods that selected a configuration with every seed are compared."] if missing else []
    return [*(f"{one.words}." for one in judged.compared if one), *missing, *left_out, *shortfalls(judged)]


def shortfalls(judged: Judged) -> list[str]:
    """Return a sentence for each entrant of which some searches ended well before their budget."""
    contest = judged.contest
    early = {
        entrant.name: sum(one.spent < NEARLY * entrant.budgets * contest.budget for one in traces)
        for entrant, traces in zip(contest.entrants, contest.traces, strict=True)
    }
    return [
        f"{name}: {count} of {len(contest.seeds)} searches ended before {cells.percent(NEARLY, 0)} of the budget was "
        "spent; from there on their choices stand still."
        for name, count in early.items()
        if count
    ]


def _plain(judged: Judged, table: Table[EntrantRow]) -> dict[str, Any]:
    """Return a contest as plain values for JSON, with its curves and the verdicts in words."""
    contest = judged.contest
    left_out = ("entrants", "traces", *(["measure"] if contest.measure == "error" else []))
    values = {key: value for key, value in asdict(contest).items() if key not in left_out}
    return {
        **values,
        "finding": judged.finding,
        "holds_for": scope(contest),
        "contestants": [
            {
                **table.record(row),
                "entrant": asdict(row.standing.entrant),
                "errors": list(row.standing.errors),
                "curve": _plain_curve(row),
                "words": row.comparison.words if row.comparison else None,
            }
            for row in table.rows
        ],
        "ended_early": shortfalls(judged),
    }


def _plain_curve(row: EntrantRow) -> dict[str, list[float]]:
    found = curve(row.contest, row.number)
    return {"spent": found.spent.tolist(), "error": found.mean.tolist(), "standard_error": found.error.tolist()}


def _wins_table(judged: Sequence[Judged]) -> Table[Overall]:
    """Return on how many tasks each entrant is better or worse than the first one."""
    return Table(
        rows=overall(judged),
        figures=[
            Figure("", lambda row: "all", key="task"),
            Figure("contestant", lambda row: row.entrant.name, 9, key="contestant"),
            Figure(
                "better on", lambda row: row.count("better"), 8, "right", reads=partial(_count, "better"),
                key="better_on",
            ),
            Figure(
                "worse on", lambda row: row.count("worse"), 7, "right", reads=partial(_count, "worse"), key="worse_on"
            ),
        ],
        caption=[f"{finding_over(judged)}."],
        footnotes=["", f"Better, worse: number of the {len(judged)} tasks, compared with the first method."],
    )  # fmt: skip


def _count(verdict: Verdict, row: Overall) -> str:
    return str(row.count(verdict)) if row.verdicts else ""
