"""A contest as a table, with all its words: how each contestant did, and the first one against the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.contest.result import (
    Comparison,
    Standing,
    comparisons,
    failures,
    finding,
    shortfalls,
    standings,
)
from mnist_bench.experiments.contest.trace import Contest
from mnist_bench.numerics import sentence
from mnist_bench.result_table import Column, Table
from mnist_bench.statistics import mean_and_deviation

Row = tuple[Standing, Comparison | None]
"""A contestant, and the first one against it; None for the first, and where there is no comparison."""

EQUAL = (
    "All else is equal: a trial's weights, data order and distortions are drawn from the seed and the trial's number "
    "alone, whoever asked for it, and a contestant run again gives the same curve."
)
BUDGET = (
    "A budget is estimated cost, not trials or epochs: a large net's epoch counts for more than a small one's, and an "
    "estimate is the same in every run."
)


def table_of(contest: Contest) -> Table[Row]:
    """Return a row a contestant; one that found nothing has dashes."""
    standing = standings(contest)
    compared = comparisons(standing, contest.images)
    rows: list[Row] = list(zip(standing, [None, *compared], strict=True))
    return Table(
        rows=rows,
        columns=[
            Column("contestant", lambda row: row[0].entrant.name, 9),
            Column("trials", lambda row: f"{row[0].trials:.1f}", 3, "right"),
            Column("complete", lambda row: f"{row[0].complete:.1f}", 4, "right"),
            Column("best", lambda row: _best(row[0]), 8, "right"),
            Column("rank at the end", lambda row: f"{row[0].final_rank:.1f}", 6, "right"),
            Column("rank on the way", lambda row: f"{row[0].mean_rank:.1f}", 5, "right"),
            Column(f"{standing[0].entrant.name} ahead by", lambda row: _lead(row[1]), 7, "right"),
            Column("p", lambda row: f"{row[1].p_value:.3f}" if row[1] else "", 7, "right"),
        ],
        caption=_headlines(contest),
        footnotes=["", *_verdicts(contest, standing, compared), BUDGET, EQUAL],
        record=lambda row: {**_record(row), "seeds": len(contest.seeds), "budget": contest.budget},
        document=_plain(contest, rows, compared),
    )


def _headlines(contest: Contest) -> list[str]:
    seconds = cells.duration(contest.budget * contest.training_seconds)
    return [
        f"{contest.space}: best accuracy on {contest.images:,} validation images for what {contest.budget} whole "
        f"trainings cost (about {seconds} of one worker), {len(contest.seeds)} seeds.",
        sentence(contest.machine),
    ]


def _verdicts(contest: Contest, rows: Sequence[Standing], comparisons: Sequence[Comparison | None]) -> list[str]:
    """Return a sentence for each comparison, and for each search that found nothing, then how to read them."""
    compared = [one for one in comparisons if one is not None]
    missing = failures(contest, rows)
    left_out = ["Only those that completed a trial with every seed are compared."] if missing else []
    return [*(f"{each.words}." for each in compared), *missing, *left_out, "", _footnote(len(compared))]


def _footnote(compared: int) -> str:
    adjusted = f", by Holm's method for {compared} comparisons" if compared > 1 else ""
    return (
        "±: standard deviation over the seeds. In brackets: 95 % intervals of each comparison alone. "
        f"p: paired t test over the seeds{adjusted}. Ranks: 1 is best."
    )


def _best(standing: Standing) -> str:
    if len(standing.found) < 2:
        return cells.percent(next(iter(standing.found), None))
    mean, deviation = mean_and_deviation(standing.found)
    return f"{cells.percent(mean)} ± {100 * deviation:.2f}"


def _lead(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    return f"{100 * comparison.mean:.2f} {cells.interval(comparison.low, comparison.high)}"


def _plain(contest: Contest, rows: Sequence[Row], compared: Sequence[Comparison | None]) -> dict[str, Any]:
    """Return a contest as plain values for JSON, with every curve and the verdicts in words."""
    values = {key: value for key, value in asdict(contest).items() if key not in ("entrants", "traces")}
    return {
        **values,
        "finding": finding(compared, len(contest.seeds)),
        "contestants": [
            {
                **_record(row),
                "bests": row[0].bests,
                "curves": [one.bests for one in traces],
                "verdict": row[1].words if row[1] else None,
            }
            for row, traces in zip(rows, contest.traces, strict=True)
        ],
        "ended_early": shortfalls(contest),
    }


def _record(row: Row) -> dict[str, Any]:
    standing, comparison = row
    mean, deviation = mean_and_deviation(standing.found) if standing.found else (None, None)
    return {
        "contestant": standing.entrant.name,
        "sampler": standing.entrant.sampler,
        "pruner": standing.entrant.pruner,
        "budgets": standing.entrant.budgets,
        "trials": standing.trials,
        "complete": standing.complete,
        "best": mean,
        "deviation": deviation,
        "rank_at_end": standing.final_rank,
        "rank_on_the_way": standing.mean_rank,
        "first_ahead_by": comparison.mean if comparison else None,
        "low": comparison.low if comparison else None,
        "high": comparison.high if comparison else None,
        "p_value": comparison.p_value if comparison else None,
        "seeds_needed": comparison.seeds_needed if comparison else None,
    }
