"""Compare `curves` with other libraries' search methods, pair by pair, over the tables.

    python benchmarks/strategies/foreign.py

Their searches are those of results/published/contest/foreign.json: one trial at a time, for the cost of 30 whole
trainings. `curves` searches with the same seeds, as they did; its results are kept in results/_bench/replays.jsonl.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from looks import BOUNDARIES, Look, compared, words
from publish import FOLDER
from replays import CURVES, KEPT, MARGIN

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import ContestOptions, compare_methods
from search import canonical_json

THEIRS = FOLDER / "contest" / "foreign.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """`curves` compared with another method, on one table."""

    table: str
    against: str
    seen: Look


def rows(contest: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield `curves` compared with each contestant of a published contest; both know as much when they propose: one
    slot."""
    asked = ContestOptions(
        tables=(contest["task"],), ways=(CURVES,), seeds=len(contest["seeds"]), trials=contest["budget"], slots=1,
        workers=(1,), processes=2, ledger=KEPT,
    )  # fmt: skip
    ours = compare_methods(asked, Lines())[0]
    (traces,) = ours.traces
    errors = [trace.found for trace in traces]
    if list(ours.seeds) != contest["seeds"] or None in errors:
        raise SystemExit(f"{contest['task']}: there are no such pairs.")
    for other in contest["contestants"]:
        differences = 100 * (np.array(errors, float) - np.array(other["errors"], float))
        yield Compared(
            table=contest["task"],
            against=other["contestant"],
            seen=compared(differences, BOUNDARIES[1][0], MARGIN),
        )


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=FOLDER / "strategies")
    asked = parser.parse_args(arguments)
    found = [row for contest in json.loads(THEIRS.read_text())["contests"] for row in rows(contest)]
    lines = [
        "# curves + asha compared with other libraries' methods",
        f"`python benchmarks/strategies/foreign.py` on {pages.machine()}; the others as in "
        "[foreign.md](../contest/foreign.md). One trial at a time, for what 30 whole trainings cost; differences in "
        "points of error, each with a 95% interval of its own.",
        "\n".join(f"- {row.table}: against {row.against}, {words(row.seen)}." for row in found),
    ]
    document = {"compared": [asdict(row) for row in found]}
    pages.write(asked.output, "foreign", "\n\n".join(lines) + "\n", f"{canonical_json.dumps(document)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
