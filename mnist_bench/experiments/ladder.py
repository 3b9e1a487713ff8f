"""The ladder: recipes that each have a test accuracy to reach, judged over many seeds, and how long each takes.

The test images are evaluated after the last epoch alone. A target is met only if the lower end of the 95% interval of
the mean over the seeds reaches it: a mean alone, or the best of the seeds, would promise too much.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from types import MappingProxyType
from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.scored_recipes import Benchmark, ScoredRecipe, ScoredRecipes
from mnist_bench.numerics.device import sentence
from mnist_bench.result_table import Figure
from search import hashed

TARGETS: Mapping[str, float] = MappingProxyType({"99.0": 0.990, "99.4": 0.994, "99.6": 0.996, "99.7": 0.997})
"""Test accuracies (0..1) by the names of their recipes."""


def seed_of(number: int) -> int:
    """Return the seed of run `number` (from 0); none of those by which the recipes were found."""
    return hashed.derived_seed("ladder", number)


def is_met(row: ScoredRecipe) -> bool:
    """Return whether every seed trained to its end, and the interval lies at or above the target."""
    return not row.unended and row.interval is not None and row.interval[0] >= TARGETS[row.recipe]


def verdict(row: ScoredRecipe) -> str:
    """Return whether a target was met, with the figures: "met: 99.05% [99.02, 99.08]"."""
    accuracies, (low, high) = row.values("accuracy"), row.interval or (None, None)
    figures = f"{cells.percent(fmean(accuracies))} {cells.interval(low, high)}".strip() if accuracies else ""
    if row.unended:
        others = f", the others {figures}" if accuracies else ""
        figures = f"{row.unended} of {row.asked} runs did not finish{others}"
    elif row.interval is None:
        figures += " by one run, which shows no spread" if len(accuracies) == 1 else ", without an error to judge by"
    return f"{'met' if is_met(row) else 'not met'}: {figures}"


def _columns(found: ScoredRecipes) -> list[Figure[ScoredRecipe]]:
    return [
        Figure("target", lambda row: cells.percent(TARGETS[row.recipe], 1), 9),
        Figure("reached", verdict, 8),
        Figure("recipe", lambda row: f"ladder/{row.recipe}", 4),
        Figure("epochs", lambda row: row.epochs, 5, "right"),
        Figure("parameters", lambda row: f"{row.parameters:,}", 3, "right"),
        Figure("TFLOP", lambda row: cells.significant(row.training_flop / 1e12, 2), 2, "right"),
        Figure("seeds", lambda row: row.asked, 2, "right"),
        Figure("training", lambda row: "–" if row.seconds is None else cells.duration(row.seconds), 7, "right"),
    ]


def _footnotes(found: ScoredRecipes) -> list[str]:
    """Return the meaning of the table's figures, and the machine that measured them."""
    together = f", {found.workers} at a time" if found.workers > 1 else ""
    return [
        "",
        f"Trained on all {found.train_images:,} training images. In brackets: 95% interval of the mean test accuracy "
        "after the last epoch;",
        "a target is met if its lower end reaches it. Epochs and seeds were fixed before the test set was evaluated.",
        "TFLOP: 6 operations per multiply-accumulate (2 forward, 4 backward) over the training of a run, in 10^12.",
        f"training: seconds of a run on one worker, median over the seeds{together}.",
        sentence(found.machine),
    ]


def _own_figures(row: ScoredRecipe) -> dict[str, Any]:
    return {"target": TARGETS[row.recipe], "met": is_met(row)}


LADDER = Benchmark(
    name="ladder",
    recipes=tuple(TARGETS),
    every_epoch=False,
    seed_of=seed_of,
    figures=_columns,
    footnotes=_footnotes,
    own_figures=_own_figures,
)
