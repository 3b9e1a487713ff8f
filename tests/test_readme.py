"""The README cannot rot: its commands, options, files and figures are those of the program."""

from __future__ import annotations

import re
import shlex
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from mnist_bench import space_files
from mnist_bench.cli.app import app
from support.paths import ROOT

README = (ROOT / "README.md").read_text()
PAGES = README + "".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))
COMMANDS = sorted(set(re.findall(r"^ *\$? *(mnist-bench [a-z].*)$", PAGES, re.MULTILINE)))
TARGETS = sorted(set(re.findall(r"`?make ([a-z]+)`?", README)))


def help_of(words: list[str]) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, f"mnist-bench {' '.join(words)} is no command"
    return result.output


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    words = shlex.split(line.split("   ")[0].split(" > ")[0].removesuffix(" &"), comments=True)[1:]
    named = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
    known = {"bench": 2, "plugin": 2, "space": 2, "studies": 2, "table": 2}
    command = named[: known.get(named[0], 1)]
    shown = help_of(command)
    for option in [word for word in words if word.startswith("-")]:
        assert re.search(rf"{re.escape(option)}\b", shown), f"{option} is no option of {' '.join(command)}"


def test_every_command_is_in_the_readme() -> None:
    registered = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    missing = {name for name in registered if name and f"mnist-bench {name}" not in README}
    assert missing == set()


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_linked_file_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_space_file_is_a_space() -> None:
    (quoted,) = re.findall(r"^    epochs: \d+\n(?:    .*\n)+", README, re.MULTILINE)
    space = space_files.parse(dedent(quoted), "README.md")
    assert {kind for item in space.ranges for kind in item.to_json()} >= {"int", "float", "levels", "choice", "when"}


def quoted_lines() -> list[str]:
    return [line.removeprefix("    ").rstrip() for line in README.splitlines()]


def test_the_leaderboard_is_the_published_one() -> None:
    published = (ROOT / "results" / "published" / "conv" / "search.txt").read_text().splitlines()
    decisive = [line for line in published if re.match(r"50 trials|digest| [1-4] ", line)]
    assert len(decisive) == 6
    for line in decisive:
        assert any(len(found) > 60 and line.startswith(found) for found in quoted_lines()), f"not in the README: {line}"


def test_what_was_confirmed_is_as_published() -> None:
    published = (ROOT / "results" / "published" / "conv" / "confirm.md").read_text().splitlines()
    decisive = [line.rstrip() for line in published if re.match(r"trial  seeds|  #\d+ ", line)]
    assert len(decisive) == 8
    for line in decisive:
        assert line in quoted_lines(), f"not in the README: {line}"


def test_the_notebooks_table_is_the_published_one() -> None:
    published = (ROOT / "results" / "published" / "notebook.md").read_text()
    rows = [line for line in published.splitlines() if line.startswith("|")]
    assert len(rows) == 11
    for row in rows:
        assert row.rstrip() in quoted_lines(), f"not in the README: {row}"


@pytest.mark.parametrize("name", re.findall(r"`(tests/[\w/]+\.py)(?:::\w+)?`", README))
def test_every_test_that_a_promise_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()
