"""The README is short, and the figures of the pages are those that are published."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from mnist_bench import space_files
from mnist_bench.cli.app import app
from support.paths import ROOT
from support.sources import found_in, refuse

README = (ROOT / "README.md").read_text()
DOCS = {page.stem: page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))}
A_FEW_SCREENS = 100
"""Lines of a README that is read to its end."""


def test_every_command_is_on_their_page() -> None:
    registered = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    missing = {name for name in registered if name and f"mnist-bench {name}" not in DOCS["commands"]}
    assert missing == set()


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    assert len(README.splitlines()) < A_FEW_SCREENS
    first = [line.split("#")[0].strip() for line in README.split("\n\n")[2].splitlines()]
    assert first == ["make search", "make test"]


def test_the_space_file_is_a_space() -> None:
    (quoted,) = re.findall(r"^    epochs: \d+\n(?:    .*\n)+", DOCS["space_files"], re.MULTILINE)
    space = space_files.parse(dedent(quoted), "space_files.md")
    assert {kind for item in space.ranges for kind in item.to_json()} >= {"int", "float", "levels", "choice", "when"}


def quoted_lines(page: str) -> list[str]:
    return [line.removeprefix("    ").rstrip() for line in page.splitlines()]


@pytest.mark.parametrize("page", [README, DOCS["results"]], ids=["README", "results"])
def test_the_leaderboard_is_the_published_one(page: str) -> None:
    published = (ROOT / "results" / "published" / "conv" / "search.txt").read_text().splitlines()
    decisive = [line for line in published if re.match(r"50 trials|digest| [1-4] ", line)]
    assert len(decisive) == 6
    for line in decisive:
        assert any(len(found) > 60 and line.startswith(found) for found in quoted_lines(page)), f"not there: {line}"


def test_what_was_confirmed_is_as_published() -> None:
    published = (ROOT / "results" / "published" / "conv" / "confirm.md").read_text().splitlines()
    decisive = [line.rstrip() for line in published if re.match(r"trial  seeds| +#\d+ ", line)]
    assert len(decisive) == 6  # both finals, the winner's and the cheapest one's
    for line in decisive:
        assert line in quoted_lines(DOCS["results"]), f"not there: {line}"
    winner = next(line for line in decisive if "(winner)" in line)
    assert f"has {' '.join(winner.split()[2:6])} on the test images" in " ".join(README.split())


def test_the_notebooks_table_is_the_published_one() -> None:
    published = (ROOT / "results" / "published" / "notebook.md").read_text()
    rows = [line for line in published.splitlines() if line.startswith("|")]
    assert len(rows) == 12
    for row in rows:
        assert row.rstrip() in quoted_lines(DOCS["notebook"]), f"not there: {row}"


def test_every_test_that_a_promise_names_is_there() -> None:
    named = list(found_in(ROOT / "docs" / "promises.md", r"`([\w/]*test_\w+\.py)(?:::\w+)?`"))
    assert named
    refuse(f"{where}: {name}" for where, name in named if not (ROOT / name).exists())
