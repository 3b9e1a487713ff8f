"""Data on stdout, everything else on stderr; tables that fit, JSON, CSV and Markdown.

Text from outside (names, settings, errors) is printed unchanged: markup is off everywhere, and control characters never
reach the terminal. A whole file that goes elsewhere is printed byte by byte.
"""

from __future__ import annotations

import codecs
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, assert_never

from mnist_bench.cells import BARS, safe
from mnist_bench.result_table import Align, Figure, Line, Result, Table, csv_text, json_text, markdown
from search.errors import UsageError
from search.messages import first_few

if TYPE_CHECKING:
    from rich.console import Console


GAP = "  "
RULE = "─"  # of a line between two groups of rows
NAMED = 8  # largest number of columns without room that a line names
ASCII: Mapping[str, str] = MappingProxyType(
    {
        "→": "->", "×": "x", "–": "-", "−": "-", "━": "-", RULE: "-", "╸": "-", "·": ".", "±": "+-", "▶": ">",
        "…": "...", "°": "deg", **dict(zip(BARS, "_.:-=+*#", strict=True)),
    }
)  # fmt: skip
"""Replacements of the program's own signs for streams whose encoding lacks them."""
IN_ASCII = "mnist-bench-ascii"  # the error handler for characters that an encoding lacks

