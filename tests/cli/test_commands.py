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
from support.commands import COMMANDS, GROUPS, command_of
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
    "bench search": (2, "bench search --table nosuch"),
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
SIGNS = re.compile(r"<\w|\brange>|<=x|\(default|[Ll]eft out|\[\[|\]\]|\{|\.\.\.\.|\.\.\.\]")
"""What no help shows: types, bounds as formulas, defaults in the text, brackets within brackets."""
IMPERATIVE = {
    "Check", "Classify", "Compare", "Describe", "Draw", "Examine", "Export", "List", "Log", "Measure", "Rank",
    "Remove", "Retrain", "Run", "Show", "Train", "Try", "Write",
}  # fmt: skip
"""First words of the summaries."""


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


def faults_of(page: HelpPage) -> Iterator[str]:
    """Yield what is not plain in a page."""
    summary, listed = page.paragraphs[0], [*entries(page)]
    if summary.split()[0] not in IMPERATIVE or not re.fullmatch(r"[^.]{1,99}(\d\.\d[^.]*)*\.", summary):
        yield f"no short imperative sentence: {summary}"
    texts = [page.usage, *(text for entry in listed for text in (entry.name, entry.text))]
    yield from (f"shows a sign: {text}" for text in texts if SIGNS.search(text))
    yield from (f"no sentence: {e.name}" for e in listed if not re.fullmatch(r"[A-Z].*\.", e.about, re.DOTALL))


def test_each_commands_help_is_plain() -> None:
    refuse(f"{command}: {fault}" for command in COMMANDS for fault in faults_of(page_of(command)))


def test_each_command_has_examples_that_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.own_nets.own_net.load_code", lambda name: None)
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


def test_options_stand_in_groups_and_examples_at_the_end(cli: Cli) -> None:
    lines = cli("search", "--help", columns=80).stdout.splitlines()
    assert lines[0].endswith("search [OPTIONS] SPACE")
    headings = [line.removesuffix(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*page_of("search").sections, "Examples"]
    running = lines[lines.index("Where it runs:") : lines.index("Files and data:")]
    for option in ("--workers", "--device", "--executor"):
        assert any(line.startswith(f"  {option} ") for line in running)
    assert len([line for line in lines if line.startswith("  mnist-bench search ")]) == 6


@pytest.mark.parametrize("group", ["", *sorted(GROUPS)])
def test_a_group_lists_its_commands_with_whole_sentences_as_wide_as_the_terminal(cli: Cli, group: str) -> None:
    text = cli(*group.split(), "--help", columns=60).stdout
    listed = [*entries(page_of(group))]
    assert all(entry.about in " ".join(text.split()) for entry in listed)
    below = {
        words.removeprefix(group).split()[0] for words in {*COMMANDS, *GROUPS} if words.startswith(f"{group} ".lstrip())
    }
    assert below <= {entry.name.split()[0] for entry in listed}
    assert width_of(text) <= 60
    if not group:
        assert {*page_of("").sections} == {"Options", "Search", "Inspect", "Verify", "Use the model", "Benchmark"}


def width_of(text: str) -> int:
    """Return the width of a help page without its examples, which are not broken."""
    return max(map(len, text.partition("Examples:")[0].splitlines()))


def test_help_is_as_wide_as_the_terminal_and_breaks_at_no_hyphen(cli: Cli) -> None:
    widths = [width_of(cli("search", "--help", columns=columns).stdout) for columns in (70, 130)]
    assert 60 < widths[0] <= 70
    assert 110 < widths[1] <= 130
    for columns in range(60, 100, 7):
        assert not re.search(r"\w-\n", cli("export", "--help", columns=columns).stdout)


def test_defaults_are_behind_the_text() -> None:
    found = {entry.name.split()[0].rstrip(","): entry for entry in entries(page_of("search"))}
    assert found["-n"].text.endswith("[default: 50]")
    assert found["--workers"].text.endswith("[default: one per core, or one on a GPU, unless you set another number]")
    assert found["--gpus-per-worker"].text.endswith("[default: 0]")
    assert "default" not in found["--dry-run"].text
    assert {entry.name: entry.required for entry in entries(page_of("export"))}["--to DIR"]
    for needed in (".npz file with the arrays x_train, y_train, x_test and y_test", "train/CLASS/*.png", "IDX files"):
        assert needed in found["--data"].about


@pytest.mark.parametrize(
    "words",
    ["-v show conv-0", "show -v conv-0", "show conv-0 --verbose", "space list -v", "space -v list"],
)
def test_verbose_stands_anywhere(cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("made up")

    for name in ("mnist_bench.cli.targets.open_target", "mnist_bench.space_files.space_sources.shipped"):
        monkeypatch.setattr(name, fails)
    assert "Traceback" in cli(*words.split()).stderr
    assert "Traceback" not in cli("show", "conv-0").stderr
