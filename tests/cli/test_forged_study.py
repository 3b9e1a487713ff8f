"""Names, rows and files of others, through every command: sentences, exit codes, and nothing that anything obeys."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import forged

pytestmark = pytest.mark.integration


class Ran(NamedTuple):
    """What a command came to."""

    forged: str
    arguments: list[str]
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forged")


@pytest.fixture(scope="module")
def told(empty: Path) -> dict[str, Any]:
    """Return what `forged` tells of all commands, run in a process of their own."""
    done = subprocess.run([sys.executable, forged.__file__], cwd=empty, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return values


@pytest.fixture(scope="module")
def ran(told: dict[str, Any]) -> list[Ran]:
    return [Ran(*one) for one in told["ran"]]


@pytest.fixture(scope="module")
def folder(told: dict[str, Any], empty: Path) -> Path:
    """Return the folder in which the commands ran."""
    assert told
    return empty / "a" / "b"


def test_no_command_ends_in_a_traceback_or_in_something_unexpected(ran: list[Ran]) -> None:
    for one in ran:
        assert "Traceback" not in one.err, one
        assert "(unexpected" not in one.err, one
        assert one.code in (0, 1, 2, 3, 4), one


def test_nothing_that_a_terminal_obeys_is_printed(ran: list[Ran]) -> None:
    for one in ran:
        for character in one.out + one.err:
            assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), one


def test_no_line_of_its_own_is_forged(ran: list[Ran]) -> None:
    for one in ran:
        assert not any(line.startswith("Error: forged") for line in (one.out + one.err).splitlines()), one


def test_what_no_search_writes_is_refused_in_one_sentence(ran: list[Ran]) -> None:
    for one in ran:
        if one.forged in forged.REFUSED and one.arguments[0] != "doctor":
            assert one.code in (1, 2), one
            errors = [line for line in one.err.splitlines() if line.startswith("Error: ")]
            assert len(errors) == 1, one
            assert one.out == "", one
    found = {one.forged: one for one in ran if one.forged in forged.REFUSED and one.arguments[0] == "doctor"}
    assert found.keys() == forged.REFUSED.keys()
    for one in found.values():
        assert one.code == 1
        assert "event log" in one.out, one


def test_what_is_only_text_is_shown(ran: list[Ran]) -> None:
    commands = forged.READING + forged.TRAINING
    shown = [one for one in ran if one.forged == "text" and tuple(one.arguments) in commands]
    assert len(shown) >= len(commands)
    for one in shown:
        assert one.code == (1 if one.arguments[0] == "doctor" else 0), one


def test_no_cell_of_a_csv_begins_a_formula(ran: list[Ran]) -> None:
    tables = [one.out for one in ran if "--csv" in one.arguments and one.forged == "text"]
    assert len(tables) == 2
    for table in tables:
        rows = list(csv.reader(io.StringIO(table)))
        assert len({len(row) for row in rows}) == 1
        for cell in (cell for row in rows for cell in row):
            assert re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell) or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


class Elements(HTMLParser):
    """The elements of a page, and the scripts that a browser would run: data in JSON it does not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script" and ("type", "application/json") not in attrs

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


def test_no_page_and_no_picture_runs_what_was_written_into_the_study(ran: list[Ran], folder: Path) -> None:
    """The report of a study that is only text was drawn, and removed with it; the pictures' names are in its output."""
    drawn = sorted((folder / "text").rglob("*"))
    assert any(path.suffix == ".html" for path in drawn)
    assert any(path.suffix == ".svg" for path in drawn)
    of_our_own = Elements((folder / "whole" / forged.STUDY / "report.html").read_text()).scripts
    assert of_our_own
    for path in drawn:
        if path.suffix in (".html", ".svg"):
            page = Elements(path.read_text())
            assert page.scripts == (of_our_own if path.suffix == ".html" else [])
            assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_names_that_cannot_be_names_are_refused_and_touch_nothing(ran: list[Ran], told: dict[str, Any]) -> None:
    named = [one for one in ran if one.forged == "name"]
    ways = len(forged.WAYS_IN)
    assert len(named) == ways * len(forged.NAMES) + (len(forged.COMMANDS) - ways) * len(forged.WORST)
    for one in named:
        assert one.code in (1, 2, 3), one
        assert one.out == "" or one.arguments[:2] == ["space", "check"], one  # whose problems are its output
    assert told["touched"] == []
