"""The help of every command: groups, defaults, examples, the terminal's width, and --verbose anywhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import Result

from mnist_bench.cli.app import app
from mnist_bench.cli.help import HelpEntry, HelpPage
from support.commands import COMMANDS, command_of

Cli = Callable[..., Result]
ROOT = get_command(app)
SIGNS = re.compile(r"<\w|\brange>|<=x|\(default|[Ll]eft out|\[\[|\]\]|\{|\.\.\.\.|\.\.\.\]")
"""What no help shows: types, bounds as formulas, defaults in the text, brackets within brackets."""
IMPERATIVE = {
    "Check", "Classify", "Compare", "Describe", "Draw", "Examine", "Export", "List", "Log", "Measure", "Rank",
    "Remove", "Retrain", "Run", "Show", "Train", "Try", "Write",
}  # fmt: skip
"""First words of the summaries."""


def page_of(words: str) -> HelpPage:
    """Return the page of a command, or of the whole program."""
    context = ROOT.make_context("mnist-bench", [], resilient_parsing=True)
    command: Any = ROOT
    for word in words.split():
        command = command.commands[word]
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    page: HelpPage = command.page(context)
    return page


def entries(page: HelpPage) -> Iterator[HelpEntry]:
    for section in page.sections.values():
        yield from section


def test_options_stand_in_groups_and_examples_at_the_end(cli: Cli) -> None:
    lines = cli("search", "--help", columns=80).stdout.splitlines()
    assert lines[0].endswith("search [OPTIONS] SPACE")
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Arguments:", "Options:", "Budget and stopping:", "Reproducibility:",
        "Sampler and pruner (override the space file):", "Where it runs:", "Files and data:",
        "Your own function or program (instead of networks):", "Output:", "Examples:",
    ]  # fmt: skip
    running = lines[lines.index("Where it runs:") : lines.index("Files and data:")]
    for option in ("--workers", "--device", "--executor"):
        assert any(line.startswith(f"  {option} ") for line in running)
    assert len([line for line in lines if line.startswith("  mnist-bench search ")]) == 6


def test_the_program_lists_its_commands_in_groups(cli: Cli) -> None:
    text = cli("--help", columns=100).stdout
    for heading, command in (("Search", "search"), ("Inspect", "leaderboard"), ("Verify", "confirm")):
        assert re.search(rf"^{heading}:\n(  .+\n)*  {command} ", text, re.MULTILINE), heading
    assert {*page_of("").sections} == {"Options", "Search", "Inspect", "Verify", "Use the model", "Benchmark"}


@pytest.mark.parametrize("group", [(), ("bench",), ("space",), ("studies",)])
def test_sentences_about_commands_are_whole(cli: Cli, group: tuple[str, ...]) -> None:
    text = cli(*group, "--help", columns=60).stdout
    for entry in entries(page_of(" ".join(group))):
        assert entry.about in " ".join(text.split())
    assert width_of(text) <= 60


@pytest.mark.parametrize("command", COMMANDS)
def test_a_summary_is_one_imperative_sentence(command: str) -> None:
    summary = page_of(command).paragraphs[0]
    assert summary.split()[0] in IMPERATIVE
    assert re.fullmatch(r"[^.]+(\d\.\d[^.]*)*\.", summary), summary
    assert len(summary) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_plain(command: str) -> None:
    page = page_of(command)
    texts = [page.usage, *(entry.name for entry in entries(page)), *(entry.text for entry in entries(page))]
    assert [text for text in texts if SIGNS.search(text)] == []
    assert [entry.name for entry in entries(page) if not re.fullmatch(r"[A-Z].*\.", entry.about, re.DOTALL)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_examples_that_parse(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.own_nets.own_net.load_code", lambda name: None)
    examples = page_of(command).examples.splitlines()
    assert len(examples) >= 2
    for line in examples:
        program, *words = shlex.split(line.partition(" > ")[0], comments=True)
        assert program == "mnist-bench"
        assert " ".join(command_of(words)) == command
        assert parsed(words), line


def parsed(words: list[str]) -> dict[str, Any]:
    """Return the values that a command gets for words; an error if it does not understand them."""
    context = ROOT.make_context("mnist-bench", words, allow_interspersed_args=False)
    command, rest = ROOT, words
    while rest and (inner := getattr(command, "commands", {}).get(rest[0])):
        command, rest = inner, rest[1:]
        context = command.make_context(command.name, [*rest], parent=context)
    values: dict[str, Any] = context.params
    return values


def width_of(text: str) -> int:
    """Return the width of a help page without its examples, which are not broken."""
    return max(map(len, text.partition("Examples:")[0].splitlines()))


def test_help_is_as_wide_as_the_terminal(cli: Cli) -> None:
    widths = [width_of(cli("search", "--help", columns=columns).stdout) for columns in (70, 130)]
    assert 60 < widths[0] <= 70
    assert 110 < widths[1] <= 130


def test_nothing_breaks_at_a_hyphen(cli: Cli) -> None:
    for columns in range(60, 100, 7):
        assert not re.search(r"\w-\n", cli("export", "--help", columns=columns).stdout)


def test_defaults_are_behind_the_text() -> None:
    found = {entry.name.split()[0].rstrip(","): entry.text for entry in entries(page_of("search"))}
    assert found["-n"].endswith("[default: 50]")
    assert found["--workers"].endswith("[default: one per core, or one on a GPU, unless you set another number]")
    assert found["--gpus-per-worker"].endswith("[default: 0]")
    assert "default" not in found["--dry-run"]
    assert {entry.name: entry.required for entry in entries(page_of("export"))}["--to DIR"]


def test_data_names_the_arrays_and_the_kinds_of_folder() -> None:
    (about,) = [entry.about for entry in entries(page_of("search")) if entry.name.startswith("--data,")]
    for needed in (".npz file with the arrays x_train, y_train, x_test and y_test", "train/CLASS/*.png", "IDX files"):
        assert needed in about


@pytest.mark.parametrize("words", [("-v", "show", "conv-0"), ("show", "-v", "conv-0"), ("show", "conv-0", "--verbose")])
def test_verbose_stands_anywhere(cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("made up")

    monkeypatch.setattr("mnist_bench.cli.targets.open_target", fails)
    assert "Traceback" in cli(*words).stderr
    assert "Traceback" not in cli("show", "conv-0").stderr


def test_verbose_stands_behind_the_command_of_a_group(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("made up")

    monkeypatch.setattr("mnist_bench.space_files.space_sources.shipped", fails)
    for words in (("space", "list", "-v"), ("space", "-v", "list")):
        assert "Traceback" in cli(*words).stderr
