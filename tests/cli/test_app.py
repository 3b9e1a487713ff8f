"""The program as a process: what it loads, and how it ends if its output cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from support.commands import COMMANDS, GROUPS
from support.paths import ROOT

HEAVY = ("torch", "optuna", "matplotlib", "rich", "numpy", "ruamel", "sqlalchemy")  # typer itself loads pydantic
OVER_A_STUDY = """
from mnist_bench.cli.app import main
from support import handmade
import search.study.studies as s
s.open_study = lambda *a: handmade.mixed()
main()
"""
IN_ASCII = f"import sys; sys.stdout.reconfigure(encoding='ascii')\n{OVER_A_STUDY}"
LOADED = f"""
import contextlib, io, json, sys
from mnist_bench.cli.app import main

def loaded_by(line):
    sys.argv[1:] = line.split()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main()
    return [module for module in {HEAVY} if module in sys.modules]

print(json.dumps({{line: loaded_by(line) for line in sys.argv[1:]}}))
"""


def ran(*words: str, cwd: Path = ROOT, stdout: int | TextIO = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    command = [sys.executable, *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=cwd, check=False)


@pytest.mark.slow
@pytest.mark.cold
def test_help_and_version_load_nothing_heavy() -> None:
    lines = ["--version", "--help", *(f"{words} --help" for words in sorted({*COMMANDS, *GROUPS}))]
    done = ran("-c", LOADED, *lines)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {line: [] for line in lines}


def test_version_names_the_tool_python_torch_and_optuna() -> None:
    words = CliRunner().invoke(app, ["--version"]).stdout.split()
    named = [word for word in words if word.isalpha() or "-" in word]
    assert named[:4] == ["mnist-bench", "python", "torch", "optuna"]


@pytest.mark.cold
def test_python_runs_the_package_as_the_program() -> None:
    done = ran("-m", "mnist_bench", "studies", "--result", "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--results" in done.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_met_with_silence() -> None:
    command = [sys.executable, "-c", OVER_A_STUDY, "leaderboard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.slow
def test_closed_output_is_one_sentence() -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" leaderboard >&-', sys.executable, OVER_A_STUDY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = "stdout is closed, so nothing can be printed; redirect it to a file or to /dev/null."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {words}\n")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["leaderboard", "--version", "space show bad.yaml --json"])
def test_output_that_cannot_be_written_is_one_sentence_however_a_command_ends(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.yaml").write_text("epochs: x\n")
    with open("/dev/full", "w") as full:
        done = ran("-c", OVER_A_STUDY, *line.split(), stdout=full, cwd=tmp_path)
    *before, sentence = done.stderr.splitlines()
    assert (done.returncode, sentence) == (1, "Error: the output cannot be written (No space left on device).")
    assert not before or line.endswith("--json")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
def test_what_an_encoding_cannot_say_is_said_in_ascii() -> None:
    done = ran("-c", IN_ASCII, "leaderboard")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lr -> drops" in done.stdout
    assert "rank -: not complete;" in done.stdout
    assert "?" not in done.stdout
