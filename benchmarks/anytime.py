"""Validation error of the best network so far over a search's own cost: `curves`, random search and Optuna's TPE.

Run as `python benchmarks/anytime.py`: it continues results/published/anytime.jsonl, which is committed as it grows, and
writes the page. Written down before the first search: three samplers, each with asha, search `conv` with the seeds 1 to
5 and 100 trials, twice as many as `make search`. The cost, estimated from multiply-accumulates, is the same on every
machine. Only trials that were trained to the end count. The figure describes, without a test.
A search goes on in build/anytime: what Optuna's TPE decides may depend on the processor, so it ends where it began.
A search that finds no feasible configuration any more ends early, and keeps the error that it has reached.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from typing import Any

import numpy as np
from frame import ROOT, made, options, table
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from publish import run

import mnist_bench
from mnist_bench.plots.frame import Drawn, render, write
from mnist_bench.plots.search_methods import STEPS, draw_curves, reach
from search.driver.driver import MAX_INFEASIBLE
from search.files import append_line, atomic_write

PUBLISHED = ROOT / "results" / "published"
LEDGER = PUBLISHED / "anytime.jsonl"
ARMS = ("curves", "random", "optuna:TPESampler")
SEEDS, TRIALS, MINUTE = (1, 2, 3, 4, 5), 100, 60e6
Lines = dict[tuple[str, int], dict[str, Any]]  # by sampler and seed


def main() -> None:
    """Search what the ledger lacks, and write the page of the seeds that all samplers have."""
    parser = options(__doc__, publishes=False)
    parser.add_argument("--workers", default="2")
    asked = parser.parse_args()
    os.nice(19)
    for seed in SEEDS:
        for arm in ARMS:
            if (arm, seed) not in ledger():
                append_line(LEDGER, json.dumps(searched(arm, seed, asked.workers)))
        publish(ledger(), [one for one in SEEDS if one <= seed])


def ledger() -> Lines:
    """Return the lines of the searches that have ended."""
    lines = map(json.loads, LEDGER.read_text().splitlines() if LEDGER.exists() else ())
    return {(line["sampler"], line["seed"]): line for line in lines}


def searched(arm: str, seed: int, workers: str) -> dict[str, Any]:
    """Search, or continue a search; its line has the cost, in estimated microseconds, and error of each better net."""
    study, results = f"{arm.replace(':', '-')}-{seed}", str(ROOT / "build" / "anytime")
    how = ("--sampler", arm, "--pruner", "asha", "--workers", workers)
    words = ("search", "conv", "--trials", str(TRIALS), "--seed", str(seed), "--study-name", study)
    with suppress(subprocess.CalledProcessError):
        run(*words, *how, "--results", results)
    record = mnist_bench.open_study(study, results=results)
    trials = sum(bool(trial.reports) for trial in record.trials)
    if trials < TRIALS and any(trial.reports for trial in record.trials[-MAX_INFEASIBLE:]):
        raise SystemExit(f"{study} was stopped; the same command continues it")
    periods = [(one.end_of(each), one.number, each) for one in record.trials for each in range(1, one.next_period)]
    spent, curve = 0, [(0, 1.0)]
    for _, number, period in sorted(periods):
        trial = record.trials[number]
        spent += trial.costs[period - 1]
        if trial.state == "COMPLETE" and period == len(trial.reports) and trial.value:
            curve.append((spent, min(curve[-1][1], 1 - trial.value)))
    return {"sampler": arm, "seed": seed, "trials": trials, "digest": record.digest, "cost": spent, "curve": curve}


def publish(lines: Lines, seeds: list[int]) -> None:
    """Write the page and the pictures; curves end where the cheapest search with all trials does."""
    early = [key for key, line in lines.items() if line["trials"] < TRIALS]
    at = np.linspace(0, min(line["cost"] for key, line in lines.items() if key not in early), STEPS + 1)[1:]
    curves = {key: np.array(line["curve"]) for key, line in lines.items()}
    places = {key: np.searchsorted(curve[:, 0], at, side="right") - 1 for key, curve in curves.items()}
    units = np.array([[curves[arm, seed][places[arm, seed], 1] for seed in seeds] for arm in ARMS])
    means, bands = units.mean(axis=1), reach(units)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlim(0, at[-1] / MINUTE)
        axes.set_ylim(0.8 * means.min(), 3 * means.min())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=2))
        axes.set_xlabel("cost of the search, in estimated minutes of one core")
        axes.set_ylabel("validation error of the best so far")
        draw_curves(axes, at / MINUTE, units, ARMS)

    best = int(means[:, -1].argmin())
    finding = f"At the end, {ARMS[best]} has the lowest mean error: {means[best, -1]:.2%} ± {100 * bands[best, -1]:.2f}"
    ended = [f"{arm} ended early with seed {seed}" for arm, seed in early if seed in seeds]
    remarks = [f"{len(seeds)} searches of each", "all with asha", "bands: 95% intervals over seeds", *ended]
    write(render(Drawn(finding=finding, remarks=remarks, draw=draw, height=4.4), ["png", "svg"]), PUBLISHED / "anytime")
    read = [STEPS // 4 - 1, STEPS // 2 - 1, STEPS - 1]
    rows = [[arm, *(f"{means[n, i]:.2%} ± {100 * bands[n, i]:.2f}" for i in read)] for n, arm in enumerate(ARMS)]
    heads = ["sampler", *(f"after {at[i] / MINUTE:.0f} estimated minutes:" for i in read)]
    page = ["# Error of the best so far", "", f"{made(precision='portable')}", "", "![](anytime.svg)", ""]
    atomic_write(PUBLISHED / "anytime.md", "\n".join([*page, *table(heads, rows), ""]).encode())


if __name__ == "__main__":
    main()
