"""`curves` compared with random search, `tpe`, and Optuna's TPE and Gaussian process, on all tables that are shipped.

    python benchmarks/samplers.py            continues results/published/samplers.jsonl, and writes page and picture

The plan, results/published/samplers.yaml, is older than the first line of the ledger. The ledger gets a line of JSON
for each search that has ended; a stopped run continues. The searches are replays: they are the same on every machine,
but for those of Optuna's samplers, which may depend on the processor.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from frame import ROOT, made, options
from pydantic import TypeAdapter

import mnist_bench
from mnist_bench.experiments.replays import Searched
from mnist_bench.result_table import markdown
from search.files import append_line, atomic_write

PUBLISHED = ROOT / "results" / "published"
PLAN, LEDGER = PUBLISHED / "samplers.yaml", PUBLISHED / "samplers.jsonl"


def main() -> None:
    """Search what the ledger lacks, and write the page."""
    parser = options(__doc__, publishes=False)
    parser.add_argument("--processes", type=int, default=1, help="concurrent searches")
    asked = parser.parse_args()
    os.nice(19)
    found = mnist_bench.compare_methods(
        plan=PLAN, known=ledger(), on_search=keep, figure=PUBLISHED / "samplers.svg", processes=asked.processes
    )
    page = [
        "# Samplers compared on recorded tables", "", f"{made()}", "",
        "The plan, [samplers.yaml](samplers.yaml), is older than the first line of [samplers.jsonl](samplers.jsonl).",
        "A line of it has what a search had selected, and when.", "",
        "![Normalized regret over the budget, by method](samplers.svg)", "",
        markdown(found.table(), found.by_table()), "",
        "The searches that ended early are all on conv-5k. Optuna's GPSampler learns from complete trials alone, and",
        "is random until ten are complete; with `asha` few are.", "",
    ]  # fmt: skip
    atomic_write(PUBLISHED / "samplers.md", "\n".join(page).encode())


def ledger() -> list[Searched]:
    """Return the searches that have ended."""
    read = TypeAdapter(Searched).validate_json
    return [read(line) for line in LEDGER.read_text().splitlines()] if LEDGER.exists() else []


def keep(searched: Searched) -> None:
    """Add a search to the ledger."""
    append_line(LEDGER, json.dumps(asdict(searched)))


if __name__ == "__main__":
    main()
