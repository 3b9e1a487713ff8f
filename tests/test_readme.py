"""The README is short, and what the pages show of spaces and tests is right."""

from __future__ import annotations

import re
from textwrap import dedent

from mnist_bench.space_files import space_sources
from support.paths import ROOT
from support.sources import found_in, refuse

README = (ROOT / "README.md").read_text()
DOCS = {page.stem: page.read_text() for page in sorted((ROOT / "docs").rglob("*.md"))}
MOST_LINES = 70
"""Of a README that is read to its end."""


def test_the_readme_is_short_and_begins_with_three_commands() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    _, commands, *_ = README.split("```sh\n")
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
