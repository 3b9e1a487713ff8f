"""A result as one table, with all its words: the screen, Markdown, CSV, JSON and the report print the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

Row = TypeVar("Row")
Align = Literal["left", "right"]


def as_it_is(row: Any) -> Mapping[str, Any]:
    """Return a row that is a mapping."""
    return dict(row)


@dataclass(frozen=True)  # with slots Python refuses Column[Row](...)
class Column(Generic[Row]):
    """One column: its heading and how a row's cell reads."""

    heading: str
    text: Callable[[Row], str]
    """The cell of a row."""
    importance: int = 1
    """Where the screen is too narrow, the least important column goes first, among equals the last one."""
    align: Align = "left"
    number: Callable[[Row], float | None] | None = None
    """What a reader's sorting goes by where the text does not begin with it; None where the text tells."""
    legend: Sequence[str] = ()
    """What the signs in its cells mean, a few words each; what several columns say stands once."""


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """Rows of a result, what people read of them, and the same as plain values for programs."""

    rows: Sequence[Row]
    columns: Sequence[Column[Row]]
    caption: Sequence[str] = ()
    """Lines above it."""
    footnotes: Sequence[str] = ()
    """Lines below it; an empty one is a gap."""
    whole: str = "a wider window"
    """What shows all columns where the screen is too narrow for them."""
    record: Callable[[Row], Mapping[str, Any]] = as_it_is
    """Returns a row as CSV has it: plain values by key. Rows that are mappings are their own records."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The whole result as JSON has it."""

    def texts(self) -> list[list[str]]:
        """Return the cells of each row as they read."""
        return [[column.text(row) for column in self.columns] for row in self.rows]

    def legend(self, shown: Sequence[Column[Row]]) -> list[str]:
        """Return one line that explains the signs in the columns that are shown; none where nothing needs it."""
        signs = dict.fromkeys(sign for column in shown for sign in column.legend)
        return [f"{'; '.join(signs)}."] if signs else []

    def records(self) -> list[Mapping[str, Any]]:
        """Return the rows as CSV has them."""
        return [self.record(row) for row in self.rows]


def key_column(key: str, importance: int = 1, align: Align = "left") -> Column[Mapping[str, Any]]:
    """Return the column that shows what stands under `key` in rows that are mappings; empty where that is None."""
    return Column(key, lambda row: "" if row.get(key) is None else str(row[key]), importance, align)
