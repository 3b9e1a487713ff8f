"""Results as files: typed columns in Parquet, and the endings that choose a format."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.result_table import Table, key_column
from mnist_bench.table_files import contents, ending_of, parquet_bytes
from search.errors import UsageError


def read(rows: list[dict[str, Any]], **types: type) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the types of the columns of a Parquet file, and its rows."""
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(parquet_bytes(rows, types)))
    return {field.name: str(field.type) for field in table.schema}, table.to_pylist()


def test_columns_have_the_types_of_their_values() -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": 0.5, "c": True, "d": "x", "e": [1, 2], "f": None, "g": 1},
        {"a": None, "b": 1, "c": None, "d": None, "e": [3], "f": None, "h": 2},
    ]
    types, values = read(rows)
    assert types == {
        "a": "int64", "b": "double", "c": "bool", "d": "string", "e": "list<element: int64>", "f": "string",
        "g": "int64", "h": "int64",
    }  # fmt: skip
    assert values == [rows[0] | {"h": None}, rows[1] | {"g": None}]


def test_named_types_hold_without_a_value() -> None:
    types, _ = read([{"p": None, "n": None, "t": None, "s": None}], p=float, n=int, t=bool, s=str)
    assert types == {"p": "double", "n": "int64", "t": "bool", "s": "string"}


def test_values_of_several_kinds_are_text() -> None:
    types, values = read([{"m": 8, "n": 2**70, "o": True}, {"m": [8, 16], "n": 1, "o": 1}])
    assert types == dict.fromkeys("mno", "string")
    assert [row["m"] for row in values] == ["8", "[8, 16]"]
    assert [row["n"] for row in values] == [str(2**70), "1"]


def test_text_that_no_encoding_has_is_cleaned() -> None:
    assert read([{"s": "a\ud800\x1b[31m"}])[1] == [{"s": "a[31m"}]


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"Parquet file needs pyarrow.*pip install 'mnist-bench\[parquet\]'"):
        parquet_bytes([{"a": 1}], {})


def test_the_ending_chooses_the_format() -> None:
    table = Table(rows=[{"a": 1}], columns=[key_column("a")])
    assert contents(ending_of(Path("x.csv")), [table], {}) == b"a\r\n1\r\n"
    assert contents(ending_of(Path("x.md")), [table], {}) == b"| a |\n| --- |\n| 1 |\n"
    assert contents(ending_of(Path("x.json")), [table], {"b": 2}).endswith(b'"b": 2\n}\n')
    assert contents(ending_of(Path("x.parquet")), [table], {})[:4] == b"PAR1"
    with pytest.raises(UsageError) as refused:
        ending_of(Path("x.xlsx"))
    assert (
        str(refused.value) == "x.xlsx: the name has to end with .csv, .json, .md or .parquet, which chooses the format."
    )
