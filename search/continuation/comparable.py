"""Whether the trainings of an earlier study repeat here to the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.differences import differences
from search.errors import UsageError
from search.event_log.records import StudyRecord
from search.messages import on_one_line
from search.study.spec import StudySpec

CAUSES: Mapping[str, tuple[str, ...]] = {
    "was made by another trainer": ("context.trainer", "context.objective"),
    "searched another network": ("context.net",),
    "was trained on other data": ("context.data", "context.images"),
    "was trained by another version of mnist-bench": ("context.trainer_revision", "context.defaults"),
    "was trained with other versions": ("versions",),
    "was trained with other numerics": ("numerics", "context.canary"),
}
"""Why trainings of two searches are not the same, with the entries that show it, or in which it shows."""
OTHERWISE = "was made under other conditions"
SHOWN = 3
"""Differences that a message names."""


def check_comparable(earlier: StudyRecord, spec: StudySpec) -> None:
    """Check that a search trains a configuration with a seed to the same bits as an earlier study did.

    Raises:
        UsageError: it does not; the message says what differs.
    """
    then = {
        "context": _deciding(earlier.spec["context"]),
        "versions": {name: earlier.spec["versions"].get(name) for name in spec.versions},
        "numerics": earlier.spec["numerics"],
    }
    now = {"context": _deciding(spec.context), "versions": spec.versions, "numerics": spec.numerics}
    rows = differences(then, now)
    if not rows:
        return
    cause, found = OTHERWISE, rows
    for words, entries in CAUSES.items():
        if shown := [row for row in rows if any(_is_within(row[0], entry) for entry in entries)]:
            cause, found = words, shown
            break
    # A hash tells a person less than what is described next to it, above all the precision.
    described = [row for row in found if not row[0].endswith("canary")] or found
    described.sort(key=lambda row: row[0] != "numerics.precision")
    told = [on_one_line(f"{path} {old} then, {new} now") for path, old, new in described]
    raise UsageError(
        f"Study {earlier.name} cannot be continued by this search, because it {cause}: {'; '.join(told[:SHOWN])}. Its "
        "trials would give other results here. Undo the change, or leave out --continue; nothing has been changed."
    )


def _is_within(path: str, entry: str) -> bool:
    return path == entry or path.startswith(f"{entry}.")


def _deciding(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a context on which the bits of a training depend: estimated costs only order the events."""
    return {name: value for name, value in context.items() if name != "costs"}
