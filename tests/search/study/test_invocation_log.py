"""What is kept of how a study was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from search.errors import StorageError
from search.space.space import Space
from search.study.folder import StudyFolder
from search.study.invocation_log import Invocation, invocations, keep_invocation, latest_data, latest_net
from support.dose import dose

SPACE = Space.of({"name": "tiny", "epochs": 3, "model": {"units": {"int": [1, 8]}}})
TYPED = Invocation(
    command="mnist-bench search tiny.yaml --set 'model.name=é'", data_dir="/data", net="/nets/my nets.py:build"
)
CALLED = Invocation(data_dir="/data/mine.npz", net="package.nets:build")


def test_each_invocation_is_added_and_the_space_stays_as_it_was(tmp_path: Path) -> None:
    files = StudyFolder(tmp_path)
    keep_invocation(files, SPACE, None)
    assert invocations(files) == []
    keep_invocation(files, SPACE, TYPED)
    keep_invocation(files, Space.of({"name": "other"}), CALLED)
    assert invocations(files) == [TYPED, CALLED]
    assert files.space.read_text() == SPACE.to_yaml()


def test_what_an_earlier_version_kept_is_read(tmp_path: Path) -> None:
    files = StudyFolder(tmp_path)
    files.commands.write_text('{"command": "mnist-bench search conv", "data_dir": null}\n{"data_dir": "/data"}\n')
    assert invocations(files) == [Invocation(command="mnist-bench search conv")]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing: cannot be written"):
        keep_invocation(StudyFolder(tmp_path / "missing"), SPACE, None)


def test_commands_of_a_terabyte_are_not_read_whole(tmp_path: Path) -> None:
    files = StudyFolder(tmp_path)
    keep_invocation(files, SPACE, TYPED)
    os.truncate(files.commands, 1 << 40)
    assert invocations(files) == [TYPED]


@given(damage=st.binary(max_size=40), at=st.integers(0, 80))
@settings(max_examples=dose(100))
def test_a_damaged_line_costs_no_other(tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int) -> None:
    files = StudyFolder(tmp_path_factory.mktemp("study"))
    keep_invocation(files, SPACE, TYPED)
    line = files.commands.read_bytes()
    files.commands.write_bytes(line[:at] + damage + b"\n" + line)
    assert invocations(files)[-1] == TYPED


def test_the_latest_data_and_net_are_those_that_were_named_last() -> None:
    searched = [TYPED, CALLED, Invocation(data_dir="/b"), Invocation(command="typed")]
    assert (latest_data(searched), latest_net(searched)) == ("/b", "package.nets:build")
    assert (latest_data([]), latest_net([])) == (None, None)
