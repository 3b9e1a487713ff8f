"""`mnist-bench doctor STUDY --cut`, and every command that reads a study whose log is damaged."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import Result

from search.study import studies
from search.study.folder import StudyFolder
from support import search_fake as fake
from support.paths import DATABASE

Cli = Callable[..., Result]
DAMAGED = "Event 9 of study fake-0 is damaged; `mnist-bench doctor fake-0 --cut` keeps the events before it."


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two studies, of which the log of one is damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    for name in ("whole-0", "fake-0"):
        fake.run(folder, budget=6, name=name)
    with closing(sqlite3.connect(folder / "fake-0" / DATABASE)) as database, database:
        database.execute("UPDATE search_events SET payload = replace(payload, '0', '1') WHERE seq = 9")
    return folder


@pytest.fixture
def damaged(results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Cli) -> Cli:
    """Return a runner where these studies are."""
    monkeypatch.undo()  # of the studies made by hand
    monkeypatch.chdir(tmp_path)
    shutil.copytree(results, "results")
    return cli


@pytest.mark.parametrize(
    "line",
    [
        "leaderboard", "leaderboard fake-0 --json", "leaderboard whole-0 fake-0", "show fake-0 --json", "show fake-0/0",
        "compare whole-0 fake-0", "plot fake-0", "report fake-0", "confirm fake-0", "reproduce fake-0",
        "export fake-0 --to winner", "search smoke --study-name fake-0 --workers 1",
    ],
)  # fmt: skip
def test_no_command_computes_anything_from_it(damaged: Cli, line: str) -> None:
    result = damaged(*line.split())
    assert (result.exit_code, result.stderr) == (1, f"Error: {DAMAGED}\n")
    assert result.stdout == "" or json.loads(result.stdout)["error"]["message"] == DAMAGED


def test_the_list_has_the_others(damaged: Cli) -> None:
    listed = {study["study"]: study["state"] for study in json.loads(damaged("studies", "--json").stdout)["studies"]}
    assert listed == {"fake-0": "unreadable", "whole-0": "finished"}


def test_a_cut_says_what_it_kept_and_what_comes_of_it(damaged: Cli) -> None:
    told = damaged("doctor", "fake-0")
    assert told.exit_code == 1
    assert f"problem   event log        {DAMAGED}" in told.stdout
    cut = damaged("doctor", "fake-0", "--cut")
    assert cut.exit_code == 0
    assert cut.stdout.startswith("repaired  event log        cut after event 8, which loses ")
    words = " ".join(cut.stdout.split())
    assert (
        " 16 reports will be trained again; the same search then ends with the digest of an undisturbed one." in words
    )
    assert " The damaged database is kept as results/fake-0/aside/study.db." in words
    assert len(studies.read_events(StudyFolder.of("fake-0", Path("results")))) == 9
    again = damaged("doctor", "fake-0", "--cut")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == "Error: The event log of study fake-0 is not damaged, so there is nothing to cut.\n"
