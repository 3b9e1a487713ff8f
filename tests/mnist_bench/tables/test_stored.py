"""A table's file: the same table again, the same bytes again, and nothing of a damaged one."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.tables import stored
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from mnist_bench.tables.stored import AboutTable, Arrays, pack
from search.errors import StorageError
from support import tables
from support.dose import dose


@cache
def parts() -> tuple[AboutTable, Arrays]:
    table = tables.table()
    return table.about, table.arrays


def test_all_that_a_table_holds_comes_back_and_the_bytes_are_the_same_again(tmp_path: Path) -> None:
    about, arrays = parts()
    content = pack(about, arrays)
    path = tmp_path / "handmade.npz"
    path.write_bytes(content)
    again, arrays_again = stored.unpack(path)
    assert again == replace(about, near=[])
    for item in fields(Arrays):
        np.testing.assert_array_equal(getattr(arrays, item.name), getattr(arrays_again, item.name))
    assert pack(again, arrays_again) == content


@settings(max_examples=dose(200))
@given(st.integers(0, 2**20), st.integers(1, 255), st.booleans())
def test_a_damaged_file_is_refused_or_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int, cut: bool
) -> None:
    about, arrays = parts()
    content = bytearray(pack(about, arrays))
    place %= len(content)
    content[place] ^= change
    path = tmp_path_factory.mktemp("tables") / "damaged.npz"
    path.write_bytes(content[:place] if cut else content)
    try:
        again, arrays_again = stored.unpack(path)
    except StorageError:
        return
    assert pack(again, arrays_again) == pack(about, arrays)  # nothing depends on a date inside, for example


def test_an_array_whose_header_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': ('<f8'".ljust(117) + b"\n")
    with pytest.raises(StorageError, match=r"damaged.npz: not a table, or damaged"):
        stored.unpack(path)


def changed(**values: Any) -> bytes:
    """Return the file of a table in which something does not fit."""
    about, arrays = parts()
    of_about = {name: value for name, value in values.items() if hasattr(about, name)}
    of_arrays = {name: value for name, value in values.items() if hasattr(arrays, name)}
    return pack(replace(about, **of_about), replace(arrays, **of_arrays))


ROWS = 270


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a table"),
        (b"not a zip file", "not a table"),
        (changed(name="../../elsewhere"), "its name is not one"),
        (changed(epochs=[1, 2]), r"costs has shape \(90, 3\), not \(90, 2\)"),
        (changed(point=np.full(ROWS, 90, np.int32)), "point is not between 0 and 89"),
        (changed(point=np.full(ROWS, -1, np.int32)), "point is not between 0 and 89"),
        (changed(canary=np.ones(ROWS, np.int8)), "canary is not between 0 and 0"),
        (changed(seed=np.zeros(ROWS)), "seed holds float64"),
        (changed(seed=np.zeros(5, np.int16)), r"seed has shape \(5,\)"),
        (changed(numerics=[]), "does not describe its images or machines"),
        (changed(numerics=[7]), r"numerics\.0: Input should be"),
        (changed(images={"train": 5000}), "does not describe its images or machines"),
        (changed(coefficients={"macs": "many"}), r"coefficients\.macs: Input should be a valid number"),
        (changed(space={"name": "x", "settings": {}, "fields": [["optim.lr", {"int": [3, 1]}]]}), "not a table"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "faulty.npz"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=words):
        stored.unpack(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=dose(200))
@given(st.sampled_from([item.name for item in fields(AboutTable)]), JSON)
def test_whatever_a_table_says_of_itself_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any
) -> None:
    path = tmp_path_factory.mktemp("tables") / "hostile.npz"
    path.write_bytes(changed(**{name: value}))
    try:
        table = RecordedBenchmark(*stored.unpack(path))
    except StorageError:
        return
    assert table.curve(0).errors
    assert table.report(0, 0, 1)


def test_what_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MAX_BYTES", 10**6)
    path = tmp_path / "large.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("about.npy", bytes(2 * 10**6))
    assert path.stat().st_size < 10_000
    with pytest.raises(StorageError, match="larger than any table"):
        stored.unpack(path)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "pickle.npz"
    about, arrays = parts()
    named: dict[str, Any] = {item.name: getattr(arrays, item.name) for item in fields(Arrays)}
    buffer = io.BytesIO()
    text = json.dumps({item.name: getattr(about, item.name) for item in fields(AboutTable)}).encode()
    np.savez(buffer, about=np.frombuffer(text, np.uint8), **{**named, "macs": np.array([print] * 90, dtype=object)})
    path.write_bytes(buffer.getvalue())
    with pytest.raises(StorageError, match="not a table, or damaged"):
        stored.unpack(path)
