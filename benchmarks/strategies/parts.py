"""Measure what each part of the sampler curves-ard is worth: on stand-ins, it competes with itself without the part.

    python benchmarks/strategies/parts.py --seeds 20 --budget 30

Every way has the same seeds. What gains on one stand-in alone is not evidence for a part. The stand-ins also served to
develop the sampler, so that their figures are not evidence for a claim. Results of searches are kept in
results/_bench/parts.jsonl; the same command resumes an interrupted run, also with more seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import contest_pages
import numpy as np
import pages
from looks import compared
from publish import FOLDER

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.plots.experiments import contest as picture
from search.proposals import Parts

WHOLE = Entrant(sampler="curves-ard", pruner="asha")
WAYS = (
    Entrant(sampler="random", pruner="asha"),
    Entrant(sampler="curves", pruner="asha"),
    WHOLE,
    *(
        Entrant(sampler="curves-ard", sampler_options={part.name: 0}, pruner="asha")
        for part in fields(Parts)
        if part.name != "decades"  # errors are shares, so that it changes nothing here
    ),
)
BOUNDARY = 1.960
KEPT = Path("results/_bench/parts.jsonl")


def rows(contest: Contest, margin: float) -> Iterator[list[str]]:
    """Yield each way's mean error and its difference to the whole sampler, in percentage points."""
    errors = np.array([[trace.found for trace in traces] for traces in contest.traces], float)
    whole = contest.entrants.index(WHOLE)
    for entrant, found in zip(contest.entrants, errors, strict=True):
        mean = f"{100 * found.mean():.2f}%"
        if entrant == WHOLE:
            yield [contest.task, entrant.name, mean, "", ""]
            continue
        one = compared(100 * (found - errors[whole]), BOUNDARY, margin)
        yield [
            contest.task,
            entrant.name,
            mean,
            f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]",
            one.verdict,
        ]


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budget", type=int, default=30, help="full trainings of an average configuration")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path, default=FOLDER / "strategies")
    asked = parser.parse_args(arguments)
    options = ContestOptions(
        stand_ins=("conv-5k",), ways=WAYS, seeds=asked.seeds, trials=asked.budget, processes=asked.processes,
        ledger=KEPT,
    )  # fmt: skip
    contests = compare_methods(options, Lines())
    found = [row for contest in contests for row in rows(contest, 0.02)]
    command = f"python benchmarks/strategies/parts.py --seeds {asked.seeds} --budget {asked.budget}"
    paragraphs = [
        f"`{command}` on {pages.machine()}.",
        f"{asked.seeds} searches of each way, budget {asked.budget} full trainings. Differences to the whole sampler "
        "in percentage points, with 95% intervals of each comparison alone: above 0, the part that is off is worth "
        "something. The sampler was developed on these stand-ins, so that the figures are not evidence for a claim.",
        "\n".join(pages.table(["stand-in", "way", "error:", "difference:", "verdict"], found)),
    ]
    traces = {contest.task: [[asdict(one) for one in each] for each in contest.traces] for contest in contests}
    document = {"rows": found, "traces": traces}
    contest_pages.write_page(
        asked.output / "parts", "Parts of the sampler curves-ard", paragraphs, picture.rows(contests), document
    )


if __name__ == "__main__":
    main(sys.argv[1:])
