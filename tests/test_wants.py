"""The line at the end of a run that says what was not run, and how many examples a run tries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import wants
from support.paths import IMPORTABLE, ROOT


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ([], ""),
        (["Skipped: not Linux"], ""),
        ([f"Skipped: {wants.CUDA}"], "not run: 1 test for want of a CUDA device"),
        (
            [f"Skipped: {wants.CHROMIUM}: chromium is missing"] * 6,
            "not run: 6 tests for want of Chromium; apt install chromium chromium-driver",
        ),
        (
            [wants.CHROMIUM, wants.CUDA, wants.CUDA],
            "not run: 1 test for want of Chromium, 2 for want of a CUDA device; apt install chromium chromium-driver",
        ),
        (
            [f"Skipped: {wants.MOUNT}: permission denied", wants.CGROUP, f"{wants.COMPILER}: cc is not installed"],
            "not run: 1 test for want of the right to mount a disk, 1 for want of the right to limit memory, "
            "1 for want of a C compiler; apt install gcc",
        ),
    ],
)
def test_what_was_not_run_is_said_in_a_line(reasons: list[str], line: str) -> None:
    assert wants.line(reasons) == line


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "1"])
def test_the_line_ends_a_run(tmp_path: Path, processes: str) -> None:
    test = f"import pytest\n\n\n@pytest.mark.skipif(True, reason={wants.CUDA!r})\ndef test_it(): pass\n"
    (tmp_path / "test_it.py").write_text(test)
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "not run: 1 test for want of a CUDA device\n" in done.stdout


@pytest.mark.parametrize(("profile", "examples"), [("tenth", "10 40"), ("full", "100 400")])
def test_a_run_tries_the_dose_that_its_environment_names(profile: str, examples: str) -> None:
    script = """
from hypothesis import settings
from support import dose
dose.load()
print(settings().max_examples, dose.dose(400))
"""
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE, "HYPOTHESIS_PROFILE": profile}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == examples
