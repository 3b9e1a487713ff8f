"""The lock on a file: where it cannot be had, and what it must not touch."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from search.database.file_lock import driver_lock, holder, is_held
from search.errors import StorageError

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
