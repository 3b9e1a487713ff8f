"""Handmade results of `bench notebook` and `bench ladder`."""

from __future__ import annotations

from typing import Any

from mnist_bench.experiments.scored_recipes import Benchmark, Epoch, ScoredRecipe, ScoredRecipes
from mnist_bench.numerics.device import Machine

MACHINE = Machine(processor="An Abacus", cores=2, gpu=None, precision="fp32", python="3.11.7", versions={"torch": "2"})


def scored(recipe: str, *accuracies: float, **others: Any) -> ScoredRecipe:
    """Return a recipe of two epochs, whose runs have these accuracies on 10,000 test images after the last one."""
    runs = tuple((epoch(0.5), epoch(accuracy, weights="01")) for accuracy in accuracies)
    fields: dict[str, Any] = {
        "recipe": recipe, "precision": "fp32", "epochs": 2, "parameters": 7_850, "training_flop": 136_800_000_000,
        "seeds": tuple(range(len(runs))), "runs": runs, "unended": 0,
    }  # fmt: skip
    return ScoredRecipe(**fields | others)


def epoch(accuracy: float, *, seconds: float = 2.0, weights: str = "00", train_loss: float = 0.1) -> Epoch:
    """Return an epoch with this accuracy on 10,000 test images."""
    return Epoch(
        train_loss=train_loss, test_loss=0.2, test_errors=round(10_000 * (1 - accuracy)), test_accuracy=accuracy,
        seconds=seconds, weights=weights,
    )  # fmt: skip


def result(benchmark: Benchmark, *rows: ScoredRecipe, workers: int = 2) -> ScoredRecipes:
    """Return a result with these rows."""
    return ScoredRecipes(benchmark=benchmark, machine=MACHINE, workers=workers, train_images=60_000, rows=rows)
