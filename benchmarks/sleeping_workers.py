"""The simulation against real processes: searches whose workers sleep as long as drawn, in both orders, side by side.

    python benchmarks/sleeping_workers.py          about three minutes, most of them asleep

Driver, event log, Optuna's tables, checkpoints and worker processes are all real; a period takes a tenth or a fifth of
its time in `event_order.py`, so that the driver's own time weighs ten or five times as much.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from event_order import ORDERS, conv_nets

from search.clock import Order
from search.document import Document
from search.executors import LocalExecutor
from search.progress import Silent
from search.records import StudyRecord, TrialRecord
from search.run import Search
from search.space import Space
from search.spec import StudySpec
from search.strategy import Asha, Random
from search.study import Place
from search.trainer import Plan, Report, TrainerSpec

ERROR = 0.2
SIZES = ((2, 8, 100, 0.1), (8, 16, 160, 0.2))
"""Workers, slots, trials, and how long a period takes of what it would."""
NETS = 300


class Trainer:
    """Sleeps; figures and durations follow from seed and period."""

    numerics: Mapping[str, Any] = {"canary": "asleep"}

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer.Trainer`."""
        net, each = np.random.default_rng([seed, 0]), np.random.default_rng([seed, period])
        seconds = config["seconds"][period - 1] * float(np.exp(ERROR * (net.normal() + each.normal() / 2)))
        value = float(net.normal() + each.normal() / period)
        time.sleep(seconds)
        return b"", Report(value=value, metrics={}, weights=f"{seed} {period}", seconds=seconds)


def make_trainer() -> Trainer:
    """Return the trainer; workers name this function."""
    return Trainer()


@dataclass
class LastAsk(Silent):
    """Notes when the newest trial was asked for."""

    at: float = field(default=0.0)

    def on_trial(self, trial: TrialRecord) -> None:
        self.at = time.time()


class Nothing:
    """Keeps no weights."""

    def keep(self, *what: object) -> None:
        """See `search.housekeeping.Keeper`."""


def search(folder: Path, order: Order, workers: int, slots: int, trials: int, share: float) -> tuple[float, float]:
    """Search; return the share of worker time used until the last trial was asked for, and to the end."""
    nets = [tuple(round(share * cost) for cost in costs) for costs in conv_nets(NETS)]
    space = Space.from_document(
        Document("asleep", "", {"name": "asleep", "net": {"index": {"int": [0, len(nets) - 1]}}})
    )
    asked = LastAsk()
    study = Search(
        place=Place.of("asleep", folder),
        goal=trials,
        spec_for=lambda numerics: StudySpec(
            space=space, seed=0, slots=slots, order=order, sampler=Random(), pruner=Asha(), periods=len(nets[0]),
            numerics=numerics,
        ),
        planner_for=lambda _: lambda params: Plan(
            config={"seconds": [cost / 1e6 for cost in nets[params["net.index"]]]}, costs=nets[params["net.index"]]
        ),
        executor=LocalExecutor(TrainerSpec(factory="sleeping_workers:make_trainer"), workers, folder / "log"),
        observer=asked, keeper=Nothing(), stopping=lambda: False,
    ).run().study  # fmt: skip
    return used(study, workers, asked.at), used(study, workers, time.time())


def used(study: StudyRecord, workers: int, until: float) -> float:
    """Return the share of worker time that was slept, from the first period to a moment or the last period's end."""
    spans = [(r.started or 0.0, (r.started or 0.0) + r.seconds) for trial in study.trials for r in trial.reports]
    first, last = min(begin for begin, _ in spans), min(until, max(end for _, end in spans))
    asleep = sum(max(0.0, min(end, last) - begin) for begin, end in spans)
    return asleep / (workers * (last - first))


def main() -> None:
    """Search in both orders and print a table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where workers find this file
    print("| workers | slots | trials | order | until the last ask | to the end |")
    print("| ---: | ---: | ---: | --- | ---: | ---: |")
    for workers, slots, trials, share in SIZES:
        for order in ORDERS:
            with tempfile.TemporaryDirectory() as folder:
                swing, whole = search(Path(folder), order, workers, slots, trials, share)
            print(f"| {workers} | {slots} | {trials} | {order} | {swing:.1%} | {whole:.1%} |", flush=True)


if __name__ == "__main__":
    main()
