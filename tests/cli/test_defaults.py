"""Commands and functions with defaults that were set once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import mnist_bench
from mnist_bench.doctor import machine_checks
from mnist_bench.searches.config import SearchConfig
from support import canned

Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def project(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work with studies in runs/, and three workers."""
    monkeypatch.setenv("MNIST_BENCH_RESULTS", "runs")
    monkeypatch.setenv("MNIST_BENCH_WORKERS", "3")
    shutil.copytree(canned.studies() / "finished", Path("runs", "finished"))


def names(shown: Result) -> list[str]:
    return [study["study"] for study in json.loads(shown.stdout)["studies"]]


def test_an_option_comes_before_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(cli("studies", "--json")) == ["finished"]
    monkeypatch.setenv("MNIST_BENCH_RESULTS", "elsewhere")
    assert names(cli("studies", "--json")) == []
    assert names(cli("studies", "--json", "--results", "runs")) == ["finished"]
    assert "finished" in cli("--results", "runs", "studies").stdout


def test_functions_and_searches_follow_the_same_folder_and_an_argument_comes_before_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [study.name for study in mnist_bench.studies()] == ["finished"]
    assert mnist_bench.studies(results="results") == []
    assert mnist_bench.open_study("conv-0").files.path == Path("runs", "conv-0")
    asked: list[SearchConfig] = []
    monkeypatch.setattr("mnist_bench.cli.search._preview", asked.append)
    for words in ((), ("--workers", "1", "--results", "mine")):
        assert cli("search", "smoke", "--dry-run", *words).exit_code == 0
    assert [(config.processes, config.folder) for config in asked] == [(3, Path("runs")), (1, Path("mine"))]


@pytest.mark.parametrize("text", ["0", "-3", "1e9", "two", "12345678"])
def test_a_fault_is_one_sentence_and_help_needs_no_variable(
    cli: Cli, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_BENCH_WORKERS", text)
    refused = cli("search", "smoke", "--dry-run")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == f"Error: MNIST_BENCH_WORKERS={text}: give an integer of at least 1.\n"
    assert cli("search", "--help").exit_code == 0


def test_doctor_names_what_is_in_force_and_from_where() -> None:
    found = machine_checks.defaults(Path("mine"))
    assert [finding.text for finding in found] == ["results: mine (--results).", "workers: 3 (MNIST_BENCH_WORKERS)."]
