from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from search.errors import Problem, SearchError, SpaceError, StudyNotFoundError, UsageError
from support.commands import COMMANDS, GROUPS, help_of
from support.paths import IMPORTABLE, ROOT

Run = Callable[..., Result]
HEAVY = ("torch", "optuna", "matplotlib", "rich", "numpy", "ruamel", "sqlalchemy")  # typer itself loads pydantic


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


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


def loaded_by(*lines: str) -> dict[str, list[str]]:
    """Return which heavy modules are loaded after each line, run in one process."""
    done = run_python(LOADED, *lines)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.cold
def test_help_loads_nothing_heavy() -> None:
    lines = ["--help", *(f"{words} --help" for words in sorted({*COMMANDS, *GROUPS}))]
    assert loaded_by(*lines) == {line: [] for line in lines}


@pytest.mark.cold
def test_version_names_the_tool_python_torch_and_optuna_without_loading_them() -> None:
    result = run_python("from mnist_bench.cli.app import main; main()", "--version")
    assert [word for word in result.stdout.split() if word.isalpha() or "-" in word][:4] == [
        "mnist-bench", "python", "torch", "optuna"
    ]  # fmt: skip
    assert loaded_by("--version") == {"--version": []}


@pytest.mark.cold
def test_python_runs_the_package_as_the_program() -> None:
    words = [sys.executable, "-m", "mnist_bench", "studies", "--result", "none"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--results" in done.stderr


@pytest.mark.parametrize("words", sorted({*COMMANDS, *GROUPS}))
def test_every_command_has_help(words: str) -> None:
    *group, command = words.split()
    listed = help_of(*group)
    assert listed is not None
    assert any(line.split()[:1] == [command] and len(line.split()) > 2 for line in listed.splitlines())
    assert help_of(*words.split()) is not None


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("search.study.studies.list_studies", fail)


@pytest.mark.parametrize(
    ("error", "code"), [(SearchError("It broke."), 1), (UsageError("Not so."), 2), (StudyNotFoundError("None."), 3)]
)
def test_errors_are_one_sentence_and_their_code(
    cli: Run, monkeypatch: pytest.MonkeyPatch, error: SearchError, code: int
) -> None:
    raising(monkeypatch, error)
    result: Result = cli("studies")
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"Error: {error}\n", "")


def test_problems_of_a_space_begin_with_their_positions(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [Problem("bad.yaml", 7, 3, "one"), Problem("bad.yaml", 9, 1, "two")]
    raising(monkeypatch, SpaceError(problems))
    result: Result = cli("studies")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[:2] == ["bad.yaml:7:3  one", "bad.yaml:9:1  two"]
    assert result.stderr.splitlines()[2].startswith("Error: the space cannot be used")
    raising(monkeypatch, SpaceError([Problem("--set optim.lr", 1, 1, "abc is not a number")]))
    assert cli("studies").stderr.splitlines()[-1] == "Error: what --set gives cannot be used."


def test_unexpected_errors_name_their_type_and_the_way_to_the_traceback(
    cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, ZeroDivisionError("by [bold]zero\x1b[31m"))
    result: Result = cli("studies")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ZeroDivisionError: by [bold]zero[31m")
    assert "-v" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in cli("-v", "studies").stderr


def test_ctrl_c_exits_with_130(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert cli("studies").exit_code == 130


def test_wrong_usage_exits_with_2_and_suggests_the_nearest_command(cli: Run) -> None:
    result: Result = cli("serach")
    assert result.exit_code == 2
    assert "search" in result.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_met_with_silence() -> None:
    code = (
        "from support import handmade\nimport search.study.studies as s\n"
        "s.open_study = lambda *a: handmade.mixed()\n"
        "from mnist_bench.cli.app import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE}
    command = [sys.executable, "-c", code, "leaderboard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


OVER_A_STUDY = (
    "from support import handmade\nimport search.study.studies as s\n"
    "s.open_study = lambda *a: handmade.mixed()\n"
    "from mnist_bench.cli.app import main; main()"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        ("> /dev/full", 1, "Error: the output cannot be written (No space left on device).\n"),
        (">&-", 2, "Error: stdout is closed, so nothing can be printed; redirect it to a file or to /dev/null.\n"),
    ],
)
def test_output_that_cannot_be_written_is_one_sentence(redirection: str, code: int, words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE}
    command = ["sh", "-c", f'exec "$0" -c "$1" leaderboard {redirection}', sys.executable, OVER_A_STUDY]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", words)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["--version", "--help", "space show bad.yaml --json"])
def test_output_is_written_before_the_end_however_a_command_ends(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "bad.yaml").write_text("epochs: x\n")
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE}
    main = "from mnist_bench.cli.app import main; main()"
    full = ["sh", "-c", f'exec "$0" -c "$1" {arguments} > /dev/full', sys.executable, main]
    done = subprocess.run(full, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: the output cannot be written (No space left on device)."
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_what_the_system_refuses_is_one_sentence_with_its_file(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, PermissionError(13, "Permission denied", "results/conv-0/study.db"))
    result: Result = cli("studies")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: results/conv-0/study.db: cannot be used (Permission denied).\n"


def test_a_working_folder_that_was_deleted_is_one_sentence(
    cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    raising(monkeypatch, FileNotFoundError(2, "No such file or directory"))  # as `Path.resolve` does
    result: Result = cli("studies")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the folder in which you work was deleted; change to another one with cd.\n"


@pytest.mark.slow
def test_what_an_encoding_cannot_say_is_said_in_ascii() -> None:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", OVER_A_STUDY, "leaderboard"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.isascii()
    assert "lr -> drops" in done.stdout
    assert "rank -: not complete;" in done.stdout
    assert "?" not in done.stdout
