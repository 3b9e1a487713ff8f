"""Results as files: the endings that choose a format."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.result_table import Table, key_column
from mnist_bench.table_files import contents, ending_of
from search.errors import UsageError


def test_the_ending_chooses_the_format() -> None:
    table = Table(rows=[{"a": 1}], columns=[key_column("a")])
    assert contents(ending_of(Path("x.csv")), [table], {}) == b"a\r\n1\r\n"
    assert contents(ending_of(Path("x.md")), [table], {}) == b"| a |\n| --- |\n| 1 |\n"
    assert contents(ending_of(Path("x.json")), [table], {"b": 2}).endswith(b'"b": 2\n}\n')
    with pytest.raises(UsageError) as refused:
        ending_of(Path("x.parquet"))
    assert str(refused.value) == "x.parquet: the name has to end with .csv, .json or .md, which chooses the format."
