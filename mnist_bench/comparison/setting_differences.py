"""The settings in which the sides differ: of studies their specifications, else configurations, seeds and numerics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_bench.comparison.sides import Run, Side
from mnist_bench.config import every_setting, from_json
from mnist_bench.studies import record as records
from search.differences import differences
from search.stored_fields import stored

FOLLOWING = (
    "context.canary", "context.costs", "context.defaults", "driver_arithmetic", "sampler_arithmetic", "portable",
    "numerics.kind", "numerics.trainer_revision",
)  # fmt: skip
"""Entries of a specification that follow from others: from the precision, the versions and the kind of device."""
KIND, REVISION = "numerics.kind", "trainer_revision"
"""Each kind of device has revisions of its own."""
PREFIXES = ("space.fields.", "space.settings.", "context.", "recipe.")
SAME = "="
"""A side that has the value of the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDifference:
    """One setting that is not the same on all sides."""

    path: str
    """Where it is stored: `space.fields.optim.lr.high`."""
    values: tuple[str, ...]
    """Of each side, as text; `=` for the value of the first side."""
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
    of_studies = all(side.is_study for side in sides)
    first, *others = [_of_study(side) if of_studies else _of_run(side.run) for side in sides]
    rows = [{path: (then, now) for path, then, now in differences(first, other)} for other in others]
    paths = dict.fromkeys(path for row in rows for path in row)
    return tuple(
        SettingDifference(
            path=path,
            values=(next(row[path][0] for row in rows if path in row), *(row.get(path, ("", SAME))[1] for row in rows)),
            follows=path.startswith(FOLLOWING) or (path.endswith(REVISION) and KIND in paths),
        )
        for path in paths
    )


def _of_study(side: Side) -> dict[str, Any]:
    totals = () if side.study is None else side.study.totals
    return {**side.specification, "trials": totals[-1] if totals else None}


def _of_run(run: Run | None) -> dict[str, Any]:
    """Return what decides the result of a run."""
    if run is None:
        return {}
    if run.record is None:
        return {"parameters": dict(run.config), "seed": run.seed}
    record = run.record
    data: Mapping[str, Any] = stored(record.data, records.FIRST)
    return {
        # Every setting, also those that one side stores only because they differ from their defaults.
        "recipe": every_setting(from_json(record.recipe)), "seed": record.seed, "data": data,
        "numerics": dict(record.numerics), "trainer_revision": record.trainer_revision,
        "versions": dict(record.versions),
    }  # fmt: skip
