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


def test_what_is_packed_is_the_file_again_whose_digest_is_known() -> None:
    assert idx.pack(PICTURES) == ENCODED
    assert idx.digest(PICTURES) == hashlib.sha256(ENCODED).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-labels-idx1-ubyte", b"", "starts with nothing"),
        ("train-labels-idx1-ubyte", ENCODED[:-1], "is cut off"),
        ("train-labels-idx1-ubyte", ENCODED + b"x", "has bytes after its last value"),
        ("train-labels-idx1-ubyte", ENCODED[:6], "is cut off in its header"),
        ("train-labels-idx1-ubyte", struct.pack(">HBBI", 0, 0x0D, 1, 4) + bytes(4), "starts with 00000d01"),
        ("train-labels-idx1-ubyte", struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 28), "at most"),
        ("a.gz", ZIPPED[:-9], "cannot be read"),
        ("a.gz", b"no gzip", "cannot be read"),
        ("a.gz", ZIPPED[:-8] + bytes(8), "cannot be read"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        idx.read(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_names_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no train-images"):
        idx.find(tmp_path, "train-images")


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
