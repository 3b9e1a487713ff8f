"""Configurations that were trained earlier, and how well: those of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mnist_bench.config.json import every_setting, flattened
from mnist_bench.config.settings import TrainConfig
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from mnist_bench.tables.shipped import load
from search.elementary import NATIVE, Elementary
from search.errors import SpaceError
from search.messages import show
from search.proposals.curves import DEVIATION, MIN_ERROR
from search.space.space import Space

NAMES = ("conv-5k", "conv-5k-wrong")
"""The tables that a space may name in `search.start`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedConfiguration:
    """One configuration that was trained to its end."""

    settings: Mapping[str, Any]
    """Every setting by path that its space names, ranges and constants; those that did not apply are missing."""
    loss: float  # in standard deviations from the usual of its source; low is good


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierTrials:
    """The configurations of a table, which a start list is made of."""

    name: str
    tried: tuple[TriedConfiguration, ...]
    unnamed: Mapping[str, Any] = field(default_factory=dict)
    """The settings that its space does not name, by path: all that was tried there had their defaults."""


def source(name: str, elementary: Elementary = NATIVE) -> EarlierTrials:
    """Return the table of a name, one of `NAMES`.

    Raises:
        StorageError: its file is damaged.
    """
    table = load(name)
    return EarlierTrials(
        name=name, tried=tuple(_standardised([*_of_table(table)], elementary)), unnamed=_unnamed(table.space)
    )


def check_named(space: Space) -> None:
    """Check that there are all tables which a space names to begin with.

    Raises:
        SpaceError: there are not; with those that there are.
    """
    problems = [
        space.origins["search"].problem(
            f"search.start: no table {show(name)}; there are {' and '.join(NAMES)}", "start", index
        )
        for index, name in enumerate(space.settings.get("search", {}).get("start", ()))
        if name not in NAMES
    ]
    if problems:
        raise SpaceError(problems)


def _of_table(table: RecordedBenchmark) -> Iterator[tuple[Mapping[str, Any], float]]:
    for point, seeds in sorted(table.seeds.items()):
        curves = [table.curve(point, seed) for seed in seeds]
        if not any(curve.diverged for curve in curves):
            errors = [curve.errors[-1] / curve.images for curve in curves]
            yield table.space.resolve(table.points[point]), sum(errors) / len(errors)


def _unnamed(space: Space) -> Mapping[str, Any]:
    named = {entry.path for entry in space.fields}
    without = "model." if "net_code" in space.settings else ()  # your own network has none of these
    defaults = flattened(every_setting(TrainConfig()))
    return {path: value for path, value in defaults if path not in named and not path.startswith(without)}


def _standardised(
    found: Sequence[tuple[Mapping[str, Any], float]], elementary: Elementary
) -> Iterator[TriedConfiguration]:
    logarithms = [elementary.ln(error + MIN_ERROR) for _, error in found]
    middle = median(logarithms)
    deviation = DEVIATION * median(abs(each - middle) for each in logarithms) or 1.0
    for (settings, _), each in zip(found, logarithms, strict=True):
        yield TriedConfiguration(settings=settings, loss=(each - middle) / deviation)
