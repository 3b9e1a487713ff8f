"""The tables that the package ships: what a file holds, and that a damaged one is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mnist_bench import value_tables
from mnist_bench.value_tables import made
from search.errors import StorageError
from support import handmade_value_table


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship one table made by hand, and return its file."""
    table = handmade_value_table.table()
    about = made.AboutValues(
        name="handmade", space=table.space.to_spec(), seeds=(0, 1, 2), made="by hand", machine="none", versions={}
    )
    content = made.pack(about, table.values, table.seconds)
    monkeypatch.setattr(made, "FOLDER", tmp_path)
    monkeypatch.setattr(made, "SHA256", {"handmade": hashlib.sha256(content).hexdigest()})
    path = made.path_of("handmade")
    path.write_bytes(content)
    return path


def test_a_file_holds_its_table(packed: Path) -> None:
    found, table = value_tables.load("scikit-learn/handmade"), handmade_value_table.table()
    assert (found.name, found.space.to_spec()) == ("scikit-learn/handmade", table.space.to_spec())
    assert np.array_equal(found.values, table.values)
    assert found.regrets.tolist() == table.regrets.tolist()


def test_a_damaged_file_is_refused(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b" ")
    with pytest.raises(StorageError, match=r"its content is not that of table scikit-learn/handmade; reinstall"):
        value_tables.load("scikit-learn/handmade")


@pytest.mark.parametrize("name", list(made.SHA256))
def test_each_shipped_table_is_whole(name: str) -> None:
    table = made.load(name)
    configurations, seeds, reports = table.values.shape
    assert configurations >= 300
    assert seeds >= 2
    assert reports == 12
    assert (table.values > 0).all()
    assert np.isfinite(np.median(table.losses))
