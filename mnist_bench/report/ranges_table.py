"""The ranges that were searched, and the place of a trial's values in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.cells import short
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import all_settings, from_json
from mnist_bench.result_table import Figure, Table
from mnist_bench.space_files.drawn import values_in_words
from mnist_bench.value_kind import NETS, ValueKind
from search.event_log.records import TrialRecord
from search.space.ranges import Distribution, NumberRange, place
from search.space.space import Field, Space

END = 5
"""Percent of a range that count as its lower or upper end."""
LOWER, UPPER = "lower end", "upper end"


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """One setting that was searched."""

    path: str
    values: str  # the range in words
    value: str  # the trial's value; a dash if it has none, or none that has an effect
    place: str  # the place of the value in the range, from 0 to 100%; empty for a choice and for a range of two values


def table_of(space: Space, trial: TrialRecord | None, kind: ValueKind = NETS) -> Table[Range]:
    """Return a row for each range of a space, with the trial's value if there is one. A line below names values at an
    end.

    Every parameter counts in a trial of another trainer; in a trial of nets, only those with an
    effect.
    """
    setting = Figure[Range]("hyperparameter", lambda row: row.path, 9)
    searched = Figure[Range]("range", lambda row: row.values, 7)
    ranges = [(field, field.distribution) for field in space.fields if field.distribution is not None]
    if trial is None:
        return Table(rows=[_range(field, span, {}) for field, span in ranges], figures=(setting, searched))
    config = from_json(trial.config) if kind.of_nets else None
    params = {path: value for path, value in trial.params.items() if config is None or _counts(path, config)}
    rows = [_range(field, span, params) for field, span in ranges]
    columns = (
        setting,
        Figure[Range](f"trial {trial.number}", lambda row: row.value, 8),
        Figure[Range]("place", lambda row: row.place, 6),
        searched,
    )
    return Table(rows=rows, figures=columns, footnotes=_at_ends(rows, trial.number))


def _counts(path: str, config: TrainConfig) -> bool:
    """Return whether a setting has an effect in a configuration; those of your own network always may."""
    declared = all_settings().get(path)
    return declared is None or declared.counts_in(config)


def _range(field: Field, span: Distribution, params: Mapping[str, Any]) -> Range:
    words = values_in_words(field)
    if field.path not in params:
        return Range(path=field.path, values=words, value="–", place="")
    value = params[field.path]
    return Range(path=field.path, values=words, value=short(value), place=_place(span, value))


def _place(span: Distribution, value: Any) -> str:
    """Return where a value lies; empty for a range of at most two values, of which each is an end."""
    if not isinstance(span, NumberRange) or span.count <= 2:
        return ""
    share = round(100 * place(span, value))
    if share <= END:
        return LOWER
    return UPPER if share >= 100 - END else f"{share}%"


def _at_ends(rows: list[Range], number: int) -> list[str]:
    ends = [row.path for row in rows if row.place in (LOWER, UPPER)]
    if not ends:
        return []
    lies = f"{', '.join(ends)} of trial {number} {'is' if len(ends) == 1 else 'are'} at an end of the range"
    return [f"{lies}. If values beyond it are allowed, they may be better."]
