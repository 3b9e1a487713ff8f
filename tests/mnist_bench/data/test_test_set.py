"""The test set: one way to open it, a ledger, and a guard that holds elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_bench.data import guard, mnist
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.test_set import TEST_FILES, open_test_set
from search.errors import StorageError
from support.paths import ROOT

GUARDED = """
import gzip, os, pathlib, sys
import numpy
from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.data.guard import close_test_set
from mnist_bench.data import mnist
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import ClosedDoorError
close_test_set()
close_test_set()
path = mnist.PACKAGED / "t10k-labels-idx1-ubyte.gz"
low_level = lambda path: os.open(path, os.O_RDONLY)
by_bytes = lambda path: open(bytes(path))
for read in (open, gzip.open, pathlib.Path.read_bytes, numpy.fromfile, low_level, by_bytes):
    try:
        read(path)
    except ClosedDoorError as error:
        assert isinstance(error, PermissionError)
        assert str(path) in str(error)
    else:
        sys.exit(f"{read} passed")
load_training_set(DataOptions())
assert len(open_test_set(DataOptions(), purpose="test", ledgers=[pathlib.Path(sys.argv[1])]).labels) == 10_000
try:
    open(path)
except ClosedDoorError:
    print("held")
"""

BY_NAME = """
import pathlib, sys
from mnist_bench.data.guard import close_test_set
from mnist_bench.errors import ClosedDoorError
close_test_set()
for name in sys.argv[1:]:
    try:
        print(pathlib.Path(name).read_text())
    except ClosedDoorError:
        print("closed")
"""


def test_every_opening_is_in_the_ledger_with_its_hashes(tmp_path: Path) -> None:
    ledger = tmp_path / "new" / "test-openings.jsonl"
    for number in (1, 2):
        opened = open_test_set(DataOptions(), purpose=f"look {number}", ledgers=[ledger])
        assert opened.images.shape == (10_000, 28, 28)
        assert len(ledger.read_text().splitlines()) == number
    entry = json.loads(ledger.read_text().splitlines()[1])
    assert entry["purpose"] == "look 2"
    assert entry["time"].endswith("+00:00")
    assert entry["files"] == [mnist.SHA256["t10k-images-idx3-ubyte"], mnist.SHA256["t10k-labels-idx1-ubyte"]]


def test_no_ledger_no_images(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be logged"):
        open_test_set(DataOptions(), purpose="look", ledgers=[tmp_path / "first", tmp_path / "file" / "ledger"])
    assert len((tmp_path / "first").read_text().splitlines()) == 1


def test_each_ledger_has_the_same_line_and_a_torn_one_stays_by_itself(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text('{"time": "2026')
    open_test_set(DataOptions(), purpose="look", ledgers=[first, second])
    assert second.read_text() == '{"time": "2026\n' + first.read_text()


def test_the_closed_test_set_opens_through_the_door_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", GUARDED, str(tmp_path / "ledger")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.returncode) == ("held\n", 0), done.stderr


def test_files_are_closed_by_the_whole_names_under_which_data_sets_have_them(tmp_path: Path) -> None:
    plain = (*TEST_FILES, "t10k-images.idx3-ubyte", "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int")
    closed = [f"{name}{ending}" for name in plain for ending in ("", ".gz")]
    mine = ["t10k-0.png", "t10k-images-0.png", "t10k-images-idx3-ubyte.png", "t10k-nets.yaml", "qmnist-test-0.png"]
    for name in (*closed, *mine):
        with guard.passage():  # a test before this one may have closed the test set for the whole process
            (tmp_path / name).write_text("read")
    command = [sys.executable, "-c", BY_NAME, *closed, *mine]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.split() == ["closed"] * len(closed) + ["read"] * len(mine), done.stderr
