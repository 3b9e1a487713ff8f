"""The pages cannot rot: the tests, commands, targets and files that they name are there, and the lessons run."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mnist_bench.space_files import space_sources
from support.commands import command_of, help_of, unknown_options
from support.paths import ROOT
from support.sources import SOURCES, found_in, nodes_of, refuse, text_of

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(
        ROOT / f"{name}.md"
        for name in ("README", "CONTRIBUTING", "SECURITY", "tests/README", "tests/FAULTS", "tests/PROMISES")
    ),
]
FAULTS = ROOT / "tests" / "FAULTS.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
BETWEEN_TICKS = r"(?:`|^ {{4}})({})(?=`|  |$)"
"""What stands between backticks, or where an indented line begins."""
TARGETS = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


def in_pages(pattern: str) -> list[tuple[Path, str, str]]:
    """Return (page, place, the first group) of all that matches a pattern; something has to."""
    found = [(page, where, text) for page in PAGES for where, text in found_in(page, pattern)]
    assert found, pattern
    return found


@pytest.mark.parametrize(
    ("pattern", "is_there"),
    [
        (BETWEEN_TICKS.format(r"[\w/]+/[\w/]+\.(?:py|md)"), lambda page, path: (ROOT / path).exists()),
        (r"`([\w/]*test_\w+\.py)(?:::\w+)?`", lambda page, path: (ROOT / path).exists()),
        (r"\]\(([^)#:]+)\)", lambda page, link: (page.parent / link).exists()),
        (BETWEEN_TICKS.format("make [a-z-]+"), lambda page, command: command.removeprefix("make ") in TARGETS),
    ],
    ids=["files", "tests", "links", "targets"],
)
def test_what_pages_name_is_there(pattern: str, is_there: Callable[[Path, str], bool]) -> None:
    refuse(f"{where}: {text}" for page, where, text in in_pages(pattern) if not is_there(page, text))


@cache
def functions_in(path: Path) -> set[str]:
    return {node.name for node in nodes_of(path) if isinstance(node, ast.FunctionDef)}


def faults_of(row: str) -> Iterator[str]:
    """Yield what is wrong with a row of the table of faults."""
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    if len(cells) != 3 or not all(cells):
        yield f"{len(cells)} cells"
    tests = NAMED.findall(cells[-1])
    if not tests:
        yield "names no test"
    yield from (f"{path} has no {name}" for path, name in tests if name not in functions_in(ROOT / path))


def test_every_fault_names_what_happens_and_a_test() -> None:
    rows = list(found_in(FAULTS, r"^(\| (?!fault|failure|`).*)$"))
    assert len(rows) > 40
    refuse(f"{where}: {fault}" for where, row in rows for fault in faults_of(row))


def test_all_tests_of_the_faults_run_by_one_command() -> None:
    (pattern,) = re.findall(r"grep -oh? '([^']+)' tests/FAULTS\.md", (ROOT / "Makefile").read_text())
    assert set(re.findall(pattern, text_of(FAULTS))) == {
        f"{path}::{name}" for path, name in NAMED.findall(text_of(FAULTS))
    }


def commands() -> Iterator[tuple[str, str]]:
    """Yield (place, command) of the commands in backticks, in indented lines and in blocks."""
    yield from ((where, line) for _, where, line in in_pages(BETWEEN_TICKS.format(r"mnist-bench [a-z][^`\n]*")))
    for _, where, line in in_pages(r"^ *\$? *(mnist-bench [a-z].*)$"):
        yield where, line.split("   ")[0].split(" > ")[0].removesuffix(" &")


def not_understood(line: str) -> list[str]:
    """Return what the program does not know of a command: itself, or its options."""
    words = shlex.split(line, comments=True)[1:]
    shown = help_of(*command_of(words))
    return ["no such command"] if shown is None else unknown_options(shown, words)


def test_every_command_and_option_exists() -> None:
    refuse(f"{where}: {fault}: {line}" for where, line in commands() for fault in not_understood(line))


def test_every_published_page_has_a_line_in_the_index() -> None:
    published = ROOT / "results" / "published"
    linked = {text for _, text in found_in(published / "README.md", r"^\| \[[^\]]*\]\(([^)]+)\)")}
    pages = {page.relative_to(published).as_posix() for page in published.rglob("*.md")} - {"README.md"}
    assert pages == {path for path in linked if path.endswith(".md")}


GUIDES = ROOT / "docs" / "guides"
TROUBLES, ANYTHING = GUIDES / "troubleshooting.md", GUIDES / "search_anything.md"


@cache
def constants() -> str:
    """Return all texts of the code, one per line; those of an f-string between its values are texts of their own."""
    nodes = (node for path in SOURCES for node in nodes_of(path))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.slow
def test_the_program_has_every_message_that_the_pages_explain() -> None:
    messages = [*found_in(TROUBLES, r"^> `(.*)`$"), *found_in(ANYTHING, r"^(?:>|\|) `([^`]*…[^`]*)`(?:$| \|)")]
    assert len(messages) > 25
    refuse(
        f"{where}: no message has the words {part.strip()!r}; write them as the program does"
        for where, message in messages
        for part in message.split("…")
        if part.strip() not in constants()
    )


def test_the_space_files_are_spaces() -> None:
    page = text_of(next((ROOT / "docs").rglob("space_files.md")))
    quoted = re.findall(r"^    (?:name: mine\n    )?epochs: \d+\n(?:    .*\n)+", page, re.MULTILINE)
    whole, kinds = (space_sources.parse(dedent(text), "space_files.md") for text in quoted)
    assert whole.name == "mine"
    assert {kind for item in kinds.ranges for kind in item.to_json()} >= {"int", "float", "levels", "choice", "when"}


def test_the_examples_on_statistics_are_true() -> None:
    page = ROOT / "docs" / "concepts" / "statistics.md"
    found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.slow
def test_every_lesson_prints_what_it_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", text_of(ROOT / "docs" / "start" / "lessons.md"), re.DOTALL)
    names: dict[str, Any] = {}
    printed = []
    for lesson in blocks:
        if not lesson.startswith("# file: "):
            exec(lesson, names)  # noqa: S102 - the page's own code
            printed.append(capsys.readouterr().out.splitlines())
    _, curse, seeds, cross, replays = printed
    chosen, again = zip(*(map(float, re.findall(r"([\d.]+)%", line)) for line in curse), strict=True)
    assert list(chosen) == sorted(chosen, reverse=True)
    luck = [later - before for before, later in zip(chosen, again, strict=True)]
    assert 0 < luck[1] < luck[-1]
    assert [line.split()[0] for line in seeds] == ["5", "50", "500"]
    assert len(cross) == 4
    assert len(replays) == 3
