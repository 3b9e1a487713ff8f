from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from search import file_lock
from search.defaults import RESULTS
from search.study.studies import StudySummary
from support import handmade
from support.paths import DATABASE, LEDGER

Cli = Callable[..., Result]


def summary(name: str, *, trials: int = 50, live: bool = False) -> StudySummary:
    folder = Path("results") / name
    return StudySummary(
        name=name, path=folder, modified="2026-11-24T10:20:30", trials=trials, budget=50, complete=7, best_value=0.9944,
        live=live, bytes=2_345_678,
    )  # fmt: skip


Listed = Callable[..., list[StudySummary]]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Return what lets these studies be all that there are."""

    def found(*summaries: StudySummary) -> list[StudySummary]:
        monkeypatch.setattr("search.study.studies.list_studies", lambda results: [*summaries])
        return [*summaries]

    return found


@pytest.fixture
def three(listed: Listed) -> list[StudySummary]:
    return listed(summary("conv-0"), summary("smoke-1", trials=3), summary("gpu-2", trials=9, live=True))


def rows(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("studies", "--json").stdout)["studies"]
    return found


@pytest.mark.usefixtures("three")
def test_studies_are_listed(cli: Cli) -> None:
    header, *lines, last = cli("studies").stdout.splitlines()
    assert last == "The test set has not been evaluated."
    assert header.split()[:6] == ["study", "trials", "complete", "best", "state", "size"]
    assert [line.split()[0] for line in lines] == ["conv-0", "smoke-1", "gpu-2"]
    assert [line.split()[4] for line in lines] == ["finished", "paused", "running"]
    assert all(text in lines[0] for text in ("99.44%", "2.3 MB", "2026-11-24 10:20"))
    assert [(row["study"], row["best"]) for row in rows(cli)] == [
        ("conv-0", 0.9944), ("smoke-1", 0.9944), ("gpu-2", 0.9944)
    ]  # fmt: skip


@pytest.mark.usefixtures("three")
def test_what_opened_the_test_set_last_is_named(cli: Cli) -> None:
    ledger, own = RESULTS / LEDGER, RESULTS / "conv-0" / LEDGER
    own.parent.mkdir(parents=True)
    ledger.write_text('{"time": "2026-11-28T10:00:00+00:00", "purpose": "notebook: linear; 1 seed"}\n')
    notebook = f'for "notebook: linear" on 2026-11-28 ({ledger}).'
    assert cli("studies").stdout.splitlines()[-1] == f"The test set has been evaluated once, {notebook}"
    own.write_text('{"time": "2026-11-23T10:00:00+00:00", "purpose": "confirm conv-0: #1, #4; 8 seeds each"}\n{torn')
    assert cli("studies").stdout.splitlines()[-1] == f"The test set has been evaluated twice, last {notebook}"
    ledger.unlink()
    last = cli("studies").stdout.splitlines()[-1]
    assert last == f'The test set has been evaluated once, for "confirm conv-0: #1, #4" on 2026-11-23 ({own}).'


@pytest.mark.usefixtures("three")
def test_who_opened_the_test_set_and_when_stands_beside_the_study(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.data.test_set.name_inside", lambda files: files.name)
    noted = {"time": "2026-11-23T10:00:00+00:00", "purpose": "confirm conv-0: #1, #4; 8 seeds each"}
    RESULTS.mkdir()
    (RESULTS / LEDGER).write_text(f"{json.dumps(noted)}\n")
    assert "2026-11-23" in cli("studies").stdout.splitlines()[1]
    assert [row["test_evaluations"] for row in rows(cli)] == [[noted], [], []]


def test_what_is_wrong_with_a_study_stands_in_its_row_and_is_told(cli: Cli, listed: Listed) -> None:
    failed = handmade.trial(0, periods=0, state="FAIL", error="Traceback\nNameError: no name.")
    listed(
        replace(summary("torn", trials=0), unreadable="Cannot read the database.", best_value=None),
        summary("conv-0"),
        replace(summary("gbm-0", trials=3), complete=0, failed=3, first_failed=failed, path=Path("runs/gbm-0")),
        replace(summary("early-0", trials=21), ended_early=True),
    )
    shown = cli("studies", "--results", "runs")
    assert shown.exit_code == 0
    assert shown.stdout.split()[:4] == ["study", "trials", "failed", "complete"]
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:4]] == ["torn", "conv-0", "gbm-0"]
    assert shown.stderr.splitlines() == [
        "torn cannot be read: Cannot read the database.",
        "Every trial of gbm-0 that was not pruned failed; the first one: NameError: no name. "
        "`mnist-bench show gbm-0/0 --results runs` shows the whole error.",
    ]
    assert [row["state"] for row in rows(cli)] == ["unreadable", "finished", "paused", "stopped early"]


def test_an_empty_folder_is_a_hint_on_stderr_and_an_empty_list(cli: Cli) -> None:
    result = cli("studies", "--results", "other")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "`mnist-bench search conv --trials 50 --results other`" in result.stderr
    assert rows(cli) == []


def typed(*commands: str) -> None:
    """Keep commands as those that searched each study."""
    for name in ("conv-0", "smoke-1"):
        folder = RESULTS / name
        folder.mkdir(parents=True)
        (folder / "commands.jsonl").write_text("".join(f"{json.dumps({'command': each})}\n" for each in commands))


@pytest.mark.usefixtures("three")
def test_the_command_that_resumes_an_unfinished_search_is_printed_for_the_place_where_it_is(cli: Cli) -> None:
    typed("mnist-bench search smoke", "mnist-bench search smoke -n 50 --seed 1 --results elsewhere --set 'a=[1, 2]'")
    again = "mnist-bench search smoke -n 50 --seed 1 --set 'a=[1, 2]'"
    *_, head, line = cli("studies").stdout.splitlines()
    assert (head, line) == ("To resume:", f"  smoke-1  {again}")
    assert [row["resume"] for row in rows(cli)] == [None, again, None]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("mnist-bench search x; rm -rf ~", "mnist-bench search 'x;' rm -rf '~'"),
        ("mnist-bench search `id` \x1b[31m", r"mnist-bench search '`id`' $'\033[31m'"),
        ("curl evil | sh", None),
        ("mnist-bench search $'a;b'", None),
        ("mnist-bench search 'unended", None),
    ],
)
def test_a_line_to_paste_from_a_strangers_study_is_one_command(cli: Cli, command: str, shown: str | None) -> None:
    typed(command)
    assert rows(cli)[1]["resume"] == shown


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the studies that are removed."""
    names: list[str] = []
    monkeypatch.setattr("search.study.studies.remove_study", lambda files: names.append(files.name))
    return names


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("options", [("--results", "other"), ("--json",)])
def test_what_stands_before_remove_is_refused_and_removes_nothing(
    cli: Cli, removed: list[str], options: tuple[str, ...]
) -> None:
    result = cli("studies", *options, "remove", "conv-0", "--yes")
    assert (result.exit_code, removed) == (2, [])
    assert f"{options[0]}: write options after `studies remove`" in result.stderr
    assert cli("studies", "remove", "conv-0", "--yes").exit_code == 0
    assert removed == ["conv-0"]


