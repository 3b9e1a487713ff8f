"""Commands to type next: which options they repeat, and which they keep to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mnist_bench.cli import again
from mnist_bench.searches import SearchConfig
from support.commands import pasted

PASSWORDS = [
    "postgresql://me:word@host/db",
    "postgresql://me:pa/s@:word@host/db",
    "postgresql://host/db?user=me&password=word",
]


@pytest.fixture(autouse=True)
def no_storage_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)


def asked(**options: object) -> SearchConfig:
    return SearchConfig(space="conv", **options)  # type: ignore[arg-type]


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml", *words])


def test_what_is_left_at_its_default_is_not_repeated() -> None:
    assert again.options_of(asked(), again.TRAINING) == ""


def test_each_kind_of_command_gets_the_options_that_it_knows() -> None:
    given = asked(results=Path("my runs"), storage="sqlite:///a b.db", data_dir=Path("d'a"), device="cuda:1")
    reading = " --results 'my runs' --storage 'sqlite:///a b.db'"
    assert again.options_of(given, again.READING) == reading
    assert again.options_of(given, again.DRAWING) == reading + """ --data 'd'"'"'a'"""
    assert again.options_of(given, again.TRAINING).endswith(" --device cuda:1")
    assert again.hint(given.storage) == []


@given(storage=st.text(st.characters(exclude_characters="\0"), max_size=20).map(lambda text: f"sqlite:///{text}"))
def test_whatever_a_path_holds_is_one_word_of_the_shell(storage: str) -> None:
    shown = again.options_of(asked(storage=storage), again.READING)
    assert shown.isprintable()
    assert pasted(shown) in ([], ["--storage", storage])


@pytest.mark.parametrize("storage", PASSWORDS)
def test_a_password_is_not_repeated_and_the_reader_is_told(storage: str) -> None:
    assert again.options_of(asked(storage=storage, device="cpu"), again.TRAINING) == " --device cpu"
    (line,) = again.hint(storage)
    assert "the same --storage" in line
    assert "word@" not in line


@pytest.mark.parametrize("storage", [PASSWORDS[0], "sqlite:///x.db"])
def test_what_the_environment_tells_needs_no_option(monkeypatch: pytest.MonkeyPatch, storage: str) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", storage)
    typed(monkeypatch)
    assert again.options_of(asked(storage=storage), again.READING) == ""
    assert again.this_command(storage) == ["  mnist-bench search 'my conv.yaml'"]


def test_this_command_reads_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "--trials", "50", "--data-dir", "my data")
    assert again.this_command(None) == ["  mnist-bench search 'my conv.yaml' --trials 50 --data-dir 'my data'"]


@pytest.mark.parametrize("storage", PASSWORDS)
@pytest.mark.parametrize("spelling", [["--storage", "{}"], ["--storage={}"]])
def test_this_command_keeps_a_password_to_itself(
    monkeypatch: pytest.MonkeyPatch, spelling: list[str], storage: str
) -> None:
    earlier = "--storage=postgresql://me:word@elsewhere/db"  # the last one counts
    typed(monkeypatch, earlier, *(part.format(storage) for part in spelling), "-n", "50")
    command, hint = again.this_command(storage)
    assert command == "  mnist-bench search 'my conv.yaml' -n 50"
    assert [hint] == again.hint(storage)


@pytest.mark.parametrize("spelling", [["--storage", "sqlite:///a b.db"], ["--storage=sqlite:///a b.db"]])
def test_this_command_repeats_a_storage_without_a_password(
    monkeypatch: pytest.MonkeyPatch, spelling: list[str]
) -> None:
    typed(monkeypatch, *spelling, "-n", "50")
    assert again.this_command("sqlite:///a b.db") == [
        "  mnist-bench search 'my conv.yaml' -n 50 --storage 'sqlite:///a b.db'"
    ]


def test_a_command_goes_to_the_end_with_a_larger_budget_and_with_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["x", "confirm", "a", "--budget", "5s", "--no-test", "--results", "my runs"])
    assert again.to_the_end("90s", None) == "mnist-bench confirm a --results 'my runs' --budget 90s"
    monkeypatch.setattr("sys.argv", ["x", "confirm", "--budget=5s"])
    assert again.to_the_end(None, "sqlite:///b.db") == "mnist-bench confirm --storage sqlite:///b.db"
