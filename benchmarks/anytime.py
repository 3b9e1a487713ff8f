"""Validation error of the best network so far over a search's own cost: `curves`, random search and Optuna's TPE.

    nice -n 19 python benchmarks/anytime.py      continues results/published/anytime.jsonl, and writes page and picture

Written down before the first search: three samplers, each with asha, search `conv` with the seeds 1 to 5 and 100
trials, and are compared up to twice the cost of `make search`. Only trials that were trained to the end count. The
figure describes, without a test. A search goes on in build/anytime, and one by Optuna's TPE ends where it began.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
from frame import ROOT, made, options, table
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnist_bench
import search
from mnist_bench.plots.frame import Drawn, render, write
from mnist_bench.plots.search_methods import STEPS, draw_curves, reach
from search.files import append_line, atomic_write

PUBLISHED = ROOT / "results" / "published"
LEDGER = PUBLISHED / "anytime.jsonl"
ARMS = ("curves", "random", "optuna:TPESampler")
SEEDS, TRIALS, MINUTE = (1, 2, 3, 4, 5), 100, 60e6
COST = 18 * MINUTE  # twice that of the search of 50 trials which is published: 9.1 estimated minutes of one core
NOTE = """Lowest validation error of a net that was trained to its end, mean over five seeds. 95% intervals leave out
what all samplers share on a seed. The cost is estimated from multiply-accumulates. An ended search keeps its error."""
Lines = dict[tuple[str, int], dict[str, Any]]  # by sampler and seed


def main() -> None:
    """Search what the ledger lacks, and write the page."""
    options(__doc__, publishes=False).parse_args()
    for seed in SEEDS:
        for arm in ARMS:
            if (arm, seed) not in ledger():
                append_line(LEDGER, json.dumps(searched(arm, seed)))
    publish(ledger())


def ledger() -> Lines:
    """Return the lines of the searches that have ended."""
    lines = map(json.loads, LEDGER.read_text().splitlines() if LEDGER.exists() else ())
    return {(line["sampler"], line["seed"]): line for line in lines}


def searched(arm: str, seed: int) -> dict[str, Any]:
    """Search, or continue a search; its line has the cost, in estimated microseconds, and error of each better net."""
    study, results = f"{arm.replace(':', '-')}-{seed}", ROOT / "build" / "anytime"
    with suppress(search.TooManyFailuresError):  # 200 configurations in a row were infeasible
        mnist_bench.search("conv", trials=TRIALS, seed=seed, sampler=arm, study_name=study, results=results)
    record = mnist_bench.open_study(study, results=results)
    periods = [(one.end_of(each), one.number, each) for one in record.trials for each in range(1, one.next_period)]
    spent, curve = 0, [(0, 1.0)]
    for _, number, period in sorted(periods):
        trial = record.trials[number]
        spent += trial.costs[period - 1]
        if trial.state == "COMPLETE" and period == len(trial.reports) and trial.value:
            curve.append((spent, min(curve[-1][1], 1 - trial.value)))
    trained = len(record.finished())
    return {"sampler": arm, "seed": seed, "trials": trained, "digest": record.digest, "cost": spent, "curve": curve}


def publish(lines: Lines) -> None:
    """Write the page and the picture; a search that has ended keeps the error that it has reached."""
    at = np.linspace(0, COST, STEPS + 1)[1:]
    curves = {key: np.array(line["curve"]) for key, line in lines.items()}
    places = {key: np.searchsorted(curve[:, 0], at, side="right") - 1 for key, curve in curves.items()}
    units = np.array([[curves[arm, seed][places[arm, seed], 1] for seed in SEEDS] for arm in ARMS])
    means, bands = units.mean(axis=1), reach(units)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set(xlim=(0, COST / MINUTE), ylim=(0.0035, 0.0075))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=2))
        axes.set_xlabel("cost of the search, in estimated minutes of one core")
        axes.set_ylabel("validation error of the best so far")
        draw_curves(axes, at / MINUTE, units, ARMS)

    named = ", ".join(f"{mean:.2%} with {arm}" for mean, arm in zip(means[:, -1], ARMS, strict=True))
    early = [f"{arm}, seed {n}: {line['trials']} only" for (arm, n), line in lines.items() if line["trials"] < TRIALS]
    remarks = [f"{len(SEEDS)} searches of {TRIALS} trials each", "bands: 95% intervals over seeds", *early]
    drawn = Drawn(finding=f"Mean error at the end: {named}", remarks=remarks, draw=draw, height=4.4)
    write(render(drawn, ["svg"]), PUBLISHED / "anytime")
    read = [STEPS // 3 - 1, STEPS * 2 // 3 - 1, STEPS - 1]
    rows = [[arm, *(f"{means[n, i]:.2%} ± {100 * bands[n, i]:.2f}" for i in read)] for n, arm in enumerate(ARMS)]
    heads = ["sampler", *(f"after {at[i] / MINUTE:.0f} estimated minutes:" for i in read)]
    page = ["# Error of the best so far", "", f"{made(precision='portable')}", "", NOTE, "", "![](anytime.svg)", ""]
    atomic_write(PUBLISHED / "anytime.md", "\n".join([*page, *table(heads, rows), ""]).encode())


if __name__ == "__main__":
    main()
