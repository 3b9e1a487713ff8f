"""Configurations that were trained earlier, and how well: those of a study, or of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from mnist_bench.config.json import every_setting, flattened
from mnist_bench.config.settings import TrainConfig
from mnist_bench.tables import shipped
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from mnist_bench.tables.shipped import SHA256, load
from search.elementary import NATIVE, Elementary
from search.errors import SpaceError, UsageError
from search.event_log.records import StudyRecord
from search.messages import show
from search.proposals.curves import DEVIATION, MIN_ERROR
from search.space.space import Space
from search.study.studies import open_study


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedConfiguration:
    """One configuration that was trained to its end."""

    settings: Mapping[str, Any]
    """Every setting by path that its space names, ranges and constants; those that did not apply are missing."""
    loss: float
    """In standard deviations from the usual of its source; low is good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierTrials:
    """The configurations of a study or a table, which a start list is made of."""

    name: str
    task: str | None
    """Of a table; None if it is a study's own data."""
    tried: tuple[TriedConfiguration, ...]
    unnamed: Mapping[str, Any] = field(default_factory=dict)
    """The settings that its space does not name, by path: all that was tried there had their defaults."""


def source(name: str, results: Path, storage: str | None = None, elementary: Elementary = NATIVE) -> EarlierTrials:
    """Return the study or the table of a name; a table may be a file, too.

    Raises:
        StudyNotFoundError: there is neither.
        StorageError: a file or a database cannot be read.
        UsageError: nothing in it was trained to its end, or its values are no accuracies.
    """
    if name in SHA256 or name.endswith(shipped.FILE):
        table = load(name)
        task, space, found = table.about.task, table.space, [*_of_table(table)]
    else:
        study = open_study(results, name, storage)
        task, space = None, study.space
        found = [*_of_study(study, space)]
    if not found:
        raise UsageError(f"{name} has no complete trial for a warm start.")
    return EarlierTrials(
        name=named(name),
        task=task,
        tried=tuple(_standardised(found, elementary)),
        unnamed=_unnamed(space),
    )


def check_named(space: Space) -> None:
    """Check that there are all tables which a space names to begin with.

    Raises:
        SpaceError: there are not; with those that there are.
    """
    known = ", ".join(SHA256)
    problems = [
        space.origins["search"].problem(f"search.start: no table {show(name)}; there are {known}", "start", index)
        for index, name in enumerate(space.settings.get("search", {}).get("start", ()))
        if name not in SHA256
    ]
    if problems:
        raise SpaceError(problems)


def named(source: str) -> str:
    """Return how a list says what it was made of: a file's name without its folder.

    >>> named("conv-0"), named("tables/mine.npz")
    ('conv-0', 'mine')
    """
    return Path(source).stem if source.endswith(shipped.FILE) else source


def _of_table(table: RecordedBenchmark) -> Iterator[tuple[Mapping[str, Any], float]]:
    for point, seeds in sorted(table.seeds.items()):
        curves = [table.curve(point, seed) for seed in seeds]
        if not any(curve.diverged for curve in curves):
            errors = [curve.errors[-1] / curve.images for curve in curves]
            yield table.space.resolve(table.points[point]), sum(errors) / len(errors)


def _of_study(study: StudyRecord, space: Space) -> Iterator[tuple[Mapping[str, Any], float]]:
    if study.direction == "minimize":
        raise UsageError(f"{study.name} is not a study of accuracies: it minimizes its value.")
    for trial in study.trials:
        if trial.state == "COMPLETE" and trial.value is not None:
            if not 0.0 <= trial.value <= 1.0:
                raise UsageError(
                    f"{study.name} is not a study of accuracies: trial {trial.number} has {trial.value:g}."
                )
            yield space.resolve(trial.params), 1.0 - trial.value


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
