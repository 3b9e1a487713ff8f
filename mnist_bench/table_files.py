"""Results as files for other programs: CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, assert_never, get_args

from mnist_bench.cells import safe
from mnist_bench.result_table import Table, markdown
from search.errors import UsageError
from search.messages import listing, show

SCHEMA_VERSION = 2
FORMULA_STARTS = ("=", "+", "-", "@")
Ending = Literal["csv", "json", "md"]


def ending_of(path: Path) -> Ending:
    """Return the kind of file that a name ends with.

    Raises:
        UsageError: it is another one.
    """
    for ending in get_args(Ending):
        if path.suffix == f".{ending}":
            found: Ending = ending
            return found
    endings = listing(f".{ending}" for ending in get_args(Ending))
    raise UsageError(f"{show(str(path))}: the name has to end with {endings}, which chooses the format.")


def contents(ending: Ending, tables: Sequence[Table[Any]], document: Mapping[str, Any]) -> bytes:
    """Return tables as the bytes of a file; of JSON it is the document."""
    match ending:
        case "csv":
            return csv_text(*records_of(tables)).encode()
        case "json":
            return f"{json_text(document)}\n".encode()
        case "md":
            return f"{markdown(*tables)}\n".encode()
        case _:
            assert_never(ending)


def records_of(tables: Sequence[Table[Any]]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the records of tables, and the union of their keys."""
    records = [record for table in tables for record in table.records()]
    return records, list(dict.fromkeys([*(key for table in tables for key in table.keys), *_keys(records)]))


def json_text(values: Mapping[str, Any]) -> str:
    """Return one JSON object with the schema's version first; control characters are escaped."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=2, ensure_ascii=True)


def csv_text(rows: Sequence[Mapping[str, Any]], keys: Sequence[str] = ()) -> str:
    """Return rows as CSV (RFC 4180) with `keys` as header, or with the union of the rows' keys.

    Text that a spreadsheet would take for a formula gets a leading apostrophe; numbers stay numbers.
    """
    header = keys or _keys(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_csv_cell(key) for key in header])
    writer.writerows([_csv_cell(row.get(key)) for key in header] for row in rows)
    return text.getvalue()


def _keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = json.dumps(value) if isinstance(value, list | tuple | dict) else str(value)
    cleaned = safe(text).lstrip()  # what hides a formula's first character must be gone before the look at it
    return f"'{cleaned}" if cleaned.startswith(FORMULA_STARTS) else cleaned
