"""A result as one table, with all its words: screen, Markdown, CSV, JSON and report print the same one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from itertools import pairwise
from typing import Any, Generic, Literal, Self, TypeVar

from mnist_bench import cells
from mnist_bench.cells import safe
from search.messages import html_table, shortened

LINE = 120  # characters of a line of `repr`; a longer one is cut
SHOWN = 6  # figures of a row in `repr`
LABEL = 10  # width of a label and the gap behind it
ROWS = 20  # rows of a table in a notebook
Row = TypeVar("Row")
Align = Literal["left", "right"]
SCHEMA_VERSION = 2
OLDEST_READ = 2  # of records that a user has kept
FORMULA_STARTS = ("=", "+", "-", "@")


def ungrouped(row: Any) -> str:
    """Return the group of a row in a table without groups."""
    return ""


@dataclass(frozen=True)  # with slots Python refuses Figure[Row](...)
class Figure(Generic[Row]):
    """One figure of each row, wherever it is written: a column on screens and in files, a key in JSON and CSV."""

    heading: str  # of its column; empty if only programs get it
    value: Callable[[Row], Any]  # the plain value of a row, for programs and to sort by
    importance: int = 1  # on a narrow screen the least important column is dropped first; among equals, the rightmost
    align: Align = "left"
    cell: Callable[[Any], str] = cells.value  # how a value reads
    reads: Callable[[Row], str] | None = None  # how a row's cell reads, if that takes more than the value
    key: str = ""  # its name in JSON and CSV; empty if only people get it
    is_setting: bool = False
    """Whether it shows a setting of each row, after the figures of the rows; a page shows settings on demand."""
    legend: Sequence[str] = ()
    """The meaning of the signs in its cells, a few words each; a legend of several columns is printed once."""
    about: str = ""  # what it is, for the reference; empty if the heading says enough

    def text(self, row: Row) -> str:
        """Return the cell of a row."""
        return self.reads(row) if self.reads else self.cell(self.value(row))


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """Rows of a result: as text for people, and as plain values for programs."""

    rows: Sequence[Row] = ()
    figures: Sequence[Figure[Row]] = ()
    caption: Sequence[str] = ()  # lines above it
    footnotes: Sequence[str] = ()  # lines below it; an empty one is a gap
    whole: str = "a wider window"  # how to see all columns on a screen that is too narrow for them
    group: Callable[[Row], str] = ungrouped
    """The name of a row's group. A row of another group than the row before stands below a line with this name."""
    document: Mapping[str, Any] = field(default_factory=dict)  # the whole result as JSON has it

    @property
    def columns(self) -> list[Figure[Row]]:
        """The figures that people see."""
        return [figure for figure in self.figures if figure.heading]

    @property
    def keys(self) -> list[str]:
        """The keys of a record, in their order."""
        return [figure.key for figure in self.figures if figure.key]

    def record(self, row: Row) -> dict[str, Any]:
        """Return a row as CSV has it: plain values by key. Without keys, rows are mappings, and their own records."""
        keyed = {figure.key: figure.value(row) for figure in self.figures if figure.key}
        return keyed or dict(row)  # type: ignore[call-overload]

    def texts(self) -> list[list[str]]:
        """Return the cells of each row as they read."""
        return [[column.text(row) for column in self.columns] for row in self.rows]

    def divisions(self) -> Mapping[int, str]:
        """Return the name of each group that begins below a line, by the place of its first row."""
        groups = [self.group(row) for row in self.rows]
        return {
            place: name for place, (before, name) in enumerate(pairwise(groups), start=1) if name and name != before
        }

    def signs(self, shown: Sequence[Figure[Row]]) -> list[str]:
        """Return the meanings of the signs in the shown columns, each once, a few words each."""
        return [*dict.fromkeys(sign for column in shown for sign in column.legend)]

    def legend(self, shown: Sequence[Figure[Row]]) -> list[str]:
        """Return one line that explains the signs in the shown columns, if there are any."""
        signs = self.signs(shown)
        return [f"{'; '.join(signs)}."] if signs else []

    def records(self) -> list[Mapping[str, Any]]:
        """Return the rows as CSV has them."""
        return [self.record(row) for row in self.rows]


