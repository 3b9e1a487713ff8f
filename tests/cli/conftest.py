"""Commands run over studies made by hand in this process, and over real ones in one of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from search.errors import StudyNotFoundError
from search.study.studies import StoredStudy
from support import commands, handmade


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
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Yield a list of processes, which end with the test at the latest."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Return a runner in an empty folder."""
    runner = Cli()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.study.studies.open_study", runner.open_study)
    return runner
