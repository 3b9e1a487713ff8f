"""Contests as tables, with all their words: how each entrant did, and each against the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, assert_never

from mnist_bench import cells
from mnist_bench.cells import points, times
from mnist_bench.experiments.contest.contest_record import Contest, Measure
from mnist_bench.experiments.contest.error_curves import EntrantStanding, curve
from mnist_bench.experiments.contest.verdicts import (
    EQUAL,
    MIN_BOOTSTRAP_SEEDS,
    EntrantComparison,
    Judged,
    Overall,
    Speedup,
    Verdict,
    failures,
    finding_over,
    judge,
    overall,
    speedups,
)
from mnist_bench.result_table import Column, Table
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
    number: int
    """Its place among the entrants."""
    standing: EntrantStanding
    comparison: EntrantComparison | None
    """With the first one; None for that, and if there is no comparison."""
    speedup: Speedup | None


def tables_of(contests: Sequence[Contest]) -> list[Table[Any]]:
    """Return a table a contest, with a row an entrant, and of several contests the wins over all tasks.

    The first table holds the whole result as JSON has it.
    """
    judged = [judge(contest) for contest in contests]
    rows = [_rows(one) for one in judged]
    document = {
        "finding": finding_over(judged),
        "contests": [_plain(one, each) for one, each in zip(judged, rows, strict=True)],
        "over_tasks": [_overall_record(row) for row in overall(judged)] if len(judged) > 1 else [],
    }
    tables: list[Table[Any]] = [
        _table(one, each, document if number == 0 else {})
        for number, (one, each) in enumerate(zip(judged, rows, strict=True))
    ]
    if len(judged) > 1:
        tables.append(_wins_table(judged))
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


def _table(judged: Judged, rows: Sequence[EntrantRow], document: dict[str, Any]) -> Table[EntrantRow]:
    first = rows[0].standing.entrant.name
    return Table(
        rows=rows,
        columns=[
            Column("contestant", lambda row: row.standing.entrant.name, 12),
            Column(
                judged.contest.measure, _error, 10, "right", legend=["±: standard error of the mean over the seeds"]
            ),
            Column(
                f"against {first}", lambda row: _difference(row.comparison), 9, "right",
                legend=["against: in percentage points, negative is better, with 95% intervals, uncorrected"],
            ),
            Column(
                "verdict", lambda row: _verdict(row.comparison), 11,
                legend=[f"equal: interval within ±{points(EQUAL)}", "not shown: no significant difference"],
            ),
            Column("p", lambda row: cells.p_column(row.comparison.p_value) if row.comparison else "", 6, "right"),
            Column("speed-up", _speedup, 8, "right", legend=[_speedup_legend(len(judged.contest.seeds))]),
            *_regret_column(judged.contest),
            Column("trials", lambda row: f"{row.standing.trials:.1f}", 4, "right"),
            Column("complete", lambda row: f"{row.standing.complete:.1f}", 4, "right"),
            Column("spent", lambda row: f"{row.standing.spent:.1f}", 3, "right"),
            Column(
                "ms", lambda row: f"{1000 * row.standing.own_seconds:.1f}", 3, "right",
                legend=["ms: the method's own processor time per trial"],
            ),
            *_time_columns(rows),
        ],
        caption=_caption(judged),
        footnotes=["", *_verdicts(judged)],
        record=_record,
        document=document,
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


def _regret_column(contest: Contest) -> list[Column[EntrantRow]]:
    """Return the column of regrets if the best error that there is is known."""
    if contest.reference is None:
        return []
    legend = ["regret: percentage points above the best of the table, with the standard error of both"]
    return [Column("regret", lambda row: _regret(row.standing), 7, "right", legend=legend)]


def _regret(standing: EntrantStanding) -> str:
    return "–" if standing.regret is None else f"{points(standing.regret[0])} ± {points(standing.regret[1])}"


def _time_columns(rows: Sequence[EntrantRow]) -> list[Column[EntrantRow]]:
    """Return a column a number of workers."""
    legend = ["after a time: share of the workers' time that was used"]
    return [
        Column(f"{many} worker{'s' if many > 1 else ''}", partial(_time, many), 1, "right", legend=legend[: many - 1])
        for many in rows[0].standing.seconds
    ]


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


def _plain(judged: Judged, rows: Sequence[EntrantRow]) -> dict[str, Any]:
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
                **_record(row),
                "entrant": asdict(row.standing.entrant),
                "errors": list(row.standing.errors),
                "curve": _plain_curve(row),
                "words": row.comparison.words if row.comparison else None,
            }
            for row in rows
        ],
        "ended_early": shortfalls(judged),
    }


def _plain_curve(row: EntrantRow) -> dict[str, list[float]]:
    found = curve(row.contest, row.number)
    return {"spent": found.spent.tolist(), "error": found.mean.tolist(), "standard_error": found.error.tolist()}


def _record(row: EntrantRow) -> dict[str, Any]:
    standing, comparison, speedup = row.standing, row.comparison, row.speedup
    mean, regret = standing.mean or (None, None), standing.regret or (None, None)
    return {
        "task": row.contest.task,
        "contestant": standing.entrant.name,
        "seeds": len(row.contest.seeds),
        "budget": row.contest.budget * standing.entrant.budgets,
        "error": mean[0],
        "standard_error": mean[1],
        "regret": regret[0],
        "regret_standard_error": regret[1],
        "difference": comparison.difference if comparison else None,
        "low": comparison.low if comparison else None,
        "high": comparison.high if comparison else None,
        "p_value": comparison.p_value if comparison else None,
        "verdict": comparison.verdict if comparison else None,
        "would_be_shown": comparison.smallest if comparison else None,
        "speedup": speedup.ratio if speedup else None,
        "speedup_low": speedup.low if speedup else None,
        "speedup_high": speedup.high if speedup else None,
        "trials": standing.trials,
        "complete": standing.complete,
        "spent": standing.spent,
        "own_ms_a_trial": 1000 * standing.own_seconds,
        **{f"seconds_{many}_workers": seconds for many, seconds in standing.seconds.items()},
        **{f"efficiency_{many}_workers": share for many, share in standing.efficiency.items()},
    }


def _wins_table(judged: Sequence[Judged]) -> Table[Overall]:
    """Return on how many tasks each entrant is better or worse than the first one."""
    return Table(
        rows=overall(judged),
        columns=[
            Column("contestant", lambda row: row.entrant.name, 9),
            Column("better on", partial(_count, "better"), 8, "right"),
            Column("worse on", partial(_count, "worse"), 7, "right"),
        ],
        caption=[f"{finding_over(judged)}."],
        footnotes=["", f"Better, worse: number of the {len(judged)} tasks, compared with the first method."],
        record=_overall_record,
    )


def _count(verdict: Verdict, row: Overall) -> str:
    return str(row.count(verdict)) if row.verdicts else ""


def _overall_record(row: Overall) -> dict[str, Any]:
    return {
        "task": "all",
        "contestant": row.entrant.name,
        "better_on": row.count("better"),
        "worse_on": row.count("worse"),
    }
