"""The lock on a file: one holder at a time, who is named to others; where it cannot be had, what it must not touch."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from search.errors import StorageError, StudyLockedError
from search.file_lock import driver_lock, holder, is_held

WITHOUT_LOCKS = [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP]
"""What Lustre without -o flock answers, and some file systems in user space."""


@pytest.fixture(params=WITHOUT_LOCKS, ids=errno.errorcode.get)
def without_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: Any, _kind: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("without_locks")
def test_a_file_system_without_locks_is_a_sentence_that_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    with pytest.raises(StorageError, match=r"driver.lock: cannot be locked .*flock\), or .* --results\.$"):  # noqa: SIM117
        with driver_lock(path, "Study conv-0"):
            pytest.fail("it was taken")
    with pytest.raises(StorageError, match=r"driver\.lock: cannot be locked"):
        is_held(path)


def test_a_lock_with_a_second_name_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    os.link(tmp_path / "victim", tmp_path / "driver.lock")
    with pytest.raises(StorageError, match="a second name"), driver_lock(tmp_path / "driver.lock", "Study conv-0"):
        pytest.fail("it was taken")
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_lock_that_leads_elsewhere_is_neither_emptied_nor_made(tmp_path: Path) -> None:
    (tmp_path / "driver.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError, match="a symbolic link"), driver_lock(tmp_path / "driver.lock", "Study conv-0"):
        pytest.fail("it was taken")
    assert not (tmp_path / "victim").exists()


def test_a_signature_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    path.write_text(json.dumps({"host": "h", "pid": 1, "since": "now"}))
    assert holder(path) == "process 1 on h since now"
    os.truncate(path, 1 << 40)
    assert holder(path) == "another process"


def test_one_holds_it_and_is_named_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.file_lock.time.sleep", lambda seconds: None)
    path = tmp_path / "driver.lock"
    assert not is_held(path)
    assert holder(path) == "another process"
    with driver_lock(path, "Study conv-0"):
        assert is_held(path)
        me = f"process {os.getpid()} on {socket.gethostname()} since "
        assert holder(path).startswith(me)
        with (
            pytest.raises(StudyLockedError, match=f"^Study conv-0 is in use by {me}.*; wait for it or stop it"),
            driver_lock(path, "Study conv-0"),
        ):
            pytest.fail("two hold it")
        assert is_held(path)
    assert not is_held(path)
    assert holder(path).startswith(me)  # nobody erases a signature
    with driver_lock(path, "Study conv-0"):
        assert path.read_text().count("pid") == 1


def test_a_lock_on_a_file_that_was_removed_keeps_nobody_out(tmp_path: Path) -> None:
    path, took, done = tmp_path / "driver.lock", threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with driver_lock(path, "The second"):
            took.set()
            done.wait()

    second = threading.Thread(target=wait_for_it, daemon=True)
    with driver_lock(path, "The first"):
        second.start()
        time.sleep(0.1)  # it has opened the file, and waits
        path.unlink()
    took.wait()
    assert is_held(path)
    done.set()
    second.join()


def test_a_lock_that_cannot_be_written_or_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "driver.lock"
    with pytest.raises(StorageError) as refused, driver_lock(path, "Study conv-0"):
        pytest.fail("it was taken")
    assert str(refused.value) == f"{path}: cannot be written (No such file or directory)."
    with pytest.raises(StorageError) as refused:
        is_held(tmp_path)
    assert str(refused.value) == f"{tmp_path}: cannot be read (Is a directory)."


@pytest.mark.parametrize("signed", [None, [], {"pid": "x", "host": "a", "since": "b"}, {"pid": 1, "host": "a"}])
def test_what_is_no_signature_names_nobody(tmp_path: Path, signed: object) -> None:
    path = tmp_path / "driver.lock"
    path.write_text(json.dumps(signed))
    assert holder(path) == "another process"


def test_a_signature_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    path.write_text(json.dumps({"pid": 17, "host": "node\n7", "since": "2026"}))
    assert holder(path) == "process 17 on node 7 since 2026"
