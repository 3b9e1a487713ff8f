"""A file where the folder of results should be: the user's mistake, told in a sentence before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench import searching
from mnist_bench.data import DataOptions
from mnist_bench.searching import SearchOptions
from mnist_bench.workshop import open_workshop
from search.errors import UsageError
from search.progress import Silent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.write_bytes(b"a file")
    return path


def test_a_workshop_needs_a_folder(file: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"results/_notebook: cannot be made a folder \(Not a directory\)\.$"),
        open_workshop(file / "_notebook", "The notebook", data=DataOptions(), workers=1),
    ):
        pass


def test_a_search_needs_a_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.searching.close_test_set", lambda: None)  # it would stay closed for other tests
    with pytest.raises(UsageError, match=r"results/conv-0: cannot be made a folder \(Not a directory\)\.$"):
        searching.run(SearchOptions(space="conv", results=file), Silent(), lambda: False)
