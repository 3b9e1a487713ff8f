"""All commands: each is explained, works, prints its data with --json, and fails in a sentence."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import Result

from mnist_bench.cli.app import app
from mnist_bench.cli.help import HelpEntry, HelpPage
from support import canned
from support.commands import COMMANDS, command_of
from support.sources import refuse

Cli = Callable[..., Result]
ROOT = get_command(app)
WITH_JSON = [name for name, command in COMMANDS.items() if "--json" in {o for p in command.params for o in p.opts}]
READ = {
    "compare": "compare conv-0/0 conv-0/1",
    "leaderboard": "leaderboard",
    "plot": "plot conv-0 history",
    "show": "show conv-0/1",
    "space list": "space list",
    "space show": "space show smoke",
    "studies": f"studies --results {canned.CONFIRMED.parent}",
}
"""A line for each command that reads, and has something to read here; the others train, measure, or take long."""
FAIL = {
    "ablate": (3, "ablate nosuch"),
    "bench ladder": (2, "bench ladder nosuch"),
    "bench notebook": (2, "bench notebook nosuch"),
    "bench search": (2, "bench search --tables nosuch"),
    "compare": (3, "compare conv-0 nosuch"),
    "confirm": (3, "confirm nosuch"),
    "doctor": (3, "doctor nosuch"),
    "export": (3, "export nosuch --to here"),
    "leaderboard": (3, "leaderboard conv-0 nosuch"),
    "plot": (3, "plot nosuch history"),
    "predict": (3, "predict nosuch a.png"),
    "report": (3, "report nosuch"),
    "reproduce": (3, "reproduce nosuch/3"),
    "search": (2, "search nosuch"),
    "show": (3, "show nosuch/3"),
    "space list": (2, "space list nosuch"),
    "space show": (2, "space show nosuch"),
    "studies": (2, "studies --nosuch"),
    "studies remove": (3, "studies remove nosuch --yes"),
    "train": (2, "train nosuch"),
}


@pytest.mark.parametrize("name", READ)
def test_a_command_works_and_its_json_is_what_it_shows(cli: Cli, name: str) -> None:
    plain = cli(*READ[name].split())
    assert plain.exit_code == 0, plain.stderr
    if name in WITH_JSON:
        document = json.loads(cli(*READ[name].split(), "--json").stdout)  # whose keys `cli` looks up
        assert words_of(document) & words_in(plain.output)


def words_of(document: Any) -> set[str]:
    """Return all texts and numbers in a document."""
    if isinstance(document, dict | list):
        inner = document.values() if isinstance(document, dict) else document
        return set().union(*map(words_of, inner)) if inner else set()
    return words_in(str(document))


def words_in(text: str) -> set[str]:
    return set(re.findall(r"[\w./-]{4,}", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_fails_in_a_sentence_which_json_holds(cli: Cli, name: str) -> None:
    code, line = FAIL[name]
    failed = cli(*line.split())
    *usage, sentence = failed.stderr.splitlines()
    assert (failed.exit_code, failed.stdout) == (code, "")
    assert re.fullmatch(r"Error: .*nosuch.*", sentence)
    assert not usage or usage[0].startswith("Usage: ")
    if name in WITH_JSON:
        as_json = cli(*line.split(), "--json")
        error = json.loads(as_json.stdout)["error"]
        assert (as_json.exit_code, error["exit_code"], as_json.stderr) == (code, code, failed.stderr)
        assert sentence == f"Error: {error['message']}"


def page_of(words: str) -> HelpPage:
    """Return the page of a command, of a group, or of the whole program."""
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


def test_every_argument_option_and_command_is_explained_in_whole_sentences() -> None:
    refuse(
        f"{command}: {entry.name}"
        for command in COMMANDS
        for entry in entries(page_of(command))
        if not re.fullmatch(r"[A-Z].*\.", entry.about, re.DOTALL)
    )


def test_each_command_has_examples_that_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.nets.own_net.load_code", lambda name: None)
    for command in COMMANDS:
        examples = page_of(command).examples.splitlines()
        assert len(examples) >= 2, command
        for line in examples:
            program, *words = shlex.split(line.partition(" > ")[0], comments=True)
            assert (program, " ".join(command_of(words))) == ("mnist-bench", command)
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


def test_options_stand_in_groups_with_their_defaults_and_examples_at_the_end(cli: Cli) -> None:
    page, lines = page_of("search"), cli("search", "--help", columns=80).stdout.splitlines()
    headings = [line.removesuffix(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*page.sections, "Examples"]
    found = {entry.name.split()[0].rstrip(","): entry.text for entry in entries(page)}
    assert found["-n"].endswith("[default: 50]")
    assert found["--workers"].endswith("[default: $MNIST_BENCH_WORKERS, else one per core, or one on a GPU]")
    assert "default" not in found["--dry-run"]
    assert {entry.name: entry.required for entry in entries(page_of("export"))}["--to DIR"]


@pytest.mark.parametrize("columns", [60, 79, 130])
@pytest.mark.parametrize("command", ["search", "export"])
def test_help_is_as_wide_as_the_terminal_and_breaks_at_no_hyphen(cli: Cli, command: str, columns: int) -> None:
    page = cli(command, "--help", columns=columns).stdout.partition("Examples:")[0]  # which are not broken
    assert columns - 20 < max(map(len, page.splitlines())) <= columns
    assert not re.search(r"\w-\n", page)


@pytest.mark.parametrize("words", ["-v show conv-0", "show conv-0 --verbose", "space list -v", "space -v list"])
def test_verbose_stands_anywhere(cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("made up")

    for name in ("mnist_bench.cli.show.open_target", "mnist_bench.space_files.space_sources.shipped"):
        monkeypatch.setattr(name, fails)
    assert "Traceback" in cli(*words.split()).stderr
    assert "Traceback" not in cli("show", "conv-0").stderr
