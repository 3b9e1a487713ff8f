"""The pages cannot rot: the tests, commands, targets and files that they name are there, and the lessons run."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mnist_bench.space_files import space_sources
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


README_TEXT = (ROOT / "README.md").read_text()
DOCS = {page.stem: page.read_text() for page in sorted((ROOT / "docs").rglob("*.md"))}
MOST_LINES = 70
"""Of a README that is read to its end."""


def test_the_readme_is_short_and_begins_with_three_commands() -> None:
    assert len(README_TEXT.splitlines()) <= MOST_LINES
    _, commands, *_ = README_TEXT.split("```sh\n")
    first = [line.split("#")[0].strip() for line in commands.splitlines()[:3]]
    assert first == ["make smoke", "make search", "make test"]


def test_the_space_files_are_spaces() -> None:
    quoted = re.findall(r"^    (?:name: mine\n    )?epochs: \d+\n(?:    .*\n)+", DOCS["space_files"], re.MULTILINE)
    whole, kinds = (space_sources.parse(dedent(text), "space_files.md") for text in quoted)
    assert whole.name == "mine"
    assert {kind for item in kinds.ranges for kind in item.to_json()} >= {"int", "float", "levels", "choice", "when"}


def test_every_test_that_a_promise_names_is_there() -> None:
    named = list(found_in(ROOT / "docs" / "reference" / "promises.md", r"`([\w/]*test_\w+\.py)(?:::\w+)?`"))
    assert named
    refuse(f"{where}: {name}" for where, name in named if not (ROOT / name).exists())


TEXT = (ROOT / "docs" / "start" / "lessons.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
LESSONS = [block for block in BLOCKS[1:] if not block.startswith("# file: ")]


@pytest.mark.slow
def test_every_lesson_prints_what_it_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[0], names)  # noqa: S102 - the page's own code
    printed = []
    for lesson in LESSONS:
        exec(lesson, names)  # noqa: S102
        printed.append(capsys.readouterr().out.splitlines())
    curse, seeds, cross, replays = printed
    chosen, again = zip(*(map(float, re.findall(r"([\d.]+)%", line)) for line in curse), strict=True)
    assert list(chosen) == sorted(chosen, reverse=True)
    luck = [later - before for before, later in zip(chosen, again, strict=True)]
    assert 0 < luck[1] < luck[-1]
    assert [line.split()[0] for line in seeds] == ["5", "50", "500"]
    assert len(cross) == 4
    assert len(replays) == 3
