"""A memory that searches share: bounded, and never a reason to stop."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from search.memory.training_memory import TrainingMemory
from search.trainer_api import Report

REPORT = Report(value=0.5, metrics={"epoch": 1}, weights="ab", seconds=1.5)


def opened(folder: Path, told: list[str], limit: int = 1_000_000) -> TrainingMemory:
    memory = TrainingMemory(folder, limit=limit, notice=told.append)
    memory.open()
    return memory


def key(number: int) -> str:
    return f"{number:02x}" * 32


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    told: list[str] = []
    memory = opened(tmp_path / "new" / "memory", told)
    before = memory.size(key(1))
    memory.add(key(1), 1, REPORT)
    assert memory.size(key(1)) != before
    memory.keep(key(1), 1, b"state")
    other = opened(tmp_path / "new" / "memory", told)
    assert (other.reports(key(1)), other.state(key(1), 1)) == ({1: REPORT}, b"state")
    assert not told


def test_nothing_is_made_before_it_is_opened(tmp_path: Path) -> None:
    memory = TrainingMemory(tmp_path / "memory")
    memory.add(key(1), 1, REPORT)
    assert memory.reports(key(1)) == {}
    assert not (tmp_path / "memory").exists()


def test_the_least_used_states_go_first_and_then_the_least_used_reports(tmp_path: Path) -> None:
    told: list[str] = []
    memory = opened(tmp_path, told, limit=20_000)
    for number in range(6):
        memory.add(key(number), 1, REPORT)
        memory.keep(key(number), 1, bytes(2_500))
        for path in (tmp_path / key(number)[:2]).iterdir():
            os.utime(path, (1000 + number, 1000 + number))
    memory.used(key(0))
    for number in range(6, 9):
        memory.keep(key(number), 1, bytes(2_500))
    assert size(tmp_path) <= 20_000
    assert [number for number in range(9) if memory.state(key(number), 1) is None] == [1, 2]
    assert all(memory.reports(key(number)) for number in range(6))
    small = opened(tmp_path, told, limit=600)
    assert [number for number in range(9) if small.state(key(number), 1) is not None] == []
    known = [number for number in range(6) if small.reports(key(number))]
    assert 0 in known
    assert 1 <= len(known) <= 2
    assert not told


def test_the_limit_holds_while_other_processes_write_too(tmp_path: Path) -> None:
    told: list[str] = []
    memories = [opened(tmp_path, told, limit=40_000) for _ in range(3)]
    for number in range(90):
        memories[number % 3].keep(key(number), 1, bytes(1_500))
        assert size(tmp_path) <= 40_000 * (1 + 3 * 0.05) + 3 * 1_600
    assert not told


def test_files_that_a_killed_process_left_are_removed_in_time(tmp_path: Path) -> None:
    told: list[str] = []
    opened(tmp_path, told).keep(key(1), 1, b"state")
    old, new = (tmp_path / "01" / f".{key(1)[:20]}.{digit * 16}" for digit in "ab")
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    opened(tmp_path, told)
    assert not old.exists()
    assert new.exists()  # another process may be writing it


def test_a_file_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "memory").write_text("no folder")
    memory = opened(tmp_path / "memory", told)
    memory.add(key(1), 1, REPORT)
    memory.keep(key(1), 1, b"state")
    assert (memory.reports(key(1)), memory.state(key(1), 1), memory.size(key(1))) == ({}, None, 0)
    memory.used(key(1))
    where = f"The memory of trainings in {tmp_path / 'memory'}"
    assert told == [f"{where} cannot be used (File exists); the search continues without it."]


def test_what_cannot_be_written_is_a_sentence_and_what_is_there_is_read(tmp_path: Path) -> None:
    told: list[str] = []
    memory = opened(tmp_path, told)
    memory.add(key(1), 1, REPORT)
    (tmp_path / "02").write_text("in the place of a folder")
    for _ in range(2):
        memory.add(key(2), 1, REPORT)
        memory.keep(key(1), 1, b"state")
    where = f"The memory of trainings in {tmp_path}"
    assert told == [f"{where} cannot be written (File exists); the search adds nothing to it."]
    assert memory.reports(key(1)) == {1: REPORT}
    assert memory.state(key(1), 1) is None


def test_damage_and_files_of_others_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    memory = opened(tmp_path, told)
    for number in (1, 2, 3):
        memory.add(key(number), 1, REPORT)
    for number in (1, 2):
        path = tmp_path / key(number)[:2] / f"{key(number)}.jsonl"
        path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    assert (memory.reports(key(1)), memory.reports(key(2)), memory.reports(key(3))) == ({}, {}, {1: REPORT})
    where = f"The memory of trainings in {tmp_path}"
    assert told == [f"A damaged entry of the memory of trainings in {tmp_path} was dropped; it is trained again."]
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    assert (memory.reports(key(3)), memory.reports(key(3))) == ({}, {})
    assert told[1:] == [f"{where} has files of another user, which are ignored."]
