"""The test set: one way to open it, a log, and a guard that closes it for the whole process."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from mnist_bench.data import choice, idx, mnist
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.test_set import TEST_FILES, open_test_set, times_evaluated_for, times_evaluated_from
from mnist_bench.errors import ClosedDoorError
from search.errors import StorageError
from search.study.folder import StudyFolder
from support import search_fake as fake
from support.paths import TEST_LOG


def test_every_opening_is_a_line_of_each_log_and_a_torn_one_stays_by_itself(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "first", tmp_path / "second"
    second.write_text('{"time": "2026')
    for number in (1, 2):
        opened = open_test_set(DataOptions(), purpose=f"look {number}", logs=[first, second])
        assert opened.images.shape == (10_000, 28, 28)
        assert len(first.read_text().splitlines()) == number
    assert second.read_text() == '{"time": "2026\n' + first.read_text()
    entry = json.loads(first.read_text().splitlines()[1])
    assert entry["purpose"] == "look 2"
    assert entry["time"].endswith("+00:00")
    assert entry["files"] == [choice.SHA256["t10k-images-idx3-ubyte"], choice.SHA256["t10k-labels-idx1-ubyte"]]


def test_no_log_no_images(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be logged"):
        open_test_set(DataOptions(), purpose="look", logs=[tmp_path / "first", tmp_path / "file" / "log"])
    assert len((tmp_path / "first").read_text().splitlines()) == 1


def low_level(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


def by_bytes(path: Path) -> object:
    return open(bytes(path))


@pytest.mark.parametrize("read", [open, gzip.open, Path.read_bytes, np.fromfile, low_level, by_bytes])
def test_the_closed_test_set_opens_through_the_door_alone(read: Callable[[Path], object], tmp_path: Path) -> None:
    for _ in range(2):
        idx.close_test_set()
    path = mnist.PACKAGED / "t10k-labels-idx1-ubyte.gz"
    load_training_set(DataOptions())
    assert len(open_test_set(DataOptions(), purpose="test", logs=[tmp_path / "log"]).labels) == 10_000
    with pytest.raises(ClosedDoorError, match=rf"^{path}: the test set cannot be read here$") as refused:
        read(path)
    assert isinstance(refused.value, PermissionError)


def test_files_are_closed_by_the_whole_names_under_which_data_sets_have_them(tmp_path: Path) -> None:
    plain = (*TEST_FILES, "t10k-images.idx3-ubyte", "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int")
    closed = [f"{name}{ending}" for name in plain for ending in ("", ".gz")]
    mine = ["t10k-0.png", "t10k-images-0.png", "t10k-images-idx3-ubyte.png", "t10k-nets.yaml", "qmnist-test-0.png"]
    idx.close_test_set()
    for name in (*closed, *mine):
        with idx.passage():
            (tmp_path / name).write_text("read")
        with pytest.raises(ClosedDoorError) if name in closed else nullcontext():
            assert (tmp_path / name).read_text() == "read"


TORN = '{"time": "2026-11-25T10:00'


def entry(purpose: str, second: int = 0) -> str:
    return json.dumps({"time": f"2026-11-25T10:00:{second:02}+00:00", "purpose": purpose, "files": []})


def write(log: Path, *lines: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"{line}\n" for line in lines))


def counts(results: Path, name: str) -> tuple[int, int]:
    """Return the evaluations for a study, and those from its folder of results."""
    return times_evaluated_for(StudyFolder.of(name, results)), times_evaluated_from(results)[0]


def test_what_stands_in_both_logs_counts_once_and_a_copied_study_takes_its_own_along(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    old, new, twin = (entry("confirm a: #1; 8 seeds each", second) for second in (1, 2, 3))
    write(here / TEST_LOG, old, new, twin, twin, entry("confirm b: #1"), entry("notebook: linear"))
    write(here / "a" / TEST_LOG, new, twin, twin)
    assert [counts(here, name) for name in "abc"] == [(4, 6), (1, 6), (0, 6)]
    shutil.copytree(here / "a", there / "a")
    assert counts(there, "a") == (3, 3)
    shutil.copytree(here / "a", here / "c")
    assert counts(here, "c") == (3, 6)


def test_older_openings_of_a_renamed_study_are_found_by_the_name_inside(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=1, name="a")
    write(tmp_path / TEST_LOG, entry("confirm a: #1"), entry("confirm b: #1", 1))
    (tmp_path / "a").rename(tmp_path / "b")
    assert counts(tmp_path, "b") == (2, 2)


@pytest.mark.parametrize("line", [TORN, "", "[]", "\0", "[" * 100_000])
def test_a_torn_line_of_a_studys_log_was_whole_in_the_results_and_one_there_counts_there(
    tmp_path: Path, line: str
) -> None:
    whole = entry("confirm a: #1")
    write(tmp_path / TEST_LOG, whole)
    write(tmp_path / "a" / TEST_LOG, line)
    assert counts(tmp_path, "a") == (1, 1)
    write(tmp_path / TEST_LOG, whole, TORN)
    assert counts(tmp_path, "a") == (1, 2)
