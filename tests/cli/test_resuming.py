"""This command line once more: which of its words are repeated, and which are not shown."""

from __future__ import annotations

import pytest

from mnist_bench.cli import resuming

PASSWORDS = [
    "postgresql://me:word@host/db",
    "postgresql://me:pa/s@:word@host/db",
    "postgresql://host/db?user=me&password=word",
]


@pytest.fixture(autouse=True)
def no_storage_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml", *words])


@pytest.mark.parametrize("storage", PASSWORDS)
def test_the_reader_is_told_of_a_storage_that_holds_a_password(storage: str) -> None:
    (line,) = resuming.hint(storage)
    assert "the same --storage" in line
    assert "word@" not in line


@pytest.mark.parametrize("storage", [PASSWORDS[0], "sqlite:///x.db"])
def test_what_the_environment_tells_needs_no_option(monkeypatch: pytest.MonkeyPatch, storage: str) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", storage)
    typed(monkeypatch)
    assert resuming.this_command(storage) == ["  mnist-bench search 'my conv.yaml'"]


def test_this_command_reads_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "--trials", "50", "--data-dir", "my data")
    assert resuming.this_command(None) == ["  mnist-bench search 'my conv.yaml' --trials 50 --data-dir 'my data'"]


@pytest.mark.parametrize("storage", PASSWORDS)
@pytest.mark.parametrize("spelling", [["--storage", "{}"], ["--storage={}"]])
def test_this_command_keeps_a_password_to_itself(
    monkeypatch: pytest.MonkeyPatch, spelling: list[str], storage: str
) -> None:
    earlier = "--storage=postgresql://me:word@elsewhere/db"  # the last one counts
    typed(monkeypatch, earlier, *(part.format(storage) for part in spelling), "-n", "50")
    command, hint = resuming.this_command(storage)
    assert command == "  mnist-bench search 'my conv.yaml' -n 50"
    assert [hint] == resuming.hint(storage)


@pytest.mark.parametrize("spelling", [["--storage", "sqlite:///a b.db"], ["--storage=sqlite:///a b.db"]])
def test_this_command_repeats_a_storage_without_a_password(
    monkeypatch: pytest.MonkeyPatch, spelling: list[str]
) -> None:
    typed(monkeypatch, *spelling, "-n", "50")
    assert resuming.this_command("sqlite:///a b.db") == [
        "  mnist-bench search 'my conv.yaml' -n 50 --storage 'sqlite:///a b.db'"
    ]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["confirm", "--budget", "5s", "--no-test"], "confirm conv-0 --budget 5s --no-test"),
        (["-v", "ablate", "--results", "my runs"], "-v ablate conv-0 --results 'my runs'"),
    ],
)
def test_a_study_that_was_the_latest_is_named_for_later(
    monkeypatch: pytest.MonkeyPatch, words: list[str], command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["x", *words])
    assert resuming.this_command(None, "conv-0") == [f"  mnist-bench {command}"]
