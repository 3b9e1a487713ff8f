"""Results as files for other programs: CSV, JSON, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never, get_args

from mnist_bench.cells import safe
from mnist_bench.result_table import Table, markdown
from search.errors import UsageError
from search.messages import lacks, listing, show

if TYPE_CHECKING:
    from pyarrow import DataType

SCHEMA_VERSION = 1
FORMULA_STARTS = ("=", "+", "-", "@")
Ending = Literal["csv", "json", "md", "parquet"]


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
    """Return tables as the bytes of a file; of JSON it is the document.

    Raises:
        UsageError: Parquet needs pyarrow, which is not installed.
    """
    records, keys = records_of(tables)
    match ending:
        case "csv":
            return csv_text(records, keys).encode()
        case "json":
            return f"{json_text(document)}\n".encode()
        case "md":
            return f"{markdown(*tables)}\n".encode()
        case "parquet":
            types = {key: kind for table in tables for key, kind in table.types.items()}
            return parquet_bytes(records, types, keys)
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


def parquet_bytes(rows: Sequence[Mapping[str, Any]], types: Mapping[str, type], keys: Sequence[str] = ()) -> bytes:
    """Return rows as a Parquet file with `keys` as columns, or with the union of the rows' keys.

    A column has the type that `types` names, else that of its values: true and false, int64, float64, text, or a list
    of numbers. Values of several kinds are JSON as text, and so is a column without values.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(f"{lacks('A Parquet file', 'pyarrow', 'parquet')}.") from error
    columns, fields = [], []
    for key in keys or _keys(rows):
        values = [row.get(key) for row in rows]
        kind = _arrow_type(types[key]) if key in types else _type_of(values)
        as_text = kind == pyarrow.string()
        columns.append(pyarrow.array([_text(value) if as_text else value for value in values], kind))
        fields.append(pyarrow.field(key, kind))
    file = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_arrays(columns, schema=pyarrow.schema(fields)), file)
    return bytes(file.getvalue())


def _arrow_type(kind: type) -> DataType:
    import pyarrow

    return {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}.get(kind, pyarrow.string())


def _type_of(values: Sequence[Any]) -> DataType:
    """Return the type of a column with these values."""
    import pyarrow

    present = [value for value in values if value is not None]
    lists = [value for value in present if isinstance(value, list | tuple)]
    if lists and len(lists) == len(present):
        inner = _type_of([entry for value in lists for entry in value])
        return pyarrow.string() if inner == pyarrow.string() else pyarrow.list_(inner)
    kinds = {type(value) for value in present}
    if any(type(value) is int and not -(2**63) <= value < 2**63 for value in present):
        return pyarrow.string()
    if kinds == {int, float}:
        return pyarrow.float64()
    return _arrow_type(kinds.pop()) if len(kinds) == 1 else pyarrow.string()


def _text(value: Any) -> str | None:
    return None if value is None else safe(value if isinstance(value, str) else json.dumps(value))
