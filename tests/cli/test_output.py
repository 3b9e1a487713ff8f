from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, strategies as st
from rich.cells import cell_len

from mnist_bench.cells import safe
from mnist_bench.cli import output
from mnist_bench.result_table import Figure, Line, Result, Table, csv_text, key_figure

ROWS = [
    {"name": "[/x] [link=http://evil]a[/link]", "share": 0.5, "note": "=cmd|' /C calc'!A0"},
    {"name": "名前\x1b[31m\nforged", "share": -1.5, "note": "@SUM(1)"},
]
TABLE = Table(
    rows=ROWS,
    figures=[
        Figure("name", lambda row: str(row["name"]), 9),
        Figure("share", lambda row: f"{row['share']:.1f}", 5, "right"),
        Figure("note", lambda row: str(row["note"]), 1),
    ],
)
BOLD = re.compile("\x1b\\[[01]m")


def lines_of(table: Table[Any], width: int | None = None, *, whole: bool = False, **environment: str) -> list[str]:
    """Return what is printed of a table, where `width` is what COLUMNS says; with FORCE_COLOR, as in a terminal."""
    columns = {} if width is None else {"COLUMNS": str(width)}
    with redirect_stdout(io.StringIO()) as out, mock.patch.dict(os.environ, {**columns, **environment}):
        output.print_result("wide" if whole else "table", Result([table]))
    return out.getvalue().splitlines()


def keys(row: Mapping[str, object]) -> Table[Mapping[str, object]]:
    """Return a table that shows each value of one row under its key."""
    return Table(rows=[row], figures=[key_figure(key) for key in row])


def as_ascii(monkeypatch: pytest.MonkeyPatch, newline: str = "\n") -> io.BytesIO:
    """Let stdout be a stream that can say ASCII alone, and return what is written to it."""
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, "ascii", errors=output.IN_ASCII, newline=newline))
    return raw


def test_text_from_outside_is_printed_as_it_stands_in_cells_aligned_by_their_width_on_the_screen() -> None:
    header, *lines = lines_of(TABLE)
    assert lines[0].startswith("[/x] [link=http://evil]a[/link]")
    assert lines[1].startswith("名前[31m forged")
    ends = [cell_len(line[: line.index(mark) + len(mark)]) for line, mark in zip(lines, ("0.5", "-1.5"), strict=True)]
    assert ends[0] == ends[1] == cell_len(header[: header.index("share") + len("share")])


@given(width=st.integers(1, 80))
def test_narrow_tables_lose_their_least_important_columns(width: int) -> None:
    lines = lines_of(TABLE, width)
    shown = lines[0].split()
    is_block = shown[0] == "name" and "share" not in shown
    assert is_block or shown in (["name", "share", "note"], ["name", "share"])
    if not is_block:
        assert all(cell_len(line) <= width for line in lines[:3])


WIDE = Table(
    rows=[{"trial": "#3", "value": "99.40%", "lr": ".01 →×.1@4", "note": "x" * 30}],
    figures=[
        replace(key_figure("trial"), importance=3),
        replace(key_figure("value"), importance=4),
        replace(key_figure("lr", 2), legend=("lr: rate →×factor@epochs", "–: none")),
        replace(key_figure("note"), legend=("–: none",)),
    ],
    whole="`--wide`",
)
LEGEND = "lr: rate →×factor@epochs; –: none."
SHOWS = "`--wide` shows"
NARROW = {
    80: ["trial  value   lr          note", f"#3     99.40%  .01 →×.1@4  {'x' * 30}", LEGEND],
    45: ["trial  value   lr", "#3     99.40%  .01 →×.1@4", f"1 column does not fit: note; {SHOWS}", "all.", LEGEND],
    20: ["trial  value", "#3     99.40%", "2 columns do not", "fit: lr, note;", "`--wide` shows all."],
    12: ["trial #3", "value 99.40%", "lr .01", "→×.1@4", "note", "x" * 30, "lr: rate", "→×factor@epochs;", "–: none."],
}  # fmt: skip


@pytest.mark.parametrize("width", NARROW)
def test_what_a_narrow_terminal_leaves_out_is_named_and_what_it_shows_explained(width: int) -> None:
    def in_terminal(*, whole: bool = False) -> list[str]:
        lines = lines_of(WIDE, width, whole=whole, FORCE_COLOR="1", NO_COLOR="1")
        return [BOLD.sub("", line) for line in lines]

    assert in_terminal() == NARROW[width]
    assert in_terminal(whole=True)[:2] == NARROW[80][:2]


EQUAL = [Figure[None](name, lambda row: "xxxx") for name in "abc"]
FIGURES_FIRST = [
    Figure[None]("a", lambda row: "x" * 8, 9),
    Figure[None]("b", lambda row: "xxxx", 8),
    Figure[None]("figure", lambda row: "x" * 20, 5),
    Figure[None]("setting", lambda row: "x", 4, is_setting=True),
]


@pytest.mark.parametrize(("figures", "width"), [(EQUAL, 10), (FIGURES_FIRST, 24)], ids=["equal", "setting"])
def test_the_last_of_equal_columns_goes_first_and_a_setting_stays_away_with_a_figure(
    figures: list[Figure[None]], width: int
) -> None:
    assert lines_of(Table(rows=[None], figures=figures), width)[0].split() == ["a", "b"]


