"""How much worker time the deterministic order costs a search of a function whose calls take unequal times.

Run as `python benchmarks/worker_use.py --output results/published`, for about 25 minutes. Eight workers compute at a
time, and each call sleeps, so two cores serve them all, and other work on the machine hardly matters.
"""

from __future__ import annotations

import math
import tempfile
import time
from itertools import product
from statistics import NormalDist
from typing import Any

import frame

import search

WORKERS, TRIALS, MEAN = 8, 64, 20.0  # seconds of a call
OFF, CONCURRENT = (0.2, 0.4), (8, 16)  # standard deviations of the logarithm of its seconds; trials in progress


def seconds(config: search.Configuration) -> float:
    """Return how long a call takes: log-normal over the configurations."""
    deviation = float(config["off"])
    return MEAN * math.exp(deviation * NormalDist().inv_cdf(config["x"]) - deviation**2 / 2)


def objective(config: search.Configuration) -> float:
    """Sleep as long as the configuration says."""
    time.sleep(seconds(config))
    return float(config["x"])


def searched(off: float, concurrent: int, cost: str) -> dict[str, Any]:
    """Search once, and return what the order cost."""
    space = {"name": "sleeping", "x": {"float": [0.001, 0.999]}, "off": off}
    with tempfile.TemporaryDirectory() as results:
        run = search.planned(
            search.Objective.of(objective), space, trials=TRIALS, workers=WORKERS, concurrent_trials=concurrent,
            cost=seconds if cost == "yes" else None, sampler=search.Random(), results=results,
        ).run()  # fmt: skip
    return {"off": off, "concurrent": concurrent, "cost": cost, "order_cost": run.order_cost}


def main() -> None:
    """Search in every way, and print and publish the table."""
    asked = frame.options(__doc__).parse_args()
    found = [searched(*way) for way in product(OFF, CONCURRENT, ("no", "yes"))]
    heads = ["calls off their mean by:", "concurrent trials:", "`cost=`", "worker time lost:"]
    form = ("{off:.0%}", "{concurrent}", "{cost}", "{order_cost:.1%}")
    rows = [[cell.format(**run) for cell in form] for run in found]
    about = f"{frame.made()} {WORKERS} workers, {TRIALS} trials of one report, {MEAN:.0f} s on average, sampler random."
    page = ["# Worker time that the order costs a function", "", about, "", *frame.table(heads, rows)]
    frame.publish(asked.output, "worker-use", page, {"made": str(frame.made()), "runs": found})


if __name__ == "__main__":
    main()
