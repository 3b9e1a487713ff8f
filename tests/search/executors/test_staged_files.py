"""Files that reach workers through a cluster: written whole, found by the next, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import UsageError
from search.executors.ray import folder_of, unpack

FILES = {"a": b"1", "b": b"2"}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_files_are_written_once_and_found_by_the_next_worker() -> None:
    folder = unpack(FILES)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert unpack(dict(reversed(FILES.items()))) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_other_content_has_another_folder() -> None:
    others = [{"a": b"1"}, {"a": b"1", "b": b"3"}, {"a": b"12", "b": b""}, {"a": b"1", "c": b"2"}]
    assert len({folder_of(files) for files in [FILES, *others]}) == 5


def test_what_stands_there_with_another_content_is_replaced(temporary: Path) -> None:
    folder = unpack(FILES)
    (folder / "a").write_bytes(b"another's")
    (folder / "b").unlink()
    unpack(FILES)  # what a killed worker had not written
    assert (folder / "b").read_bytes() == b"2"
    (folder / "b").unlink()
    (temporary / "elsewhere").write_bytes(b"2")
    (folder / "b").symlink_to(temporary / "elsewhere")
    unpack(FILES)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert not (folder / "b").is_symlink()


def test_a_folder_that_cannot_be_made_or_is_another_users_is_refused(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as another:
        another.setattr("search.executors.ray.os.getuid", lambda: 98765)
        with pytest.raises(UsageError, match="belongs to another user"):
            unpack(FILES)
    folder_of(FILES).parent.write_text("a file in its place")
    with pytest.raises(UsageError, match="cannot be created as a folder"):
        unpack(FILES)
