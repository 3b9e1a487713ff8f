"""The page "Search your own function or program": its files run as they stand, and find what they promise."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import search
from support.paths import ROOT

PAGE = (ROOT / "docs" / "guides" / "search_anything.md").read_text()
BLOCKS = [dedent(block) for block in re.findall(r"(?:^ {4}.*\n|^\n(?=\n* {4}))+", PAGE, re.MULTILINE)]
FIRST, DESCENT, PROGRAM = (block for block in BLOCKS if block.lstrip().startswith("import search"))


def printed(folder: Path, code: str) -> list[str]:
    """Return the lines that a file with this code prints, run in a folder."""
    (folder / "first.py").write_text(code)
    done = subprocess.run([sys.executable, "first.py"], cwd=folder, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_page_begins_with_five_lines_of_code() -> None:
    assert BLOCKS[0] == FIRST
    assert len([line for line in FIRST.splitlines() if line and "print" not in line]) == 4


@pytest.mark.slow
def test_the_first_search_finds_the_best_value_again_with_two_workers_and_reads_its_study(tmp_path: Path) -> None:
    found = printed(tmp_path, FIRST)
    params, digest = found[0].rsplit(" ", 1)
    assert 1.5 < ast.literal_eval(params)["config.x"] < 2.5
    assert search.open_study(tmp_path / "results", "space-0").digest == digest
    assert printed(tmp_path, FIRST) == found
    (tmp_path / "two").mkdir()
    assert printed(tmp_path / "two", FIRST.replace("trials=20", "trials=20, workers=2")) == found


@pytest.mark.slow
def test_reports_let_the_pruner_stop_what_is_behind(tmp_path: Path) -> None:
    ends = [line.split()[1:3] for line in printed(tmp_path, DESCENT)]
    assert len(ends) == 20
    assert ["complete", "10"] in ends
    assert {reason for reason, _ in ends} == {"complete", "pruned"}
    assert all(int(reports) < 10 for reason, reports in ends if reason == "pruned")


@pytest.mark.slow
def test_a_program_is_searched(tmp_path: Path) -> None:
    for folder in ("examples", "docs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (line,) = printed(tmp_path, PROGRAM)
    assert 40_000 < float(line.partition(" ")[0]) < 120_000
    study = search.open_study(tmp_path / "results", "shell-0")
    assert {"complete", "pruned"} <= {trial.reason for trial in study.trials}
