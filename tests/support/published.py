"""The figures of results/published, and how pages write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from statistics import fmean
from typing import Any

from mnist_bench.cells import duration
from mnist_bench.config.settings import TrainConfig
from mnist_bench.nets.size import training_flop
from mnist_bench.statistics.inference import share_interval
from support.paths import ROOT

FOLDER = ROOT / "results" / "published"


@cache
def figures(path: str) -> Any:
    """Return what a JSON file holds."""
    return json.loads((FOLDER / path).read_text())


@cache
def published_text(path: str) -> str:
    """Return a text, with its figures as they are written now: `99.63%`, `84k`, `4 min 22 s`.

    A published text keeps the form that the program had when it printed it: `99.63 %`, `84 k`, `4:22`.
    """
    kept = re.sub(r"(?<=[0-9]) (?=%|[kMG]\b)", "", (FOLDER / path).read_text())
    return re.sub(
        r"(?<![\d:])(\d{1,2}):(\d\d)(?=[:;.,]? )", lambda time: duration(60 * int(time[1]) + int(time[2])), kept
    )


def found(pattern: str, path: str) -> str:
    """Return what the group of a pattern matches in a text."""
    match = re.search(pattern, published_text(path))
    assert match, f"{path} has no {pattern}"
    return match[1]


def on_the_ladder(recipe: str) -> Mapping[str, str]:
    """Return the first row of a recipe in ladder.md, its cells by their heads; of `reached` the figures alone."""
    lines = published_text("ladder.md").replace("\\", "").splitlines()
    number = next(number for number, line in enumerate(lines) if f"| {recipe} |" in line)
    heads = next(line for line in reversed(lines[:number]) if line.startswith("| target"))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in (heads, lines[number]))
    row = dict(zip(*cells, strict=True))
    return {**row, "reached": row["reached"].partition("met: ")[2]}


def best_on_all(method: str) -> float:
    """Return the best validation accuracy in percent, a mean over the searches of a method on all of MNIST."""
    searches = figures("methods.json")["all_of_mnist"]
    return 100 * fmean(search["best"] for search in searches if search["method"] == method)


@cache
def networks(path: str) -> Mapping[str, Any]:
    """Return the networks that were trained with several seeds and evaluated on the test images, by recipe."""
    return {one["recipe"]: one for one in figures(path)["networks"]}


def mean_accuracy(network: Mapping[str, Any]) -> str:
    """Return the mean test accuracy of such networks, with its interval."""
    shares = [1 - errors / network["images"] for errors in network["errors"]]
    return on_images({"mean": fmean(shares), "interval": share_interval(shares, step=1 / network["images"])})


def teraflop(config: TrainConfig) -> str:
    """Return what a training on all images computes, in 10^12 operations."""
    return f"{training_flop(config, 60_000) / 1e12:.2g}"


def on_images(tested: Mapping[str, Any]) -> str:
    """Return a mean accuracy with its interval."""
    low, high = tested["interval"]
    return f"{tested['mean']:.2%} [{100 * low:.2f}, {100 * high:.2f}]"


def around(values: Mapping[str, Any], middle: str, *, digits: int = 2, times: float = 1, sign: str = "") -> str:
    """Return a figure with its interval; a negative factor makes a difference one by which something is lower."""
    low, high = sorted(times * values[end] for end in ("low", "high"))
    form = f"{sign}.{digits}f"
    return f"{times * values[middle]:{form}} [{low:{form}}, {high:{form}}]"


def row(*cells: str) -> str:
    """Return cells of a Markdown table beside one another."""
    return " ".join(f"| {' | '.join(cells)} |".split())
