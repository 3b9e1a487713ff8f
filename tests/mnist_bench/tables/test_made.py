"""The tables that the package ships: they are whole, and a damaged file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mnist_bench.tables import value_table
from mnist_bench.tables.value_table import load
from search.errors import StorageError, UsageError


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = value_table.path_of("mlp-wine").read_bytes()
    monkeypatch.setattr(value_table, "FOLDER", tmp_path)
    value_table.path_of("mlp-wine").write_bytes(content + b" ")
    with pytest.raises(StorageError, match=r"its content is not that of table scikit-learn/mlp-wine; reinstall"):
        load("scikit-learn/mlp-wine")


def test_one_that_there_is_not_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"^There is no table scikit-learn/mlp-whine; did you mean `mlp-wine`\?$"):
        load("scikit-learn/mlp-whine")


@pytest.mark.parametrize("name", list(value_table.SHA256))
def test_each_shipped_table_is_whole(name: str) -> None:
    table = load(f"scikit-learn/{name}")
    configurations, seeds, reports = table.values.shape
    assert configurations >= 300
    assert seeds >= 2
    assert reports == 12
    assert (table.values > 0).all()
    assert np.isfinite(np.median(table.losses))