def test_without_a_terminal_tables_are_whole_unless_columns_says_how_wide() -> None:
    table = keys({"a": "x" * 50, "b": "y" * 500, "c": "end"})
    assert lines_of(table)[1].endswith("y" * 500 + "  end")
    columns = [replace(each, importance=each.heading != "b") for each in table.columns]
    assert lines_of(replace(table, figures=columns), 60)[0].split() == ["a", "c"]


@given(st.text(), st.integers(1, 40))
def test_prose_is_broken_between_words_only(text: str, width: int) -> None:
    text = safe(text)
    lines = output.folded(text, width)
    assert " ".join(lines).split(" ") == text.split(" ") or " ".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line.strip() for line in lines)


def test_prose_is_broken_in_a_terminal_alone_and_commands_never(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    digest = "  digest " + " ".join(["0123"] * 16)
    output.print_line(digest)
    assert capsys.readouterr().out == f"{digest}\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    output.print_line(digest)
    output.note(digest)
    output.note(Line(digest))
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert (lines[0], lines[1][:6], len(lines)) == ("  digest 0123 0123 0123 0123", "  0123", 4)
    assert printed.err.splitlines() == [*lines, digest]


def test_in_a_notebooks_cell_nothing_is_printed_in_color() -> None:
    assert lines_of(WIDE, 80, FORCE_COLOR="1", TERM="xterm-color")[0].startswith("\x1b[1m")
    in_cell = lines_of(WIDE, 80, FORCE_COLOR="1", TERM="xterm-color", CLICOLOR_FORCE="1", GIT_PAGER="cat")
    assert in_cell == NARROW[80]


def test_a_stream_that_cannot_say_the_signs_gets_others_and_cells_stay_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = as_ascii(monkeypatch)
    table = Table(rows=["1 → 2 × 3", "–·±▶é"], figures=[Figure("a", str), Figure("b", lambda row: "end")])
    output.print_result("table", Result([table]))
    sys.stdout.flush()
    assert raw.getvalue().decode().splitlines() == ["a           b", "1 -> 2 x 3  end", "-.+->?      end"]


FILE = "\ufeffdef build():\r\n\treturn '\x1b[31m\x07é名'\x0c\n  # no newline at the end \t"


def test_a_file_that_goes_into_a_file_or_a_pipe_is_the_same_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = as_ascii(monkeypatch, "\r\n")
    monkeypatch.setenv("FORCE_COLOR", "1")  # a pipe is none the less no terminal
    output.print_line("before")
    output.print_text(FILE)
    output.print_line("after")
    sys.stdout.flush()
    assert raw.getvalue() == b"before\r\n" + FILE.encode() + b"after\r\n"


def test_a_file_that_a_terminal_shows_obeys_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.print_text(FILE)
    assert capsys.readouterr().out.splitlines() == [
        "def build():", " return '[31mé名'", "", "  # no newline at the end  "
    ]  # fmt: skip


def test_json_has_its_schema_version_first(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"rows": ["\ud800", "\x9b", "é"]})
    text = capsys.readouterr().out
    assert text.isascii()
    assert list(json.loads(text).items()) == [("schema_version", 2), ("rows", ["\ud800", "\x9b", "é"])]


def test_csv_defuses_formulas_and_keeps_numbers() -> None:
    text = csv_text(Table(rows=[*ROWS, {"name": 'quote " and, comma', "list": [1, 2]}]))
    header, first, second, third = csv.reader(io.StringIO(text))
    assert header == ["name", "share", "note", "list"]
    assert first[1:3] == ["0.5", "'=cmd|' /C calc'!A0"]
    assert second == ["名前[31m forged", "-1.5", "'@SUM(1)", ""]
    assert third == ['quote " and, comma', "", "", "[1, 2]"]


@example("\x1f@SUM(1)")
@example("\t=1")
@given(st.text(min_size=1))
def test_no_csv_cell_begins_a_formula(text: str) -> None:
    _, line = csv.reader(io.StringIO(csv_text(keys({"name": text}))))
    (cell,) = line
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


def test_markdown_cannot_break_out_of_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_result("markdown", Result([keys({"a": "x | y", "b": "<img src=x> [l](http://evil) `c`"})]))
    header, rule, line = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("| a | b |", "| --- | --- |")
    assert line == "| x \\| y | \\<img src=x> \\[l\\](http://evil) \\`c\\` |"


ONE = replace(keys({"a": 1, "c": None}), document={"a": [1]}, caption=["above"], footnotes=["below", "", "last"])
TWO = replace(keys({"b": 1}), document={"b": [1]})
ABOVE, BELOW = "above\n\n", "below\n\nlast\n\n"
FORMS: dict[output.Form, str] = {
    "table": f"{ABOVE}a  c\n1\n{BELOW}b\n1\n",
    "markdown": f"{ABOVE}| a | c |\n| --- | --- |\n| 1 |  |\n\n{BELOW}| b |\n| --- |\n| 1 |\n",
    "csv": "a,c,b\n1,,\n,,1\n",
    "json": '{\n  "schema_version": 2,\n  "a": [\n    1\n  ],\n  "b": [\n    1\n  ]\n}\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_tables_have_their_words_around_them_and_are_one_document(
    form: output.Form, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_result(form, Result([ONE, TWO]))
    assert capsys.readouterr().out.replace("\r\n", "\n") == FORMS[form]
