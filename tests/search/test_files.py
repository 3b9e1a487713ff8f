"""Files that are whole or not there, and folders for them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from search.errors import UsageError
from search.files import atomic_write, make_folder


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    atomic_write(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_made_with_those_above_it_and_left_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        make_folder(folder)
        (folder / "kept").touch()
    assert [path.name for path in folder.iterdir()] == ["kept"]


@pytest.mark.parametrize(("below", "why"), [("", "File exists"), ("b", "Not a directory")])
def test_a_file_in_a_folders_place_is_told_in_one_sentence(tmp_path: Path, below: str, why: str) -> None:
    (tmp_path / "a").write_bytes(b"a file")
    folder = tmp_path / "a" / below
    with pytest.raises(UsageError) as caught:
        make_folder(folder)
    assert str(caught.value) == f"{folder}: cannot be made a folder ({why})."


def test_a_file_may_be_read_by_whom_the_mask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
