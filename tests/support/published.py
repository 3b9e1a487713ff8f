"""The figures of results/published, and how pages write them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any

from mnist_bench.cells import duration
from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments.ladder import rung_of
from mnist_bench.statistics.inference import t_interval
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


@cache
def contested(name: str) -> Mapping[str, Mapping[int, Any]]:
    """Return the searches of a live contest by their way, all with asha, and by their seeds in order."""
    ways: dict[str, dict[int, Any]] = {}
    searches = map(json.loads, (FOLDER / "strategies" / f"{name}.jsonl").read_text().splitlines())
    for search in sorted(searches, key=lambda search: int(search["seed"])):
        ways.setdefault(search["way"].replace(" + asha", ""), {})[search["seed"]] = search
    return ways


def fresh_error(search: Mapping[str, Any]) -> float:
    """Return the error in percent of what a search chose, trained again with fresh seeds."""
    return 100 * fmean(search["trace"]["fresh"])


def error_after(trainings: float) -> Callable[[Mapping[str, Any]], float]:
    """Return the error in percent of what a search would have chosen for this cost, as the search trained it."""

    def error(search: Mapping[str, Any]) -> float:
        *_, last = (choice for choice in search["trace"]["choices"] if choice["spent"] <= trainings)
        return 100 * float(last["unseen"])

    return error


def mean_error(
    name: str, way: str, pairs: int, error: Callable[[Mapping[str, Any]], float] = fresh_error
) -> str:  # fmt: skip
    """Return the mean over the first searches of a way."""
    return f"{fmean(error(search) for search in list(contested(name)[way].values())[:pairs]):.2f}%"


def differences(name: str, way: str, against: str, error: Callable[[Mapping[str, Any]], float]) -> dict[int, float]:
    """Return by how much the error of a way is lower, for each seed that both searched with."""
    ways = contested(name)
    both = [seed for seed in ways[way] if seed in ways[against]]
    return {seed: error(ways[against][seed]) - error(ways[way][seed]) for seed in both}


def with_interval(sample: Sequence[float]) -> str:
    """Return a mean with Student's 95% interval."""
    interval = t_interval(sample)
    assert interval
    return f"{fmean(sample):.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def best_on_all(way: str) -> float:
    """Return the best validation accuracy in percent, a mean over the searches of a way on all of MNIST."""
    return 100 * fmean(search["best"] for search in figures("strategies/full-data.json") if search["way"] == way)


def teraflop(config: TrainConfig) -> str:
    """Return what a training on all images computes, in 10^12 operations."""
    return f"{rung_of('99.6', config, 60_000, {}, 0.0).training_flop / 1e12:.2g}"


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
