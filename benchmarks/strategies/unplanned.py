"""Compare search methods of a live contest that its plan did not compare, from the searches in its log.

    python benchmarks/strategies/unplanned.py

It trains nothing. It reads results/published/strategies/contest.jsonl and writes unplanned.md and unplanned.json next
to it. Nobody wrote these comparisons down before the searches ran, so they describe, and are not evidence for a claim.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from looks import BOUNDARIES, Look, compared, look, times

from mnist_bench.experiments.contest import Contest
from mnist_bench.experiments.contest.contest_record import Entrant, Trace
from search import canonical_json
from search.files import whole_lines

FOLDER = Path("results/published/strategies")
TRAININGS, BUDGETS = 50, (15, 30)
EARLY = 9
"""Full trainings that `make search` spends."""
LIST = ("conv-5k-wrong",)
TPE, RANDOM, CURVES = (Entrant(sampler=name, pruner="asha") for name in ("tpe", "random", "curves"))
LISTED_RANDOM, LISTED_CURVES = (replace(way, start=LIST) for way in (RANDOM, CURVES))
COMPARED: Sequence[tuple[Entrant, Entrant]] = (
    (RANDOM, TPE), (CURVES, RANDOM), (LISTED_RANDOM, RANDOM), (LISTED_CURVES, CURVES),
    (LISTED_RANDOM, TPE), (LISTED_CURVES, LISTED_RANDOM),
)  # fmt: skip
"""Search methods, each with the one that it is compared with."""

Searches = Mapping[tuple[str, int], Trace]
"""Searches by the name of their method and their seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One search method compared with another one, seed by seed."""

    way: str
    against: str
    at_end: Look
    """With fresh seeds, after `TRAININGS` full trainings; the interval is that of this comparison alone."""
    early: Look
    """As the searches trained the networks, after `EARLY` full trainings."""


def searches_in(ledger: Path) -> Searches:
    """Return the searches in a log."""
    trace = TypeAdapter(Trace)
    return {(line["way"], line["seed"]): trace.validate_python(line["trace"]) for _, line in whole_lines(ledger)}


def comparison(searches: Searches, way: Entrant, against: Entrant) -> Comparison:
    """Return the comparison of two search methods over all seeds that both have."""
    seeds = sorted({seed for name, seed in searches if name == way.name and (against.name, seed) in searches})
    traces = tuple(tuple(searches[each.name, seed] for seed in seeds) for each in (against, way))
    contest = Contest(
        instrument="live", task="mnist-5k", space="former/0.1/conv", budget=TRAININGS, training_seconds=1.0, slots=8,
        workers=(2,), seeds=tuple(seeds), entrants=(against, way), traces=traces, seen_images=10_000,
        unseen_images=20_000, develops=False,
    )  # fmt: skip
    first, second = (np.array([_error_after(EARLY, trace) for trace in one]) for one in traces)
    boundary = BOUNDARIES[1][0]
    return Comparison(
        way=way.name, against=against.name, at_end=look(contest, boundary, 0.0, BUDGETS),
        early=compared(100 * (second - first), boundary, 0.0),
    )  # fmt: skip


def _error_after(trainings: float, trace: Trace) -> float:
    """Return the error of the configuration that a search would have selected for this cost; it has selected one."""
    *_, last = (choice for choice in trace.choices if choice.spent <= trainings)
    return last.unseen


def row(each: Comparison) -> str:
    """Return the row of a comparison in a Markdown table."""
    differences = (f"{one.difference:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in (each.early, each.at_end))
    cheaper = (times(each.at_end.speedups[budget]) for budget in (*BUDGETS, TRAININGS))
    return f"| {' | '.join([each.way, each.against, str(each.at_end.pairs), *differences, *cheaper])} |"


def main() -> None:
    """Write the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    searches = searches_in(FOLDER / "contest.jsonl")
    found = [comparison(searches, *pair) for pair in COMPARED]
    heads = ["method", "compared with", "pairs", f"difference at {EARLY}", f"difference at {TRAININGS}"]
    heads += [f"times cheaper at {budget}" for budget in (*BUDGETS, TRAININGS)]
    aligned = " | ".join("---" if place < 2 else "---:" for place, _ in enumerate(heads))
    paragraphs = [
        "# Comparisons that the live contest did not plan",
        f"`python benchmarks/strategies/unplanned.py`, from the searches of [contest.md](contest.md), with "
        f"{pages.machine()}.",
        f"Differences of the error on unseen images in percentage points, below 0 if the first method is better. After "
        f"{TRAININGS} full trainings, the selected configurations were retrained with fresh seeds; after {EARLY}, they "
        "are networks as the searches trained them. Brackets: 95% intervals of each comparison alone. Nobody planned "
        "these comparisons, so they describe these searches and are not evidence for a claim.",
        "\n".join([f"| {' | '.join(heads)} |", f"| {aligned} |", *map(row, found)]),
    ]
    document = canonical_json.dumps({"compared": [asdict(each) for each in found]})
    pages.write(FOLDER, "unplanned", "\n\n".join(paragraphs) + "\n", f"{document}\n")
    print(paragraphs[-1])


if __name__ == "__main__":
    main()
