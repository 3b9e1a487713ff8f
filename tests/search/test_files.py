"""Files that are whole or not there, and folders for them."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from search.errors import StorageError, UsageError
from search.files import (
    append_line,
    atomic_write,
    check_target,
    leftovers,
    make_folder,
    passing_folder,
    read,
    read_named,
    write_named,
)


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


def test_a_file_is_synced_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done, replace = tmp_path / "file", [], os.replace
    path.write_bytes(b"old")

    def sync(handle: int) -> None:
        (name,) = [name for name in (tmp_path, *tmp_path.iterdir()) if os.path.samestat(os.fstat(handle), name.stat())]
        done.append("folder" if name == tmp_path else f"{'file' if name == path else 'temporary'}: {name.read_text()}")

    def rename(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr("search.files.os.fsync", sync)
    monkeypatch.setattr("search.files.os.replace", rename)
    atomic_write(path, b"new")
    assert done == ["temporary: new", "rename", "folder"]


def test_a_line_is_added_whole_and_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "ledger", []

    def sync(handle: int) -> None:
        assert os.path.samestat(os.fstat(handle), path.stat())
        synced.append(path.read_text())

    monkeypatch.setattr("search.files.os.fsync", sync)
    append_line(path, "one")
    append_line(path, "two")
    path.write_text("one\ntw")  # as a process that was killed leaves it
    append_line(path, "three")
    path.write_text("")
    append_line(path, "four")
    assert synced == ["one\n", "one\ntwo\n", "one\ntw\nthree\n", "four\n"]


@pytest.mark.parametrize(("below", "why"), [("", "File exists"), ("b", "Not a directory")])
def test_a_folder_is_made_with_those_above_it_and_a_file_in_its_place_is_one_sentence(
    tmp_path: Path, below: str, why: str
) -> None:
    for _ in range(2):
        make_folder(tmp_path / "c" / "d")
        (tmp_path / "c" / "d" / "kept").touch()
    (tmp_path / "a").write_bytes(b"a file")
    folder = tmp_path / "a" / below
    with pytest.raises(UsageError) as caught:
        make_folder(folder)
    assert str(caught.value) == f"{folder}: cannot be created as a folder ({why})."


@pytest.mark.parametrize(("mask", "mode"), [(0, 0o666), (0o027, 0o640)])
@pytest.mark.parametrize("write", [lambda path: append_line(path, "one"), lambda path: atomic_write(path, b"one")])
def test_a_file_may_be_read_and_written_by_whom_the_mask_lets(
    tmp_path: Path, write: Callable[[Path], None], mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_named_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_named(pipe, b"content")
    reader.join()
    assert read == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_that_the_user_named_is_written_through_and_any_other_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    write_named(file, b"older")
    write_named(file, b"old")
    assert (list(tmp_path.iterdir()), file.read_bytes()) == ([file], b"old")
    link.symlink_to("file")
    write_named(link, b"new")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"new")
    atomic_write(link, b"newer")
    assert (link.is_symlink(), link.read_bytes(), file.read_bytes()) == (False, b"newer", b"new")


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to, lambda path, _: os.mkfifo(path)])
def test_a_line_is_added_to_no_file_of_another_name_and_makes_none_where_a_link_leads(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    make(tmp_path / "log", victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    for log in ("log", "dangling"):
        with pytest.raises(StorageError, match=rf"{log}: (is|has) .*(link|remove)"):
            append_line(tmp_path / log, "a line")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "missing").exists()


def test_a_pipe_or_a_device_is_read_only_where_the_user_named_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):  # which is not waited for
        with pytest.raises(OSError, match="it is a pipe or a device"):
            read(path, 10)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"content"))
    writer.start()
    assert read_named(pipe, 3) == b"cont"
    writer.join()


def test_what_a_killed_writer_leaves_is_found_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    below = tmp_path / "below"
    below.mkdir()
    for name in (".hidden", ".git.7", "file", ".0-1.state.0123456789abcdeg"):
        (below / name).touch()
    monkeypatch.setattr("search.files.os.replace", die)
    monkeypatch.setattr(Path, "unlink", die)
    with pytest.raises(Killed):
        atomic_write(below / "0-1.state", b"content")
    monkeypatch.undo()
    (left,) = leftovers(tmp_path)
    assert left.parent == below
    assert left.name.startswith(".0-1.state.")


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path, name: str) -> None:
    atomic_write(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"
    assert leftovers(tmp_path) == []


def test_a_place_to_write_to_is_looked_at_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, file = tmp_path / "closed", tmp_path / "file"
    closed.mkdir()
    file.touch()
    (closed / "stdout").symlink_to(file)
    (closed / "other").touch()
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != closed)
    check_target(tmp_path / "a" / "b", folder=True)
    check_target(file, folder=False)
    check_target(closed / "stdout", folder=False)  # as /dev/stdout is, where `> file` sends it
    for target, folder, why in (
        (file, True, r": cannot be created as a folder \("),
        (tmp_path, False, r": cannot be written \("),
        (file / "a.html", False, r": cannot be (created as a folder|written) \("),
        (closed / "other", False, "closed does not allow you to write"),
    ):
        with pytest.raises(UsageError, match=why):
            check_target(target, folder=folder)


@pytest.mark.parametrize(("words", "stays"), [("see {}/workers.log", True), ("no worker starts", False)])
def test_a_passing_folder_stays_if_an_error_names_it(words: str, stays: bool) -> None:
    with pytest.raises(StorageError), passing_folder() as folder:
        raise StorageError(words.format(folder))
    assert folder.exists() == stays
    shutil.rmtree(folder, ignore_errors=True)
