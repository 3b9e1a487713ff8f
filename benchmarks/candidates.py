"""Candidates for `conv` that take half the time: searches, and the winners' errors with fresh seeds.

    python benchmarks/candidates.py            continues results/published/candidates.jsonl
    python benchmarks/candidates.py --table    prints what it holds

Written down before the first search: four candidates, with 8 or 6 epochs, and with a last epoch that leaves out the
images with the lowest losses or not; all have nets of at most 2.5 million multiply-accumulates. Each is searched with
the seeds 1 to 3, 50 trials, in portable precision. The winner of each search is trained with eight fresh seeds, on the
training images alone. The candidate with the least mean error on the validation images is chosen; among those within
0.03 percentage points of it, the one whose searches cost least. The cost is in estimated microseconds, which are the
same on every machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from statistics import fmean
from typing import Any

from frame import ROOT, options
from publish import run

import mnist_bench

LEDGER = ROOT / "results" / "published" / "candidates.jsonl"
SIX = ("epochs=6", "periods=[0.25, 0.75, 2, 6]")
ALL = ("optim.learned_share=0",)
CANDIDATES = {
    "8 epochs": ALL,
    "6 epochs": (*SIX, *ALL),
    "8 epochs, learned images left out": (),
    "6 epochs, learned images left out": SIX,
}
"""The changes of conv.yaml, which has the chosen one."""
SEEDS, FRESH, FIRST_FRESH = (1, 2, 3), 8, 9001


def main() -> None:
    """Continue the ledger, or print it."""
    parser = options(__doc__, publishes=False)
    parser.add_argument("--table", action="store_true", help="print what the ledger holds")
    parser.add_argument("--workers", default="2")
    asked = parser.parse_args()
    if asked.table:
        print(*table(), sep="\n")
        return
    os.nice(19)
    for seed in SEEDS:
        for name in CANDIDATES:
            if not any((row["candidate"], row["seed"]) == (name, seed) for row in ledger()):
                with LEDGER.open("a") as file:
                    file.write(json.dumps(searched(name, seed, asked.workers)) + "\n")


def ledger() -> list[dict[str, Any]]:
    """Return a row for each search that has been finished and whose winner has been trained."""
    return [json.loads(line) for line in LEDGER.read_text().splitlines()] if LEDGER.exists() else []


def searched(name: str, seed: int, workers: str) -> dict[str, Any]:
    """Search a candidate, or continue its search, and train the winner with fresh seeds."""
    study = f"{name.replace(',', '').replace(' ', '-')}-{seed}"
    where = ("--workers", workers, "--results", str(ROOT / "build" / "candidates"))
    sets = [word for change in CANDIDATES[name] for word in ("--set", change)]
    run("search", "conv", "--trials", "50", "--seed", str(seed), "--study-name", study, *sets, *where)
    record = mnist_bench.open_study(study, results=where[3])
    winner = mnist_bench.leaderboard(record).rows[0].trial.number
    fresh = ("--seeds", str(FRESH), "--seed", str(FIRST_FRESH))
    runs = json.loads(run("train", f"{study}/{winner}", *fresh, *where, "--json"))["runs"]
    return {
        "candidate": name, "seed": seed, "digest": record.digest, "winner": winner,
        "cost": sum(sum(trial.costs[: len(trial.reports)]) for trial in record.trials),
        "errors": [each["curve"][-1]["metrics"]["errors"] for each in runs],
    }  # fmt: skip


def table() -> Iterator[str]:
    """Yield the lines of a Markdown table: one row per candidate."""
    yield "| candidate | searches | cost of a search | errors of the winners, mean of eight seeds each | mean |"
    yield "|---|---:|---:|---|---:|"
    for name in CANDIDATES:
        if rows := [row for row in ledger() if row["candidate"] == name]:
            means = [fmean(row["errors"]) for row in rows]
            cost = fmean(row["cost"] for row in rows) / 60e6
            each = ", ".join(f"{mean:.1f}" for mean in means)
            yield f"| {name} | {len(rows)} | {cost:.1f} min | {each} | {fmean(means):.1f} |"


if __name__ == "__main__":
    main()
