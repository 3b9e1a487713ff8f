"""The pages cannot rot: the tests, commands, targets and files that they name are there."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support import forged
from support.commands import command_of, help_of, unknown_options
from support.paths import ROOT
from support.sources import SOURCES, found_in, nodes_of, refuse, text_of

README = ROOT / "README.md"
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
FAULTS = (ROOT / "docs" / "reference" / "faults.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def in_pages(pattern: str) -> list[tuple[Path, str, str]]:
    """Return (page, place, the first group) of all that matches a pattern; something has to."""
    found = [(page, where, text) for page in PAGES for where, text in found_in(page, pattern)]
    assert found, pattern
    return found


def named(pattern: str) -> list[tuple[str, str]]:
    """Return (place, what is named) of all that matches between backticks, or where an indented line begins."""
    return [(where, text) for _, where, text in in_pages(rf"(?:`|^ {{4}})({pattern})(?=`|  |$)")]


@cache
def functions_in(path: Path) -> set[str]:
    return {node.name for node in nodes_of(path) if isinstance(node, ast.FunctionDef)}


def faults_of(row: str) -> Iterator[str]:
    """Yield what is wrong with a row of the table of faults."""
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    if len(cells) != 5 or not all(cells):
        yield f"{len(cells)} cells"
    tests = NAMED.findall(cells[-1])
    if not tests:
        yield "names no test"
    yield from (f"{path} has no {name}" for path, name in tests if name not in functions_in(ROOT / path))


def test_every_fault_names_what_is_done_what_must_happen_what_happened_and_a_test() -> None:
    rows = list(found_in(ROOT / "docs" / "reference" / "faults.md", r"^(\| (?!fault).*)$"))
    assert len(rows) > 50
    refuse(f"{where}: {fault}" for where, row in rows for fault in faults_of(row))


def test_all_tests_of_the_faults_run_by_one_command() -> None:
    (pattern,) = re.findall(r"grep -oh? '([^']+)' docs/reference/faults\.md", (ROOT / "Makefile").read_text())
    assert set(re.findall(pattern, FAULTS)) == {f"{path}::{name}" for path, name in NAMED.findall(FAULTS)}


def test_the_forgeries_and_names_are_as_many_as_are_told() -> None:
    assert f"| {len(forged.REFUSED)} forgeries: " in FAULTS
    ways, more = len(forged.WAYS_IN), len(forged.COMMANDS) - len(forged.WAYS_IN)
    told = f"| {len(forged.NAMES)} names given to {ways} commands, the {len(forged.WORST)} worst to {more} more |"
    assert told in FAULTS


def commands() -> Iterator[tuple[str, str]]:
    """Yield (place, command) of the commands in backticks, in indented lines and in blocks."""
    yield from named(r"mnist-bench [a-z][^`\n]*")
    for _, where, line in in_pages(r"^ *\$? *(mnist-bench [a-z].*)$"):
        yield where, line.split("   ")[0].split(" > ")[0].removesuffix(" &")


def not_understood(line: str) -> list[str]:
    """Return what the program does not know of a command: itself, or its options."""
    words = shlex.split(line, comments=True)[1:]
    shown = help_of(*command_of(words))
    return ["no such command"] if shown is None else unknown_options(shown, words)


def test_every_command_and_option_exists() -> None:
    refuse(f"{where}: {fault}: {line}" for where, line in commands() for fault in not_understood(line))


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named_targets = [*named(r"make [a-z-]+"), *found_in(README, r"(make [a-z-]+)")]
    refuse(f"{where}: {target}" for where, target in named_targets if target.removeprefix("make ") not in targets)


def test_every_file_that_is_named_is_there() -> None:
    paths = named(r"[\w/]+/[\w/]+\.(?:py|md)")
    refuse(f"{where}: {path}" for where, path in paths if not (ROOT / path).exists())


def test_every_linked_file_is_there() -> None:
    links = in_pages(r"\]\(([^)#:]+)\)")
    refuse(f"{where}: {path}" for page, where, path in links if not (page.parent / path).exists())


def test_every_published_page_has_a_line_in_the_index() -> None:
    published = ROOT / "results" / "published"
    linked = {text for _, text in found_in(published / "README.md", r"^\| \[[^\]]*\]\(([^)]+)\)")}
    pages = {page.relative_to(published).as_posix() for page in published.rglob("*.md")} - {"README.md"}
    assert pages == {path for path in linked if path.endswith(".md")}


TROUBLES = ROOT / "docs" / "guides" / "troubleshooting.md"
ANYTHING = ROOT / "docs" / "guides" / "search_anything.md"


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
