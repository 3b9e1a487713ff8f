"""How often the test set was opened: counted once, wherever it is noted, and not lost on a copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mnist_bench.data import openings
from search.study.folder import StudyFolder
from support import search_fake as fake
from support.paths import LEDGER

TORN = '{"time": "2026-11-25T10:00'


def entry(purpose: str, second: int = 0) -> str:
    return json.dumps({"time": f"2026-11-25T10:00:{second:02}+00:00", "purpose": purpose, "files": []})


def write(ledger: Path, *lines: str) -> None:
    ledger.parent.mkdir(parents=True, exist_ok=True)
    ledger.write_text("".join(f"{line}\n" for line in lines))


def counts(results: Path, name: str) -> tuple[int, int]:
    """Return the openings for a study, and those from its folder of results."""
    return openings.for_study(StudyFolder.of(name, results)), openings.from_results(results)[0]


def test_what_stands_in_both_ledgers_counts_once(tmp_path: Path) -> None:
    old, new, twin = (entry("confirm a: #1; 8 seeds each", second) for second in (1, 2, 3))
    write(tmp_path / LEDGER, old, new, twin, twin, entry("confirm b: #1"), entry("notebook: linear"))
    write(tmp_path / "a" / LEDGER, new, twin, twin)
    assert counts(tmp_path, "a") == (4, 6)
    assert counts(tmp_path, "b") == (1, 6)
    assert counts(tmp_path, "c") == (0, 6)


def test_a_copied_study_takes_its_own_openings_along(tmp_path: Path) -> None:
    mine = entry("confirm a: #1")
    write(tmp_path / "here" / LEDGER, mine, entry("confirm other: #1"))
    write(tmp_path / "here" / "a" / LEDGER, mine)
    shutil.copytree(tmp_path / "here" / "a", tmp_path / "there" / "a")
    assert counts(tmp_path / "there", "a") == (1, 1)
    shutil.copytree(tmp_path / "here" / "a", tmp_path / "here" / "b")
    assert counts(tmp_path / "here", "b") == (1, 2)


def test_older_openings_of_a_renamed_study_are_found_by_the_name_inside(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=1, name="a")
    write(tmp_path / LEDGER, entry("confirm a: #1"), entry("confirm b: #1", 1))
    (tmp_path / "a").rename(tmp_path / "b")
    assert counts(tmp_path, "b") == (2, 2)


@pytest.mark.parametrize("line", [TORN, "", "[]", "\0", "[" * 100_000])
def test_a_torn_line_of_a_studys_ledger_was_whole_in_the_results_and_one_there_counts_there(
    tmp_path: Path, line: str
) -> None:
    whole = entry("confirm a: #1")
    write(tmp_path / LEDGER, whole)
    write(tmp_path / "a" / LEDGER, line)
    assert counts(tmp_path, "a") == (1, 1)
    write(tmp_path / LEDGER, whole, TORN)
    assert counts(tmp_path, "a") == (1, 2)