Form = Literal["table", "wide", "markdown", "csv", "json"]
"""How a result is printed; wide is a table with all its columns, whatever the screen."""


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(ASCII.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(IN_ASCII, _in_ascii)


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text unchanged: no markup, no emoji codes, no wrapping when piped.

    In a notebook's cell it prints no escape codes, although Jupyter sets FORCE_COLOR.
    """
    stream = sys.stderr if stderr else sys.stdout
    from search.driver.attended import is_command_in_cell

    colors: Literal["auto"] | None = None if is_command_in_cell() else "auto"
    return _console_class()(
        file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True, color_system=colors
    )


@cache
def _console_class() -> type[Console]:
    from rich.console import Console

    class LeavingConsole(Console):
        """A console that lets its caller handle a closed output pipe."""

        def on_broken_pipe(self) -> None:
            raise  # the BrokenPipeError, while rich handles it

    return LeavingConsole


def print_line(text: object) -> None:
    """Print a line of data to stdout, in a terminal broken between words; a `Line` that holds a command never is."""
    _print(text, console())


def print_text(text: str) -> None:
    """Print a file to stdout: in a terminal its lines, else its bytes, UTF-8, so that `> FILE` makes the same file."""
    if sys.stdout.isatty():
        for line in text.splitlines():
            print_line(Line(line))
    else:
        sys.stdout.flush()  # what was printed before comes before
        sys.stdout.buffer.write(text.encode(errors="replace"))
        sys.stdout.buffer.flush()


def note(text: object = "") -> None:
    """Print a line for the person at the terminal to stderr, broken as in `print_line`."""
    _print(text, console(stderr=True))


def _print(text: object, out: Console) -> None:
    for line in _prose(text, out):
        out.print(line.text, style=line.style)


def folded(text: str, width: int, hanging: int | None = None) -> list[str]:
    """Return a line as lines of at most `width` cells, broken between words only, indented alike or by `hanging`."""
    indent = text[: len(text) - len(text.lstrip())] if hanging is None else " " * hanging
    return textwrap.wrap(
        text, max(width, 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]  # fmt: skip


def form(wanted: Sequence[Form]) -> Form:
    """Return the form that a command's options choose, of which there has to be one at most."""
    if len(wanted) > 1:
        raise UsageError(f"Give one of {' and '.join(f'--{name}' for name in wanted)}.")
    return wanted[0] if wanted else "table"


def print_result(form: Form, result: Result) -> None:
    """Print a result to stdout, captions, tables and footnotes for people, plain values for programs; notes to stderr.

    Several tables are printed below each other, share one header in CSV, and are one object in JSON.
    """
    match form:
        case "json":
            print_json(result.plain)
        case "csv":
            print(csv_text(*result.tables), end="")
        case "markdown":
            print(markdown(*result.tables))
        case "table" | "wide":
            out = console()
            for number, table in enumerate(result.tables):
                for line in [*([_Line("")] if number else []), *_page(table, out, whole=form == "wide")]:
                    out.print(line.text, style=line.style)
        case _:
            assert_never(form)
    for text in result.notes:
        note(text)


def overflow(table: Table[Any]) -> int:
    """Return how many lines too long a table and the next prompt are for the terminal; 0 if stdout is none."""
    out = console()
    return max(0, len(_page(table, out, whole=False)) + 1 - out.height) if out.is_terminal else 0


class _Line(NamedTuple):
    text: str
    style: str | None = None


def _page(table: Table[Any], out: Console, *, whole: bool) -> list[_Line]:
    """Return a table with the lines above and below it; without columns, the lines alone.

    If it is wider than the terminal, or than COLUMNS says, the least important columns are left out and named; if not
    even two columns fit, each row is a block of lines. Piped, or `whole`, a table has all its columns.
    """
    above, below = (
        [line for text in texts for line in _prose(text, out)] for texts in (table.caption, table.footnotes)
    )
    if not table.columns:
        return [*above, *below]
    return [*above, *([_Line("")] if above else []), *_table_lines(table, out, whole=whole), *below]


def _prose(text: object, out: Console) -> list[_Line]:
    style = "bold" if isinstance(text, Line) and text.bold else None
    hanging = text.hanging if isinstance(text, Line) else None
    if not out.is_terminal or (isinstance(text, Line) and hanging is None):
        return [_Line(safe(text), style)]
    return [_Line(line, style) for line in folded(safe(text), out.width, hanging)]


def _table_lines(table: Table[Any], out: Console, *, whole: bool) -> list[_Line]:
    is_narrow = not whole and (out.is_terminal or os.environ.get("COLUMNS", "").isdigit())
    grid = _Grid.of(table)
    shown = grid.fitting(out.width if is_narrow else None)
    if len(shown) == 1 < len(table.columns):
        lines = [*map(_Line, grid.blocks(out.width))]
        shown = list(range(len(table.columns)))
    else:
        heading, *rows = grid.lines(shown)
        lines = [_Line(heading, "bold"), *map(_Line, rows)]
    return [*lines, *(line for text in _signs_below(table, shown) for line in _prose(text, out))]


def _signs_below(table: Table[Any], shown: Sequence[int]) -> list[str]:
    left_out = [column.heading for i, column in enumerate(table.columns) if i not in shown]
    count = "1 column does" if len(left_out) == 1 else f"{len(left_out)} columns do"
    said = [f"{count} not fit: {first_few(left_out, NAMED)}; {table.whole} shows all."] if left_out else []
    return [*said, *table.legend([table.columns[i] for i in shown])]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grid:  # a table's cells as they are printed
    columns: Sequence[Figure[Any]]
    cells: Sequence[Sequence[str]]  # of each column, its heading first
    widths: Sequence[int]  # of each column, on the screen
    divisions: Mapping[int, str]  # the names of the groups that begin below a line, by the place of their first row

    @classmethod
    def of(cls, table: Table[Any]) -> Self:
        from rich.cells import cell_len

        cells = [[column.heading, *(column.text(row) for row in table.rows)] for column in table.columns]
        spelt = [[_spelt(safe(cell)) for cell in column] for column in cells]
        widths = [max(map(cell_len, column)) for column in spelt]
        return cls(columns=table.columns, cells=spelt, widths=widths, divisions=table.divisions())

    def fitting(self, width: int | None) -> list[int]:
        """Return the columns, by number, that fit; the most important one at least.

        The least important one is dropped until the others fit. Then each dropped one returns that still has room; a
        setting only if every figure that is more important has room, too.
        """
        every = list(range(len(self.columns)))
        kept = every.copy()
        while width is not None and len(kept) > 1 and self._width(kept) > width:
            kept.remove(min(kept, key=lambda i: (self.columns[i].importance, -i)))
        if width is None:
            return kept
        lacks_figures = False
        for column in sorted({*every} - {*kept}, key=lambda i: (-self.columns[i].importance, i)):
            is_setting = self.columns[column].is_setting
            if self._width([*kept, column]) <= width and not (is_setting and lacks_figures):
                kept.append(column)
            lacks_figures |= not is_setting and column not in kept
        return sorted(kept)

    def _width(self, kept: Sequence[int]) -> int:
        return sum(self.widths[i] + len(GAP) for i in kept) - len(GAP)

    def lines(self, kept: Sequence[int]) -> list[str]:
        aligned = [[_pad(cell, self.widths[i], self.columns[i].align) for cell in self.cells[i]] for i in kept]
        heading, *rows = [GAP.join(line).rstrip() for line in zip(*aligned, strict=True)]
        width = self._width(kept)
        lines = [heading]
        for place, row in enumerate(rows):
            lines += [self._line_above(place, width)] if place in self.divisions else []
            lines.append(row)
        return lines

    def _line_above(self, place: int, width: int) -> str:
        return _spelt(f"{RULE * 2} {safe(self.divisions[place])} ".ljust(width, RULE)[:width])

    def blocks(self, width: int) -> list[str]:
        lines: list[str] = []
        for place, row in enumerate(zip(*(column[1:] for column in self.cells), strict=True)):
            lines += [""] if lines else []
            lines += [self._line_above(place, width)] if place in self.divisions else []
            for column, cell in zip(self.cells, row, strict=True):
                lines += folded(f"{column[0]} {cell.strip()}", width) if cell.strip() else []
        return lines


def _spelt(cell: str) -> str:
    """Return a cell as stdout's encoding says it, so that columns stay aligned."""
    encoding = sys.stdout.encoding or "utf-8"
    return cell.encode(encoding, IN_ASCII).decode(encoding)


def _pad(cell: str, width: int, align: Align) -> str:
    from rich.cells import cell_len

    space = " " * (width - cell_len(cell))
    return space + cell if align == "right" else cell + space


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object with the schema's version first; control characters come out escaped."""
    print(json_text(values))


class ExitCode(IntEnum):
    """Exit codes of every command; the error classes (`search.errors`) have theirs, too."""

    OK = 0
    FAILURE = 1
    USAGE = 2  # wrong usage, or a bad space file
    NOT_FOUND = 3  # no such study, or no finished trial
    NOT_REPRODUCED = 4
    INTERRUPTED = 130
    READER_LEFT = 141
    """The output pipe was closed early, for example by `head`: 128 plus SIGPIPE, as a shell reports it."""