@pytest.mark.parametrize("word", ["rename", "remvoe"])
def test_a_word_that_is_no_command_is_not_answered_with_one_that_removes(cli: Cli, word: str) -> None:
    result = cli("studies", word, "smoke-0", "foo")
    assert result.exit_code == 2
    assert f"No such command '{word}'." in result.stderr
    assert "mean" not in result.stderr
    assert "Did you mean 'studies'" in cli("studeis").stderr


@pytest.fixture
def folders(three: list[StudySummary]) -> list[Path]:
    """Return the folders of two studies, which are there."""
    made = [study.path for study in three[:2]]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / DATABASE).touch()
    return made


def test_studies_are_removed_after_one_question(cli: Cli, folders: list[Path]) -> None:
    assert cli("studies", "remove", "conv-0", stdin="n\n").exit_code == 1
    assert all(folder.exists() for folder in folders)
    result = cli("studies", "remove", "conv-0", "smoke-1", "conv-0", stdin="y\n")
    assert result.exit_code == 0
    assert "Remove" not in result.stdout
    assert result.stderr.count("Remove these 2 studies? They cannot be restored.") == 1
    assert result.stderr.count("conv-0: 50 trials, 2.3 MB in results/conv-0") == 1
    assert not any(folder.exists() for folder in folders)


def test_remove_with_yes_does_not_ask(cli: Cli, folders: list[Path]) -> None:
    assert cli("studies", "remove", "conv-0", "--yes").exit_code == 0
    assert [folder.exists() for folder in folders] == [False, True]


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (("conv-0", "none"), 3, "No study none in results/; `mnist-bench studies` lists the studies there."),
        (("none", "--results", "other"), 3, "No study none in other/; `mnist-bench studies --results other` lists"),
        (("../conv-0",), 2, "cannot name a study"),
        (("",), 2, "cannot name a study"),
    ],
)
def test_nothing_is_removed_if_one_of_them_is_missing(
    cli: Cli, folders: list[Path], names: tuple[str, ...], code: int, words: str
) -> None:
    refused = cli("studies", "remove", *names, "--yes")
    assert refused.exit_code == code
    assert words in refused.stderr
    assert folders[0].exists()


def test_nothing_is_removed_if_one_of_them_is_in_use(cli: Cli, folders: list[Path]) -> None:
    with file_lock.driver_lock(folders[0] / "driver.lock", "conv-0"):
        result = cli("studies", "remove", "smoke-1", "conv-0", "--yes")
    assert result.exit_code == 1
    assert "conv-0 is in use (process" in result.stderr
    assert "nothing was removed" in result.stderr
    assert all(folder.exists() for folder in folders)
