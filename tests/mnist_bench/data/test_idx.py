"""Reading IDX files, good and bad."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mnist_bench.data import idx
from mnist_bench.errors import DataError
from support.dose import dose

PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
ENCODED = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4) + PICTURES.tobytes()
ZIPPED = gzip.compress(ENCODED, mtime=0)  # with the time of now, each process would give the test another name


@pytest.mark.parametrize(("name", "content"), [("a", ENCODED), ("a.gz", ZIPPED)])
def test_plain_and_gzipped_files_hold_the_same(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = idx.read(idx.find(tmp_path, "a"))
    assert found.dtype == np.uint8
    assert np.array_equal(found, PICTURES)
    assert idx.pack(found) == ENCODED


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a", b"", "starts with nothing"),
        ("a", ENCODED[:-1], "is cut off"),
        ("a", ENCODED + b"x", "has bytes after its last value"),
        ("a", ENCODED[:6], "is cut off in its header"),
        ("a", struct.pack(">HBBI", 0, 0x0D, 1, 4) + bytes(4), "starts with 00000d01"),
        ("a", struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 28), "at most"),
        ("a.gz", ZIPPED[:-9], "cannot be read"),
        ("a.gz", b"no gzip", "cannot be read"),
        ("a.gz", ZIPPED[:-8] + bytes(8), "cannot be read"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path}: .*{words}"):
        idx.read(path)
    with pytest.raises(DataError, match=f"^{tmp_path}: there is no b, nor b.gz$"):
        idx.find(tmp_path, "b")


@settings(max_examples=dose(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda rest: b"\0\0\x08\x01" + rest)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    try:
        found = idx.read(path)
    except DataError:
        return
    assert idx.digest(found) == hashlib.sha256(content).hexdigest()
