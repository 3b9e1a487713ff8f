"""A condition over the columns of a table, in the language of constraints: which rows it keeps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from search.arguments import is_number
from search.errors import UsageError
from search.messages import first_few, show
from search.space.constraints.parser import parse
from search.space.constraints.tokens import RefusedError
from search.space.constraints.tree import Condition, holds, paths
from search.space.ranges import Choice, Distribution, FloatRange

NAMED = 30
"""Largest number of columns that a sentence names: more than a space of nets usually searches."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A condition that rows of a table meet or not."""

    text: str
    condition: Condition

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the condition names, each once."""
        return tuple(dict.fromkeys(paths(self.condition)))

    def keeps(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row, by column, meets the condition; a comparison with a missing value is not met."""
        return holds(self.condition, row)


def read_filter(text: str, columns: Mapping[str, Collection[Any]]) -> RowFilter:
    """Return the condition that a text such as `lr > 0.01 and blocks == 3` describes.

    Args:
        text: in the language of the constraints of a space.
        columns: the values that each column may have, by its name. A column with a dotted name can be named by what
            follows the first dot. A column of numbers may have any number.

    Raises:
        UsageError: the text is not a condition, names another column, or compares it with a value that it never has.
    """
    try:
        fields = {name: _span(found) for name, found in columns.items()}
        return RowFilter(text, parse(text, fields, lack="no column", others=f"; there are {short_names(columns)}"))
    except RefusedError as error:
        end = "" if str(error).endswith("?") else "."
        raise UsageError(f"where {show(text)}, character {error.offset + 1}: {error}{end}") from error


def short_names(columns: Collection[str]) -> str:
    """Return the names of columns, those of settings first and without their section; of many columns, some.

    >>> short_names(["rank", "epochs", "model.blocks", "optim.epochs"])
    'blocks, optim.epochs, rank, epochs'
    """
    times = Counter(name.partition(".")[2] or name for name in columns)
    shorts = [(name, name.partition(".")[2]) for name in columns]
    settings = [short if times[short] == 1 else name for name, short in shorts if short]
    return first_few([*settings, *(name for name, short in shorts if not short)], NAMED)


def _span(found: Collection[Any]) -> Distribution:
    values = [value for value in found if value is not None]
    if values and all(map(is_number, values)):
        return FloatRange(-math.inf, math.inf)
    return Choice(tuple({show(value): value for value in values}.values()))
