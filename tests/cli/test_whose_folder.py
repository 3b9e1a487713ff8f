"""A study in a shared database beside a folder of its name that holds another study's files: nothing is mixed up."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mnist_bench
from mnist_bench.cli.app import app
from search.database.engines import sqlite_url
from search.errors import UsageError
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import canned
from support.paths import DATABASE

REFUSAL = "results/finished holds files of another study of this name; name the folder of this one with --results."


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a team's database with the study `finished`; in results/finished another study lies, confirmed."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(canned.CONFIRMED, tmp_path / "results" / "finished")
    shutil.copytree(canned.studies() / "finished", tmp_path / "team")
    shutil.copytree(canned.studies() / "finished", tmp_path / "backup" / "finished")
    return sqlite_url(tmp_path / "team" / DATABASE)


def contents(folder: Path) -> Mapping[Path, bytes]:
    # What SQLite keeps beside a database that is read is not the commands'.
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-shm" not in path.name}


@pytest.mark.parametrize(
    "command",
    [
        "export finished --confirmed --to taken",
        "report finished",
        "report finished --output page.html",
        "plot finished history",
        "confirm finished --no-test",
        "ablate finished",
        "predict finished digit.png",
    ],
)
def test_a_command_that_needs_the_folder_refuses_the_one_of_another_study(command: str, url: str) -> None:
    before = contents(Path("results"))
    Path("digit.png").touch()
    refused = CliRunner().invoke(app, [*command.split(), "--storage", url])
    assert (refused.exit_code, refused.stderr) == (2, f"Error: {REFUSAL}\n")
    assert contents(Path("results")) == before
    assert not Path("taken").exists()


@pytest.mark.parametrize("command", ["leaderboard finished", "show finished"])
def test_a_command_that_reads_the_database_leaves_that_folder_out(command: str, url: str) -> None:
    before = contents(Path("results"))
    shown = CliRunner().invoke(app, [*command.split(), "--storage", url])
    alone = CliRunner().invoke(app, [*command.split(), "--storage", url, "--results", "nowhere"])
    assert (shown.exit_code, alone.exit_code) == (0, 0)
    assert shown.stdout == alone.stdout.replace(" --results nowhere", "")
    assert contents(Path("results")) == before


def test_from_python_a_study_keeps_the_folder_that_it_was_read_from(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[StoredStudy] = []

    def run(study: StoredStudy, *_: object) -> StoredStudy:
        asked.append(study)
        return study

    for name in ("confirm.confirming.confirm_study", "ablation.ablate.ablate_study"):
        monkeypatch.setattr(f"mnist_bench.experiments.{name}", run)
    study = mnist_bench.open_study("finished", results="backup")
    mnist_bench.confirm(study)
    mnist_bench.ablate(study, 6)
    assert [each.files for each in asked] == [StudyFolder(Path("backup/finished"))] * 2
    with pytest.raises(UsageError, match=r"^results/finished holds files of another study of this name;"):
        mnist_bench.confirm(study, results="results")
    with pytest.raises(UsageError, match=r"^results/finished holds files of another study of this name;"):
        mnist_bench.confirm(mnist_bench.open_study("finished", storage=url))
    assert len(asked) == 2
