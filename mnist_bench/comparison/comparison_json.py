"""A comparison as plain values for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench.comparison.comparison import Comparison, Pair
from mnist_bench.comparison.sentences import parting_lines
from mnist_bench.comparison.sides import Side
from mnist_bench.statistics.inference import wilson


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values for JSON."""
    return {
        "same_images": comparison.same_images,
        "sides": [_plain_side(side) for side in comparison.sides],
        "settings": [
            {"setting": row.path, "values": list(row.values), "follows": row.follows} for row in comparison.settings
        ],
        "pairs": [_plain_pair(pair) for pair in comparison.pairs],
    }


def _plain_side(side: Side) -> dict[str, Any]:
    run = side.run
    interval = wilson(run.images - run.errors, run.images) if run and run.images and run.errors is not None else None
    return {
        "label": side.label,
        "study": None if side.study is None else side.study.name,
        "digest": side.study.digest if side.is_study and side.study is not None else None,
        "trial": run and run.number,
        "seed": run and run.seed,
        "value": run and run.value,
        "low": interval and interval[0],
        "high": interval and interval[1],
        "errors": run and run.errors,
        "images": run and run.images,
        "weights": run and run.reports[-1].weights,
    }


def _plain_pair(pair: Pair) -> dict[str, Any]:
    test = pair.test and {**asdict(pair.test), "significant": pair.test.is_significant, "sentence": pair.test.sentence}
    return {
        "first": pair.first.label,
        "second": pair.second.label,
        "test": test,
        "shared": [
            {
                "first": each.first.number,
                "second": each.second.number,
                "difference": each.difference and asdict(each.difference),
            }
            for each in pair.shared
        ],
        "same_configurations": pair.same_configurations,
        "first_difference": pair.parting and asdict(pair.parting),
        "sentences": [*parting_lines(pair)],
    }
