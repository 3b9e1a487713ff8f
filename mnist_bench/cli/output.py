"""Data on stdout, everything else on stderr; tables that fit, JSON, CSV and Markdown.

Text from outside (names, settings, errors) is printed as it stands: markup is off everywhere, and control characters
never reach the terminal.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, assert_never

from mnist_bench.result_table import Align, Column, Table

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA_VERSION = 1
GAP = "  "
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
FORMULA_STARTS = ("=", "+", "-", "@")


Form = Literal["table", "markdown", "csv", "json"]
"""How a result is printed."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it stands: no markup, no emoji codes, no wrapping when piped."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True)


def safe(text: object) -> str:
    """Return `text` on one line, without control characters, text-direction marks and lone surrogates."""
    return "".join(_visible(character) for character in str(text))


def safe_lines(text: object) -> str:
    """Return `text` with its line breaks kept and each line made `safe`."""
    return "\n".join(safe(line) for line in str(text).split("\n"))


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    return "" if unicodedata.category(character) in HIDDEN_CATEGORIES else character


def print_line(text: object = "", style: str | None = None) -> None:
    """Print one line of data to stdout."""
    console().print(safe(text), style=style)


def print_text(text: str) -> None:
    """Print the lines of a file to stdout."""
    for line in text.splitlines():
        print_line(line)


def note(text: object = "") -> None:
    """Print one line for the person at the terminal to stderr."""
    console(stderr=True).print(safe(text))


def form(*, json: bool = False, csv: bool = False, markdown: bool = False) -> Form:
    """Return the form that a command's options ask for; of several the first of JSON, CSV and Markdown."""
    if json:
        return "json"
    if csv:
        return "csv"
    return "markdown" if markdown else "table"


def show(form: Form, *tables: Table[Any]) -> None:
    """Print a result to stdout: captions, tables and footnotes for people, plain values for programs.

    Several tables stand below each other, share one header in CSV, and are one object in JSON.
    """
    match form:
        case "json":
            print_json({key: value for table in tables for key, value in table.document.items()})
        case "csv":
            print_csv([record for table in tables for record in table.records()])
        case "markdown" | "table":
            for number, table in enumerate(tables):
                if number:
                    print_line()
                _print_for_people(table, markdown=form == "markdown")
        case _:
            assert_never(form)


def _print_for_people(table: Table[Any], *, markdown: bool) -> None:
    for line in (*table.caption, *([""] if table.caption else [])):
        print_line(line)
    (print_markdown if markdown else print_table)(table)
    gap = [""] if markdown and table.footnotes and table.footnotes[0] else []  # what follows a row belongs to the table
    for line in (*gap, *table.footnotes):
        print_line(line)


def print_table(table: Table[Any], *, width: int | None = None) -> None:
    """Print the headings and rows to stdout, whole when piped; in a terminal columns are dropped until they fit.

    `width` overrides the terminal's, in cells.
    """
    out = console()
    room = width if width is not None else (out.width if out.is_terminal else None)
    lines = table_lines(table, room)
    out.print(lines[0], style="bold")
    for line in lines[1:]:
        out.print(line)


def table_lines(table: Table[Any], width: int | None = None) -> list[str]:
    """Return a line of headings and one aligned line a row, at most `width` cells wide where one column is."""
    from rich.cells import cell_len

    columns = table.columns
    cells = [[safe(column.heading), *(safe(column.text(row)) for row in table.rows)] for column in columns]
    widths = [max(map(cell_len, column)) for column in cells]
    kept = _columns_that_fit(columns, widths, width)
    aligned = [[_pad(cell, widths[i], columns[i].align, cell_len(cell)) for cell in cells[i]] for i in kept]
    return [GAP.join(line).rstrip() for line in zip(*aligned, strict=True)]


def _columns_that_fit(columns: Sequence[Column[Any]], widths: Sequence[int], width: int | None) -> list[int]:
    kept = list(range(len(columns)))
    while width is not None and len(kept) > 1 and sum(widths[i] + len(GAP) for i in kept) - len(GAP) > width:
        kept.remove(min(kept, key=lambda i: (columns[i].importance, -i)))
    return kept


def _pad(cell: str, width: int, align: Align, length: int) -> str:
    space = " " * (width - length)
    return space + cell if align == "right" else cell + space


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object with the schema's version first; control characters come out escaped."""
    print(json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=2, ensure_ascii=True))


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as CSV (RFC 4180) with the union of their keys as header.

    Text that a spreadsheet would take for a formula gets a leading apostrophe; numbers stay numbers.
    """
    header = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_csv_cell(key) for key in header])
    writer.writerows([_csv_cell(row.get(key)) for key in header] for row in rows)
    print(text.getvalue(), end="")


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = json.dumps(value) if isinstance(value, list | tuple | dict) else str(value)
    cleaned = safe(text).lstrip()  # what hides a formula's first character must be gone before the look at it
    return f"'{cleaned}" if cleaned.startswith(FORMULA_STARTS) else cleaned


def print_markdown(table: Table[Any]) -> None:
    """Print a GitHub-flavoured Markdown table with every column."""
    print(_markdown_line(column.heading for column in table.columns))
    print("| " + " | ".join("---:" if column.align == "right" else "---" for column in table.columns) + " |")
    for texts in table.texts():
        print(_markdown_line(texts))


def _markdown_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_markdown_cell(cell) for cell in cells)} |"


def _markdown_cell(cell: str) -> str:
    escaped = "".join(f"\\{character}" if character in "\\|`*_<[]" else character for character in safe(cell))
    return escaped.replace("&", "&amp;")
