"""The settings in which the sides differ: of studies their specifications, else configurations, seeds and numerics."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_bench.comparison.sides import Run, Side
from mnist_bench.config.catalogue import all_settings
from mnist_bench.config.json import every_setting, from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.nets import summary
from search.differences import ABSENT, differences
from search.messages import listing, show
from search.space.ranges import Choice
from search.space.space import Field
from search.stored_fields import stored

FOLLOWING = (
    "context.costs", "driver_arithmetic", "portable",
    "numerics.kind", "numerics.trainer_revision",
)  # fmt: skip
"""Entries of a specification that follow from others: from the precision, the versions and the kind of device."""
KIND, REVISION = "numerics.kind", "trainer_revision"
"""Each kind of device has revisions of its own."""
PREFIXES = ("space.fields.", "space.settings.", "context.", "recipe.")
FIELD = re.compile(r"space\.fields\.([^.]+\.[^.]+)(?!\.when\b)(?:\.|$)")
"""The path of a field of a space, or of a part of its range; its condition has a row of its own."""
SAME = "="
"""A side that has the value of the first."""
Rows = dict[str, tuple[str, str]]
"""The value of the first side and that of another one, by path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDifference:
    """One setting that is not the same on all sides."""

    path: str
    """Where it is stored: `space.fields.optim.lr.high`."""
    values: tuple[str, ...]
    """Of each side, as text; `=` for the value of the first side, `–` for a setting without an effect."""
    follows: bool
    """Whether it only follows from other settings, as the cost estimates do from the kind of device."""

    @property
    def name(self) -> str:
        """The path as a person reads it: `optim.lr.high`."""
        prefix = next((prefix for prefix in PREFIXES if self.path.startswith(prefix)), "")
        return self.path.removeprefix(prefix)


def setting_differences(sides: Sequence[Side]) -> tuple[SettingDifference, ...]:
    """Return the settings in which a side differs from the first one.

    Two studies are compared by their specifications. If a side is one run, all sides are compared by a run: a study by
    its best trial.
    """
    rows = _rows_of_studies(sides) if all(side.is_study for side in sides) else _rows_of_runs(sides)
    paths = dict.fromkeys(path for row in rows for path in row)
    return tuple(
        SettingDifference(
            path=path,
            values=(next(row[path][0] for row in rows if path in row), *(row.get(path, ("", SAME))[1] for row in rows)),
            follows=path.startswith(FOLLOWING) or (path.endswith(REVISION) and KIND in paths),
        )
        for path in paths
    )


def _rows(described: Sequence[Mapping[str, Any]]) -> list[Rows]:
    first, *others = described
    return [{path: (then, now) for path, then, now in differences(first, other)} for other in others]


def _rows_of_studies(sides: Sequence[Side]) -> list[Rows]:
    rows = _rows([_of_study(side) for side in sides])
    return [_in_words(row, sides[0], side) for row, side in zip(rows, sides[1:], strict=True)]


def _rows_of_runs(sides: Sequence[Side]) -> list[Rows]:
    """Return the rows of runs, without settings of equal values that have no effect on one side."""
    differing = {path for row in _rows([_of_run(side.run, every_setting) for side in sides]) for path in row}
    rows = _rows([_of_run(side.run, _with_effect) for side in sides])
    return [{path: values for path, values in row.items() if path in differing} for row in rows]


def _in_words(rows: Rows, first: Side, other: Side) -> Rows:
    """Return the rows of two studies, those of one field's range as one row in words."""
    worded: Rows = {}
    for path, values in rows.items():
        if (found := FIELD.match(path)) is None:
            worded[path] = values
        else:
            worded[f"space.fields.{found[1]}"] = (_range_of(first, found[1]), _range_of(other, found[1]))
    return worded


def _range_of(side: Side, path: str) -> str:
    """Return what a field of a study's space can be: `adam or sgd_nesterov`, `0.001 to 0.05, log`."""
    fields = () if side.study is None else side.study.space.fields
    return next((_words(field) for field in fields if field.path == path), ABSENT)


def _words(field: Field) -> str:
    match field.distribution:
        case None:
            return show(field.value)
        case Choice(options):
            return listing(options)
        case span:
            return span.text


def _of_study(side: Side) -> dict[str, Any]:
    totals = () if side.study is None else side.study.totals
    return {**side.specification, "trials": totals[-1] if totals else None}


def _of_run(run: Run | None, settings: Callable[[TrainConfig], dict[str, Any]]) -> dict[str, Any]:
    """Return what decides the result of a run, with the settings that a function tells of its configuration."""
    if run is None:
        return {}
    if run.record is None:
        return {"parameters": dict(run.config), "seed": run.seed}
    record = run.record
    data: Mapping[str, Any] = stored(record.data)
    return {
        "recipe": settings(from_json(record.recipe)), "seed": record.seed, "data": data,
        "numerics": dict(record.numerics), "trainer_revision": record.trainer_revision,
        "versions": dict(record.versions),
    }  # fmt: skip


def _with_effect(config: TrainConfig) -> dict[str, Any]:
    """Return every setting, also those with their default; a dash stands for one that has no effect."""
    told = every_setting(config)
    for path, declared in all_settings().items():
        if not declared.counts_in(config):
            section, _, name = path.rpartition(".")
            (told[section] if section else told)[name] = summary.NOTHING
    return told
