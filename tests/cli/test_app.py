"""The program as a process: what it loads, and how it ends if its output cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import COMMANDS, GROUPS
from support.paths import IMPORTABLE, ROOT

HEAVY = ("torch", "optuna", "matplotlib", "rich", "numpy", "ruamel", "sqlalchemy")  # typer itself loads pydantic
MAIN = "from mnist_bench.cli.app import main; main()"
OVER_A_STUDY = f"""
from support import handmade
import search.study.studies as s
s.open_study = lambda *a: handmade.mixed()
{MAIN}
"""
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


def ran(code: str, *arguments: str, redirection: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, whose output the shell redirects."""
    variables = {**os.environ, "PYTHONPATH": IMPORTABLE, **environment}
    command = ["sh", "-c", f'exec "$0" -c "$@" {redirection}', sys.executable, code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, check=False)


@pytest.mark.cold
def test_help_and_version_load_nothing_heavy() -> None:
    lines = ["--version", "--help", *(f"{words} --help" for words in sorted({*COMMANDS, *GROUPS}))]
    done = ran(LOADED, *lines)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {line: [] for line in lines}


@pytest.mark.cold
def test_version_names_the_tool_python_torch_and_optuna() -> None:
    words = ran(MAIN, "--version").stdout.split()
    named = [word for word in words if word.isalpha() or "-" in word]
    assert named[:4] == ["mnist-bench", "python", "torch", "optuna"]


@pytest.mark.cold
def test_python_runs_the_package_as_the_program() -> None:
    words = [sys.executable, "-m", "mnist_bench", "studies", "--result", "none"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--results" in done.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_met_with_silence() -> None:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE}
    command = [sys.executable, "-c", OVER_A_STUDY, "leaderboard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.slow
def test_closed_output_is_one_sentence() -> None:
    done = ran(OVER_A_STUDY, "leaderboard", redirection=">&-")
    words = "stdout is closed, so nothing can be printed; redirect it to a file or to /dev/null."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {words}\n")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["leaderboard", "--version", "--help", "space show bad.yaml --json"])
def test_output_that_cannot_be_written_is_one_sentence_however_a_command_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("epochs: x\n")
    done = ran(OVER_A_STUDY, *arguments.split(), redirection="> /dev/full")
    *before, sentence = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence == "Error: the output cannot be written (No space left on device)."
    assert not before or arguments.endswith("--json")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
def test_what_an_encoding_cannot_say_is_said_in_ascii() -> None:
    done = ran(OVER_A_STUDY, "leaderboard", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "lr -> drops" in done.stdout
    assert "rank -: not complete;" in done.stdout
    assert "?" not in done.stdout
