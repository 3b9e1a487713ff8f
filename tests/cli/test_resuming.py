"""This command line once more: which of its words are repeated, and which are not shown."""

from __future__ import annotations

import pytest

from mnist_bench.cli import resuming

FILE = "sqlite:///a b.db"


@pytest.fixture(autouse=True)
def no_storage_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)


def test_what_the_environment_tells_needs_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", FILE)
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml"])
    assert resuming.this_command(FILE) == ["  mnist-bench search 'my conv.yaml'"]


@pytest.mark.parametrize(
    ("words", "storage", "study", "command"),
    [
        (["search", "my conv.yaml", "--data-dir", "my data"], None, None, "search 'my conv.yaml' --data-dir 'my data'"),
        (["search", "a", "--storage", FILE, "-n", "5"], FILE, None, f"search a -n 5 --storage '{FILE}'"),
        (["search", "a", f"--storage={FILE}", "-n", "5"], FILE, None, f"search a -n 5 --storage '{FILE}'"),
        (["confirm", "--budget", "5s", "--no-test"], None, "conv-0", "confirm conv-0 --budget 5s --no-test"),
        (["-v", "ablate", "--results", "my runs"], None, "conv-0", "-v ablate conv-0 --results 'my runs'"),
    ],
)
def test_this_command_reads_as_it_was_typed_and_names_the_study_that_was_the_latest(
    monkeypatch: pytest.MonkeyPatch, words: list[str], storage: str | None, study: str | None, command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["x", *words])
    assert resuming.this_command(storage, study) == [f"  mnist-bench {command}"]
