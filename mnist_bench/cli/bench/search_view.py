"""How a contest of ways of searching reads: headline, table, verdicts; as JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench.cli import cells, output
from mnist_bench.cli.output import Column
from mnist_bench.experiments.contest import Comparison, Contest, Standing, comparisons, finding, shortfalls, standings
from mnist_bench.numerics import sentence
from mnist_bench.statistics import mean_and_deviation

Row = tuple[Standing, Comparison | None]
"""A contestant, and the first one against it; None for the first."""

EQUAL = (
    "All else is equal: a trial's weights, data order and distortions are drawn from the seed and the trial's number "
    "alone, whoever asked for it, and a contestant run again gives the same curve."
)
BUDGET = (
    "A budget is estimated cost, not trials or epochs: a large net's epoch counts for more than a small one's, and an "
    "estimate is the same in every run."
)


def show(found: Contest, *, json: bool = False, csv: bool = False, markdown: bool = False) -> None:
    """Print a contest to stdout, and to stderr which searches ended before their budget."""
    standing = standings(found)
    compared = comparisons(standing, found.images)
    rows: list[Row] = list(zip(standing, [None, *compared], strict=True))
    for warning in shortfalls(found):
        output.note(warning)
    if json:
        output.print_json(plain(found, rows))
    elif csv:
        output.print_csv([{**_flat(row), "seeds": len(found.seeds), "budget": found.budget} for row in rows])
    else:
        _print(found, rows, markdown=markdown)


def _print(found: Contest, rows: list[Row], *, markdown: bool) -> None:
    for line in headlines(found):
        output.print_line(line)
    output.print_line()
    (output.print_markdown if markdown else output.print_table)(rows, _columns(rows))
    output.print_line()
    for comparison in _compared(rows):
        output.print_line(f"{comparison.words}.")
    output.print_line()
    for line in (_footnote(len(rows) - 1), BUDGET, EQUAL):
        output.print_line(line)


def _compared(rows: list[Row]) -> list[Comparison]:
    return [comparison for _, comparison in rows if comparison]


def headlines(found: Contest) -> list[str]:
    """Return what was compared, and on what."""
    seconds = cells.duration(found.budget * found.training_seconds)
    return [
        f"{found.space}: best accuracy on {found.images:,} validation images for what {found.budget} whole trainings "
        f"cost (about {seconds} of one worker), {len(found.seeds)} seeds.",
        sentence(found.machine),
    ]


def _footnote(compared: int) -> str:
    adjusted = f", by Holm's method for {compared} comparisons" if compared > 1 else ""
    return (
        "±: standard deviation over the seeds. In brackets: 95 % intervals of each comparison alone. "
        f"p: paired t test over the seeds{adjusted}. Ranks: 1 is best."
    )


def _columns(rows: list[Row]) -> list[Column]:
    first = rows[0][0].entrant.name
    return [
        Column("contestant", lambda row: row[0].entrant.name, 9),
        Column("trials", lambda row: f"{row[0].trials:.1f}", 3, "right"),
        Column("complete", lambda row: f"{row[0].complete:.1f}", 4, "right"),
        Column("best", lambda row: _best(row[0]), 8, "right"),
        Column("rank at the end", lambda row: f"{row[0].final_rank:.1f}", 6, "right"),
        Column("rank on the way", lambda row: f"{row[0].mean_rank:.1f}", 5, "right"),
        Column(f"{first} ahead by", lambda row: _lead(row[1]), 7, "right"),
        Column("p", lambda row: f"{row[1].p_value:.3f}" if row[1] else "", 7, "right"),
    ]


def _best(standing: Standing) -> str:
    mean, deviation = mean_and_deviation(standing.bests)
    return f"{cells.percent(mean)} ± {100 * deviation:.2f}"


def _lead(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    return f"{100 * comparison.mean:.2f} {cells.interval(comparison.low, comparison.high)}"


def plain(found: Contest, rows: list[Row]) -> dict[str, Any]:
    """Return a contest as plain values for JSON, with every curve and the verdicts in words."""
    values = {key: value for key, value in asdict(found).items() if key not in ("entrants", "traces")}
    return {
        **values,
        "finding": finding(_compared(rows), len(found.seeds)),
        "contestants": [
            {
                **_flat(row),
                "bests": row[0].bests,
                "curves": [one.bests for one in traces],
                "verdict": row[1].words if row[1] else None,
            }
            for row, traces in zip(rows, found.traces, strict=True)
        ],
        "ended_early": shortfalls(found),
    }


def _flat(row: Row) -> dict[str, Any]:
    """Return a row as CSV has it; shares of images, not points."""
    standing, comparison = row
    mean, deviation = mean_and_deviation(standing.bests)
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
