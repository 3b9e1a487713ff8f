"""The examples run, and so does the one in the search's own docstring."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copy
from textwrap import dedent

import pytest

import search
from support.paths import ROOT

EXAMPLES = ROOT / "examples"


def run(*command: str, folder: Path) -> str:
    """Return what a Python process prints in a folder."""
    done = subprocess.run([sys.executable, *command], cwd=folder, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.integration
def test_an_own_trainer_is_searched_and_its_study_read(tmp_path: Path) -> None:
    *trials, digest = run(str(EXAMPLES / "own_trainer.py"), folder=tmp_path).splitlines()
    assert len(trials) == 20
    assert "complete  8/8 periods" in trials[0]
    assert any("pruned    1/8 periods" in line for line in trials)
    read = run(str(EXAMPLES / "read_a_study.py"), folder=tmp_path).splitlines()
    assert read[-1] == digest
    assert len([line for line in read if re.match(r"#\d+ +(complete|pruned) ", line)]) == 20
    assert re.fullmatch(r"\d+ of 20 trials were pruned, which spared \d+ periods\.", read[20])
    again = run(str(EXAMPLES / "own_trainer.py"), str(tmp_path / "again"), folder=tmp_path)
    assert again.splitlines()[-1] == digest


@pytest.mark.slow
def test_a_study_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "read_a_study.py"), str(tmp_path)], text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No study in ")


@pytest.mark.integration
def test_the_docstring_of_the_search_runs(tmp_path: Path) -> None:
    assert search.__doc__ is not None
    (block,) = re.findall(r"\n\n((?:    .*\n|\n)+)", search.__doc__)
    (tmp_path / "use.py").write_text(dedent(block))
    copy(EXAMPLES / "own_trainer.py", tmp_path)
    *complete, digest = run("use.py", folder=tmp_path).splitlines()
    assert complete[0].startswith("#")
    assert re.fullmatch("[0-9a-f]{64}", digest)
