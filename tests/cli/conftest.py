"""Commands run over studies made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import handmade
from search.errors import StudyNotFoundError
from search.records import StudyRecord


class Cli:
    """Runs commands in this process; `studies` are what they find, the last one the latest."""

    def __init__(self) -> None:
        self.studies: dict[str, StudyRecord] = {"conv-0": handmade.mixed()}

    def __call__(self, *arguments: str, stdin: str | None = None, columns: int | None = None) -> Result:
        from mnist_bench.cli.app import app

        environment = {"COLUMNS": str(columns)} if columns else {}
        return CliRunner().invoke(app, list(arguments), input=stdin, env=environment)

    def open_study(self, results: Path, name: str | None, storage: str | None = None) -> StudyRecord:
        """Stand in for `search.study.open_study`."""
        name = list(self.studies)[-1] if name is None else name
        if name not in self.studies:
            raise StudyNotFoundError(f"No study {name} in {results}.")
        return self.studies[name]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Return a runner in an empty folder."""
    runner = Cli()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    monkeypatch.setattr("search.study.open_study", runner.open_study)
    return runner
