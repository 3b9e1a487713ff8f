"""The page "Write your own trainer": its file runs as it stands, to one digest with any workers; its checks hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from support.paths import ROOT

PAGE = (ROOT / "docs" / "guides" / "own_trainers.md").read_text()
BLOCKS = [dedent(block) for block in re.findall(r"(?:^ {4}.*\n|^\n(?=\n* {4}))+", PAGE, re.MULTILINE)]
FILE = "\n\n".join(block for block in BLOCKS if re.match(r"\n*(import hashlib|class Trainer|SPACE)", block))
(CHECKS,) = (block for block in BLOCKS if "from tour import" in block)


def python(folder: Path, file: str) -> str:
    """Return what a file of a folder prints."""
    done = subprocess.run([sys.executable, file], cwd=folder, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.integration
def test_the_file_finds_short_tours_again_with_any_number_of_workers(tmp_path: Path) -> None:
    (tmp_path / "tour.py").write_text(FILE)
    *best, digest = python(tmp_path, "tour.py").splitlines()
    assert 1 <= len(best) <= 3
    lengths = [float(line.split()[1]) for line in best]
    assert lengths == sorted(lengths)
    assert lengths[0] < 8  # 60 cities at random in a square: about 0.7 times the root of 60, at best
    again = FILE.replace("workers=2", "workers=1, results=Path('again')")
    (tmp_path / "tour.py").write_text(f"from pathlib import Path\n{again}")
    assert python(tmp_path, "tour.py").splitlines() == [*best, digest]


@pytest.mark.integration
def test_its_checks_hold(tmp_path: Path) -> None:
    (tmp_path / "tour.py").write_text(FILE)
    (tmp_path / "check.py").write_text(CHECKS)
    python(tmp_path, "check.py")
