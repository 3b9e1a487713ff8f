"""Notes and tags on the command line, of a study that an earlier version searched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import mnist_bench
from support.paths import TESTS

Cli = Callable[..., Result]


@pytest.fixture
def study(cli: Cli) -> str:
    shutil.copytree(TESTS / "data" / "studies-3a8e64d" / "finished", Path("results", "finished"))
    return "finished"


def test_a_note_is_written_shown_and_removed(cli: Cli, study: str) -> None:
    assert cli("studies", "note", study).stderr == "finished has no note.\n"
    assert cli("studies", "note", study, "wider\n[red]rotation").stderr == "finished has a new note.\n"
    assert cli("studies", "note", study).stdout == "wider\n[red]rotation\n"
    assert mnist_bench.studies(match="WIDER")[0].note == "wider\n[red]rotation"
    assert cli("studies", "note", study, "").exit_code == 0
    assert cli("studies", "note", study).stdout == ""


def test_tags_are_added_shown_and_removed(cli: Cli, study: str) -> None:
    assert cli("studies", "tag", study).stderr == "finished has no tags.\n"
    assert cli("studies", "tag", study, "paper", "baseline").stdout == "baseline\npaper\n"
    assert cli("studies", "tag", study, "new", "--remove", "paper").stdout == "baseline\nnew\n"
    assert [each.tags for each in mnist_bench.studies(tags=["new"])] == [("baseline", "new")]
    assert mnist_bench.studies(tags=["paper"]) == []


@pytest.mark.parametrize("words", [("note", "none"), ("note", "none", "text"), ("tag", "none"), ("tag", "none", "new")])
def test_a_study_that_is_not_there_is_named(cli: Cli, study: str, words: tuple[str, ...]) -> None:
    result = cli("studies", *words)
    assert result.exit_code == 3
    assert "No study none in results/" in result.stderr
    assert not Path("results", "none").exists()


def test_what_is_no_tag_is_refused(cli: Cli, study: str) -> None:
    result = cli("studies", "tag", study, "two words")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'two words' cannot be a tag" in result.stderr
