"""Searches on all of MNIST: how long each way takes to a validation accuracy of 99.40 %. An illustration, no test.

    python benchmarks/strategies/full_data.py --seeds 5            two hours on two cores
    python benchmarks/strategies/full_data.py --seeds 5 --confirm  and the winner of the first seed, on the test set

Each search has 50 trials in the space that lies beside the results. Time is estimated cost on two workers, the same in
every run. A search that never got there is censored at its end. Studies are kept in results/_bench/full-data, so that
the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1]))
from publish import machine

import mnist_bench
from mnist_bench.experiments.contest.live import trained_periods
from mnist_bench.plots import style
from mnist_bench.statistics import mean_and_deviation
from mnist_bench.units import duration, percent
from search import canonical_json
from search.files import atomic_write, make_folder
from search.study import StoredStudy

GOAL = 0.994
FIRST_SEED = 100
"""No seed from here on was searched with while a way was developed."""
TRIALS, WORKERS = 50, 2
WAYS: Mapping[str, Mapping[str, Any]] = {
    "tpe": {"sampler": "tpe"},
    "curves": {"sampler": "curves"},
    "curves, with a list": {"sampler": "curves", "from_studies": ("conv-5k", "conv-5k-wrong")},
}
"""All with the space's pruner, asha; the list is of the tasks with 5,000 images."""
STUDIES = Path("results/_bench/full-data")


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """One search."""

    way: str
    seed: int
    reached: float | None
    """Estimated seconds on two workers until a complete trial was at the goal; None where none was."""
    seconds: float
    """The same until the end."""
    best: float
    """Validation accuracy (0..1) of the best complete trial."""
    digest: str
    test: float | None = None
    """Mean test accuracy (0..1) of the winner, with fresh seeds and all images; None where it was not confirmed."""
    test_seeds: int = 0


def searched(way: str, seed: int, space: Path) -> StoredStudy:
    """Return the study of a search, which goes on where it was stopped."""
    name = f"{way.replace(', ', '-').replace(' ', '-')}-{seed}"
    return mnist_bench.search(
        space, trials=TRIALS, workers=WORKERS, seed=seed, study_name=name, results=STUDIES, **WAYS[way]
    )  # fmt: skip


def measured(way: str, seed: int, study: StoredStudy) -> Searched:
    """Return how long a search took to the goal."""
    spent, reached = 0, None
    for _, _, cost, trial in sorted(trained_periods(study), key=itemgetter(0, 1)):
        spent += cost
        value = trial.value if trial is not None and trial.state == "COMPLETE" else None
        if reached is None and value is not None and value >= GOAL:
            reached = spent
    return Searched(
        way=way,
        seed=seed,
        reached=None if reached is None else reached / 1e6 / WORKERS,
        seconds=spent / 1e6 / WORKERS,
        best=max(trial.value for trial in study.complete() if trial.value is not None),
        digest=study.digest,
    )


def draw(found: Sequence[Searched]) -> Figure:
    """Draw the share of each way's searches that are at the goal, over time."""
    figure = Figure(figsize=(style.WIDE, 3.6), layout="constrained")
    axes = figure.subplots()
    for way, colour in zip(WAYS, style.SERIES, strict=False):
        rows = [row for row in found if row.way == way]
        times = sorted(row.reached for row in rows if row.reached is not None)
        end = max(row.seconds for row in rows)
        steps = [0.0, *times, end]
        shares = [number / len(rows) for number in (*range(len(times) + 1), len(times))]
        axes.step([second / 60 for second in steps], shares, where="post", color=colour, label=way)
    axes.set(xlabel="estimated minutes on two workers", ylabel=f"searches at {percent(GOAL)}", ylim=(0, 1.05))
    axes.legend()
    medians = {way: _median([row for row in found if row.way == way]) for way in WAYS}
    style.heading(
        figure,
        "Half were there in "
        + ", ".join(f"{'no time' if time is None else duration(time)} ({way})" for way, time in medians.items()),
        f"To {percent(GOAL)} on validation images, {len(found) // len(WAYS)} searches of each way: an illustration.",
    )
    return figure


def _median(rows: Sequence[Searched]) -> float | None:
    """Return the time by which half the searches are at the goal, censored ones counted as later than all others."""
    times = sorted(row.reached for row in rows if row.reached is not None)
    needed = (len(rows) + 1) // 2
    return times[needed - 1] if len(times) >= needed else None


def _summary(found: Sequence[Searched]) -> list[str]:
    """Return the lines of a table with a row for each way."""
    lines = [
        "| way | to the goal, middle search | to the end, mean | best, mean ± deviation |",
        "| --- | ---: | ---: | ---: |",
    ]
    for way in WAYS:
        rows = [row for row in found if row.way == way]
        middle, (best, deviation) = _median(rows), mean_and_deviation([row.best for row in rows])
        lines.append(
            f"| {way} | {'–' if middle is None else duration(middle)} | {duration(fmean(row.seconds for row in rows))} "
            f"| {percent(best, 3)} ± {100 * deviation:.3f} |"
        )
    return lines


def main(arguments: Sequence[str]) -> None:
    """Search, and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--confirm", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    asked = parser.parse_args(arguments)
    space = asked.output / "conv.yaml"
    found: list[Searched] = []
    for seed in range(FIRST_SEED, FIRST_SEED + asked.seeds):
        for way in WAYS:
            study = searched(way, seed, space)
            row = measured(way, seed, study)
            if asked.confirm and seed == FIRST_SEED:
                confirmed = mnist_bench.confirm_study(study, top=1, workers=WORKERS)
                errors = [error for error in confirmed.finals[0].errors if error is not None]
                share = sum(errors) / len(errors) / confirmed.test_images
                row = replace(row, test=1 - share, test_seeds=len(errors))
            found.append(row)
            print(row, flush=True)
    rows = [
        f"| {row.way} | {row.seed} | {'–' if row.reached is None else duration(row.reached)} | {duration(row.seconds)} "
        f"| {percent(row.best)} | {'' if row.test is None else f'{percent(row.test)} ({row.test_seeds} seeds)'} |"
        for row in found
    ]
    head = [
        "| way | seed | to the goal | to the end | best | on the test set |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    page = [
        f"# Searches on all of MNIST, to {percent(GOAL)}",
        f"`python benchmarks/strategies/full_data.py {' '.join(arguments)}` on {machine()}.",
        "Estimated time on two workers; accuracies are those on validation images, with one seed. An illustration: so "
        "few searches prove nothing.",
        "\n".join(_summary(found)),
        "Each search:",
        "\n".join([*head, *rows]),
        "![Share of the searches at the goal](full-data.png)\n",
    ]
    make_folder(asked.output)
    atomic_write(asked.output / "full-data.md", "\n\n".join(page).encode())
    document = canonical_json.dumps([asdict(row) for row in found]) + "\n"
    atomic_write(asked.output / "full-data.json", document.encode())
    style.save(partial(draw, found), asked.output / "full-data", ["png"])


if __name__ == "__main__":
    main(sys.argv[1:])
