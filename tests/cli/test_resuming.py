"""This command line once more: which of its words are repeated, and which are not shown."""

from __future__ import annotations

import pytest

from mnist_bench.cli import resuming

PASSWORDS = [
    "postgresql://me:word@host/db",
    "postgresql://me:pa/s@:word@host/db",
    "postgresql://host/db?user=me&password=word",
]
FILE = "sqlite:///a b.db"


@pytest.fixture(autouse=True)
def no_storage_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)


@pytest.mark.parametrize("storage", [PASSWORDS[0], "sqlite:///x.db"])
def test_what_the_environment_tells_needs_no_option(monkeypatch: pytest.MonkeyPatch, storage: str) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", storage)
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml"])
    assert resuming.this_command(storage) == ["  mnist-bench search 'my conv.yaml'"]


@pytest.mark.parametrize("storage", PASSWORDS)
@pytest.mark.parametrize("spelling", [["--storage", "{}"], ["--storage={}"]])
def test_a_password_is_kept_and_the_reader_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, spelling: list[str], storage: str
) -> None:
    earlier = "--storage=postgresql://me:word@elsewhere/db"  # the last one counts
    typed = [part.format(storage) for part in spelling]
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml", earlier, *typed, "-n", "50"])
    command, hint = resuming.this_command(storage)
    assert command == "  mnist-bench search 'my conv.yaml' -n 50"
    assert "the same --storage" in hint
    assert "word@" not in hint


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
