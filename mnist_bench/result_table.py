"""A result as one table, with all its words: screen, Markdown, CSV, JSON and report print the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Generic, Literal, TypeVar

from mnist_bench.cells import safe
from search.messages import html_table, shortened

LINE = 120
"""Characters of a line of `repr`; a longer one is cut."""
FIGURES = 6
"""Columns of a row in `repr`."""
ROWS = 20
"""Rows of a table in a notebook."""
Row = TypeVar("Row")
Align = Literal["left", "right"]


def as_it_is(row: Any) -> Mapping[str, Any]:
    """Return a row that is a mapping."""
    return dict(row)


def ungrouped(row: Any) -> str:
    """Return the group of a row in a table without groups."""
    return ""


@dataclass(frozen=True)  # with slots Python refuses Column[Row](...)
class Column(Generic[Row]):
    """One column: its heading and how a row's cell reads."""

    heading: str
    text: Callable[[Row], str]
    """The cell of a row."""
    importance: int = 1
    """On a narrow screen the least important column is dropped first; among equals, the rightmost."""
    align: Align = "left"
    number: Callable[[Row], float | None] | None = None
    """The number to sort by, if the text does not begin with it."""
    is_setting: bool = False
    """Whether it shows a setting of each row, after the figures of the rows; a page shows settings on demand."""
    legend: Sequence[str] = ()
    """The meaning of the signs in its cells, a few words each; a legend of several columns is printed once."""
    about: str = ""
    """What it shows, for the reference; empty if the heading says enough."""


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """Rows of a result: as text for people, and as plain values for programs."""

    rows: Sequence[Row]
    columns: Sequence[Column[Row]]
    caption: Sequence[str] = ()
    """Lines above it."""
    footnotes: Sequence[str] = ()
    """Lines below it; an empty one is a gap."""
    whole: str = "a wider window"
    """How to see all columns on a screen that is too narrow for them."""
    group: Callable[[Row], str] = ungrouped
    """The name of a row's group. A row of another group than the row before stands below a line with this name."""
    record: Callable[[Row], Mapping[str, Any]] = as_it_is
    """Returns a row as CSV has it: plain values by key. Rows that are mappings are their own records."""
    keys: Sequence[str] = ()
    """The keys of a record, in their order, for files without rows; empty if they are those of the records."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The whole result as JSON has it."""

    def texts(self) -> list[list[str]]:
        """Return the cells of each row as they read."""
        return [[column.text(row) for column in self.columns] for row in self.rows]

    def divisions(self) -> Mapping[int, str]:
        """Return the name of each group that begins below a line, by the place of its first row."""
        groups = [self.group(row) for row in self.rows]
        return {
            place: name for place, (before, name) in enumerate(pairwise(groups), start=1) if name and name != before
        }

    def signs(self, shown: Sequence[Column[Row]]) -> list[str]:
        """Return the meanings of the signs in the shown columns, each once, a few words each."""
        return [*dict.fromkeys(sign for column in shown for sign in column.legend)]

    def legend(self, shown: Sequence[Column[Row]]) -> list[str]:
        """Return one line that explains the signs in the shown columns, if there are any."""
        signs = self.signs(shown)
        return [f"{'; '.join(signs)}."] if signs else []

    def records(self) -> list[Mapping[str, Any]]:
        """Return the rows as CSV has them."""
        return [self.record(row) for row in self.rows]


class ShownAsTable:
    """A result that Python shows in a few lines, and a notebook as its table."""

    __slots__ = ()

    def _table(self) -> Table[Any]:
        """Return the result as a table."""
        raise NotImplementedError

    def _finding(self) -> str:
        """Return what the result says below its first row, in one line."""
        return ""

    def __repr__(self) -> str:
        table = self._table()
        lines = [*table.caption[:1], *map(_row_words, [table.columns], table.rows[:1]), self._finding()]
        return "\n".join(shortened(safe(line).strip(), LINE) for line in lines if line)

    def _repr_html_(self) -> str:
        table = self._table()
        title, *above = table.caption or [""]
        hidden = len(table.rows) - ROWS
        rest = [f"{hidden} more rows are not shown"] if hidden > 0 else []
        notes = [*above, *rest, *table.legend(table.columns), *table.footnotes]
        return html_table(title, [column.heading for column in table.columns], table.texts()[:ROWS], notes)


def _row_words(columns: Sequence[Column[Row]], row: Row) -> str:
    """Return the first figures of a row in a line."""
    shown = [column for column in columns if not column.is_setting][:FIGURES]
    return ", ".join(f"{column.heading} {column.text(row).strip()}" for column in shown)


def key_column(key: str, importance: int = 1, align: Align = "left") -> Column[Mapping[str, Any]]:
    """Return the column that shows the value under `key` in rows that are mappings; empty if it is None."""
    return Column(key, lambda row: "" if row.get(key) is None else str(row[key]), importance, align)


def markdown(*tables: Table[Any]) -> str:
    """Return tables as GitHub-flavoured Markdown, with every column and with all lines above and below them."""
    return "\n\n".join("\n".join(_markdown_lines(table)) for table in tables)


def _markdown_lines(table: Table[Any]) -> Iterator[str]:
    yield from map(safe, table.caption)
    if table.caption:
        yield ""
    yield _markdown_row(column.heading for column in table.columns)
    yield f"| {' | '.join('---:' if column.align == 'right' else '---' for column in table.columns)} |"
    divisions = table.divisions()
    for place, texts in enumerate(table.texts()):
        if place in divisions:
            yield _markdown_row([f"── {divisions[place]}", *[""] * (len(texts) - 1)])
        yield _markdown_row(texts)
    below = [*table.legend(table.columns), *table.footnotes]
    if below and below[0]:
        yield ""  # a line directly below a row would be part of the table
    yield from map(safe, below)


def _markdown_row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(map(_markdown_cell, texts))} |"


def _markdown_cell(text: str) -> str:
    escaped = "".join(f"\\{character}" if character in "\\|`*_<[]" else character for character in safe(text))
    return escaped.replace("&", "&amp;")
