"""`mnist-bench search --memory`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from mnist_bench.cli.help import _with_values
from support.copies import Ran

LINE = (
    "search smoke --set subset=1000 --set epochs=1 --set periods=null --set seeds=configuration --trials 2 "
    "--executor in-process --set precision=fp32 --device cpu"
)
SCRIPT = f"""
for options in ("", "--results first --memory", "--results second --memory first/_memory"):
    run("{LINE} " + options)
run("leaderboard --results second --json")
run("show smoke-0 --results second --json")
"""


@pytest.mark.slow
def test_it_prints_what_was_taken(tmp_path: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]) -> None:
    without, first, second, board, shown = in_one_process(tmp_path, SCRIPT).values()
    assert [ran.code for ran in (without, first, second)] == [0, 0, 0]
    assert "memory" not in without.out
    assert line(first, "Taken") == (
        "Taken from the memory of trainings: 0 of 2 reporting intervals, 0.0% of the training by its cost."
    )
    assert line(second, "Taken") == (
        "Taken from the memory of trainings: 2 of 2 reporting intervals, 100.0% of the training by its cost."
    )
    assert line(first, "digest") == line(second, "digest") == line(without, "digest")
    taken = {"periods": 2, "of": 2, "share": 1.0}
    (study,) = json.loads(board.out)["studies"]
    assert study["remembered"] == json.loads(shown.out)["remembered"] == taken


def line(ran: Ran, first: str) -> str:
    (found,) = [line for line in " ".join(ran.out.split("\n  ")).splitlines() if line.startswith(first)]
    return found


def test_it_is_for_networks(cli: Cli) -> None:
    result = cli("search", "mine.yaml", "--objective", "mine.py:objective", "--memory")
    assert result.exit_code == 2
    assert "--memory: only for networks, not with --objective or --command." in result.stderr


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("", ""),
        ("conv --memory", "conv --memory="),
        ("conv --memory --seed 1", "conv --memory= --seed 1"),
        ("conv --memory folder --seed 1", "conv --memory folder --seed 1"),
        ("conv --memory=folder", "conv --memory=folder"),
        ("--memory conv", "--memory conv"),
    ],
)
def test_its_folder_may_be_left_out(words: str, read: str) -> None:
    assert list(_with_values(words.split(), {"--memory"})) == read.split()


def test_the_help_shows_that_it_may(cli: Cli) -> None:
    assert "--memory [DIR]" in cli("search", "--help", columns=120).stdout


def test_a_word_that_it_took_for_the_folder_is_missed(cli: Cli) -> None:
    result: Any = cli("search", "--memory", "conv")
    assert result.exit_code == 2
    assert "SPACE" in result.stderr