class Line(str):
    """A line above or below a table that a terminal does not break as it breaks a sentence."""

    hanging: int | None  # cells that are empty before all but its first part; None if it is never broken
    bold: bool

    def __new__(cls, text: object, *, hanging: int | None = None, bold: bool = False) -> Self:
        """Make a line; by default one that holds a command, which stays whole so that it can be copied."""
        line = super().__new__(cls, text)
        line.hanging, line.bold = hanging, bold
        return line


def entry(label: str, text: object) -> Line:
    """Return a label and a text, which is indented behind the label."""
    return Line(f"{label:{LABEL}}{safe(text)}".rstrip(), hanging=LABEL)


@dataclass(frozen=True)
class Result:
    """What a command ends with, for people and for programs."""

    tables: Sequence[Table[Any]] = ()
    _: KW_ONLY
    document: Mapping[str, Any] | None = None  # the whole as JSON has it; None for the documents of the tables
    notes: Sequence[str] = ()  # what the person at the terminal may want to know besides
    exit_code: int = 0

    @property
    def plain(self) -> Mapping[str, Any]:
        """The result as JSON has it."""
        if self.document is not None:
            return self.document
        return {key: value for table in self.tables for key, value in table.document.items()}


class ShownAsTable:
    """A result that Python shows in a few lines, and a notebook as its table."""

    __slots__ = ()

    def table(self) -> Table[Any]:
        """Return the result as a table."""
        raise NotImplementedError

    def _finding(self) -> str:
        """Return what the result says below its first row, in one line."""
        return ""

    def __repr__(self) -> str:
        table = self.table()
        lines = [*table.caption[:1], *map(_row_words, [table.columns], table.rows[:1]), self._finding()]
        return "\n".join(shortened(safe(line).strip(), LINE) for line in lines if line)

    def _repr_html_(self) -> str:
        table = self.table()
        title, *above = table.caption or [""]
        hidden = len(table.rows) - ROWS
        rest = [f"{hidden} more rows are not shown"] if hidden > 0 else []
        notes = [*above, *rest, *table.legend(table.columns), *table.footnotes]
        return html_table(title, [column.heading for column in table.columns], table.texts()[:ROWS], notes)


def _row_words(columns: Sequence[Figure[Row]], row: Row) -> str:
    """Return the first figures of a row in a line."""
    shown = [column for column in columns if not column.is_setting][:SHOWN]
    return ", ".join(f"{column.heading} {column.text(row).strip()}" for column in shown)


def further_measured(rows: Iterable[Row], measured: Callable[[Row], Mapping[str, float]]) -> list[Figure[Row]]:
    """Return a figure for each name that is measured in any row, but for the seconds, which have a column anyway."""

    def figure(name: str) -> Figure[Row]:
        return Figure(name, lambda row: measured(row).get(name), 1, "right", key=name)

    return [figure(name) for name in dict.fromkeys(name for row in rows for name in measured(row)) if name != "seconds"]


def key_figure(key: str, importance: int = 1, align: Align = "left") -> Figure[Mapping[str, Any]]:
    """Return the column that shows the value under `key` in rows that are mappings; empty if it is None."""
    return Figure(key, lambda row: row.get(key), importance, align, cells.or_nothing())


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


def json_text(values: Mapping[str, Any]) -> str:
    """Return one JSON object with the schema's version first; control characters are escaped."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=2, ensure_ascii=True)


def csv_text(*tables: Table[Any]) -> str:
    """Return the records of tables as CSV (RFC 4180), with the union of their keys as header.

    Text that a spreadsheet would take for a formula gets a leading apostrophe; numbers stay numbers.
    """
    rows = [row for table in tables for row in table.records()]
    header = dict.fromkeys([*(key for table in tables for key in table.keys), *(key for row in rows for key in row)])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_csv_cell(key) for key in header])
    writer.writerows([_csv_cell(row.get(key)) for key in header] for row in rows)
    return text.getvalue()


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = json.dumps(value) if isinstance(value, list | tuple | dict) else str(value)
    cleaned = safe(text).lstrip()  # what hides a formula's first character must be gone before the look at it
    return f"'{cleaned}" if cleaned.startswith(FORMULA_STARTS) else cleaned
