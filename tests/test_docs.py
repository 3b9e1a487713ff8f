"""The pages of docs/, CONTRIBUTING.md and SECURITY.md cannot rot: the tests, commands and files they name are there."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from support import forged
from support.commands import command_of, help_of, unknown_options
from support.paths import ROOT

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
FAULTS = (ROOT / "docs" / "faults.md").read_text()
ROWS = [line for line in FAULTS.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "|---"))]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named(pattern: str) -> list[tuple[str, str]]:
    """Return (page, what is named) of all that matches between backticks, or where an indented line begins."""
    quoted = re.compile(rf"(?:`|^ {{4}})({pattern})(?=`|  |$)", re.MULTILINE)
    return sorted({(page.name, found) for page in PAGES for found in quoted.findall(page.read_text())})


@cache
def functions_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:42])
def test_every_fault_names_what_is_done_what_must_happen_what_happened_and_a_test(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    assert len(cells) == 5
    assert all(cells)
    found = NAMED.findall(cells[4])
    assert found
    for path, name in found:
        assert name in functions_in(ROOT / path), f"{path} has no {name}"


def test_all_tests_of_the_faults_run_by_one_command() -> None:
    (pattern,) = re.findall(r"grep -oh? '([^']+)' docs/faults\.md", (ROOT / "Makefile").read_text())
    assert set(re.findall(pattern, FAULTS)) == {f"{path}::{name}" for path, name in NAMED.findall(FAULTS)}


def test_the_forgeries_and_names_are_as_many_as_are_told() -> None:
    assert f"| {len(forged.REFUSED)} forgeries: " in FAULTS
    ways, more = len(forged.WAYS_IN), len(forged.COMMANDS) - len(forged.WAYS_IN)
    told = f"| {len(forged.NAMES)} names given to {ways} commands, the {len(forged.WORST)} worst to {more} more |"
    assert told in FAULTS


@pytest.mark.parametrize(("page", "line"), named(r"mnist-bench [a-z][^`\n]*"))
def test_every_command_exists(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    shown = help_of(*command_of(words))
    assert shown is not None, f"{page}: no such command: {line}"
    assert unknown_options(shown, words) == [], f"{page}: {line}"


@pytest.mark.parametrize(("page", "target"), named(r"make [a-z]+"))
def test_every_make_target_exists(page: str, target: str) -> None:
    assert re.search(rf"^{target.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), page


@pytest.mark.parametrize(("page", "path"), named(r"[\w/]+/[\w/]+\.(?:py|md)"))
def test_every_file_that_is_named_is_there(page: str, path: str) -> None:
    assert (ROOT / path).exists(), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_is_there(page: Path) -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / path).exists(), path


def test_the_readme_and_the_page_on_security_link_the_faults() -> None:
    for name in ("README.md", "SECURITY.md"):
        assert "(docs/faults.md)" in (ROOT / name).read_text()
