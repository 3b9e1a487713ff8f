"""Does a table repeat live training? Search on a table and train the same searches live, and compare every bit.

    python benchmarks/table_against_live.py                    50 searches on grid-5k; about an hour on 2 cores
    python benchmarks/table_against_live.py --searches 4 --budget 2

A search's digest covers every trial's parameters, curve, end and weights. It has to be the same, whether trainings were
looked up in virtual time or made by worker processes. Trainings are kept in results/_bench/trainings, so that the same
command continues where it was stopped. The comparison is valid only on a machine that passes the numerics check of the
table's rows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mnist_bench import tables
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.live_contest import LiveTerms, opened
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.contest.replays import Terms, simulated

# Hyperband is not among them: a trial's bracket follows from the study's fingerprint, which holds the trainer.
WAYS = (
    Entrant(sampler="tpe", pruner="asha"),
    Entrant(sampler="random"),
    Entrant(sampler="qmc", pruner="median"),
    Entrant(sampler="tpe"),
    Entrant(sampler="random", pruner="asha"),
)


def main() -> None:
    """Print each search's digests; exit with 1 if two differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default="grid-5k")
    parser.add_argument("--searches", type=int, default=50)
    parser.add_argument("--budget", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path("results"))
    asked = parser.parse_args()
    replayed = ReplayedTable(tables.load(asked.table))
    about, terms = replayed.table.about, Terms(budget=asked.budget, slots=4)
    folder = asked.results / "_bench"
    live_terms = LiveTerms(
        task=about.task, space=replayed.table.space, planner=replayed.table.planner, budget=asked.budget,
        unit=replayed.unit, seen_images=about.images["validation"], unseen_images=about.images["unseen"],
        slots=terms.slots, folder=folder / f"equal-{about.name}", cache=folder / "trainings", workers=asked.workers,
    )  # fmt: skip
    differ = 0
    with opened(live_terms) as live:
        print(f"canary here {live.numerics['canary'][:16]}, of the rows {', '.join(c[:16] for c in about.canaries)}")
        for seed in range(asked.searches):
            entrant = WAYS[seed % len(WAYS)]
            looked_up, _ = simulated(replayed, entrant, seed, 0, terms, workers=8)
            trained = live.searched(entrant, seed, looked_up.spent[-1])
            same = looked_up.study.digest == trained.digest
            differ += not same
            ended = len(trained.finished())
            print(
                f"{seed:3} {entrant.name:18} {len(trained.trials):4} trials, {ended:4} ended, "
                f"{looked_up.study.digest[:16]} {'equal' if same else 'DIFFERS from ' + trained.digest[:16]}",
                flush=True,
            )
    print(f"{asked.searches - differ} of {asked.searches} searches equal to the bit")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
