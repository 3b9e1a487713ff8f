"""Commands run over studies made by hand in this process, and over real ones in one of their own."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from search.errors import StudyNotFoundError
from search.study.studies import StoredStudy
from support import commands, handmade
from support.commands import Ran


class Cli:
    """Runs commands in this process; `studies` are what they find, the last one the latest."""

    def __init__(self) -> None:
        self.studies: dict[str, StoredStudy] = {"conv-0": handmade.mixed()}

    def __call__(self, *arguments: str, stdin: str | None = None, columns: int | None = None) -> Result:
        from mnist_bench.cli.app import app

        environment = {"COLUMNS": str(columns)} if columns else {}
        result = CliRunner().invoke(app, list(arguments), input=stdin, env=environment)
        commands.check_json(arguments, result.stdout)
        return result

    def open_study(self, results: Path, name: str | None) -> StoredStudy:
        """Stand in for `search.study.studies.open_study`."""
        name = list(self.studies)[-1] if name is None else name
        if name not in self.studies:
            raise StudyNotFoundError(f"No study {name} in {results}.")
        return handmade.kept_in(results, self.studies[name])


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Return a runner in an empty folder."""
    runner = Cli()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.study.studies.open_study", runner.open_study)
    return runner


RUN = """
import json, shlex, sys
from typer.testing import CliRunner
from mnist_bench.cli.app import app

def run(line, stdin=None):
    result = CliRunner().invoke(app, shlex.split(line), input=stdin)
    ran[line] = (result.exit_code, result.stdout, result.stderr)
    return result.stdout

ran = {}
exec(sys.argv[1])
print(json.dumps(ran))
"""
"""Offers `run` to a script: it runs a command, without its first word, and returns what that printed to stdout."""


def run_in_one_process(folder: Path, script: str) -> dict[str, Ran]:
    """Run a script that may call `run` of RUN in a process of its own, and return what each command came to.

    For commands that close the test set, which then stays closed; together they import everything once.
    """
    command = [sys.executable, "-c", RUN, script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    ran = {line: Ran(*result) for line, result in json.loads(done.stdout).items()}
    for line, one in ran.items():
        commands.check_json(shlex.split(line), one.out)
    return ran


@pytest.fixture(scope="session")
def in_one_process() -> Callable[[Path, str], dict[str, Ran]]:
    """Return `run_in_one_process`."""
    return run_in_one_process
