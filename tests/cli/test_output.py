from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import example, given, strategies as st
from rich.cells import cell_len

from mnist_bench.cli import output
from mnist_bench.cli.output import Column

ROWS = [
    {"name": "[/x] [link=http://evil]a[/link]", "share": 0.5, "note": "=cmd|' /C calc'!A0"},
    {"name": "名前\x1b[31m\nforged", "share": -1.5, "note": "@SUM(1)"},
]
COLUMNS = [
    Column("name", lambda row: row["name"], 9),
    Column("share", lambda row: f"{row['share']:.1f}", 5, "right"),
    Column("note", lambda row: row["note"], 1),
]


@given(st.text())
def test_safe_text_is_one_line_without_anything_a_terminal_obeys(text: str) -> None:
    found = output.safe(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in found)
    assert len(found.splitlines()) <= 1


def test_safe_lines_keep_line_breaks() -> None:
    assert output.safe_lines("a\x1b[1m\nb\r") == "a[1m\nb "


def test_cells_are_aligned_by_their_width_on_the_screen() -> None:
    header, *lines = output.table_lines(ROWS, COLUMNS)
    ends = [cell_len(line[: line.index(mark) + len(mark)]) for line, mark in zip(lines, ("0.5", "-1.5"), strict=True)]
    assert ends[0] == ends[1] == cell_len(header[: header.index("share") + len("share")])


def test_text_from_outside_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(ROWS, COLUMNS)
    printed = capsys.readouterr().out
    assert "[/x] [link=http://evil]a[/link]" in printed
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 3


@given(width=st.integers(1, 80))
def test_narrow_tables_lose_their_least_important_columns(width: int) -> None:
    header = output.table_lines(ROWS, COLUMNS, width)[0].split()
    assert header in (["name", "share", "note"], ["name", "share"], ["name"])
    if len(header) > 1:
        assert all(cell_len(line) <= width for line in output.table_lines(ROWS, COLUMNS, width))


def test_among_equally_important_columns_the_last_goes_first() -> None:
    columns = [Column(name, lambda row: "xxxx", 1) for name in "abc"]
    assert output.table_lines([{}], columns, 10)[0].split() == ["a", "b"]


def test_strings_name_keys(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"a": 1, "b": None}], ["a", "b"])
    assert capsys.readouterr().out.splitlines() == ["a  b", "1"]


def test_piped_tables_are_whole_however_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    output.print_table([{"a": "x" * 500, "b": "end"}], ["a", "b"])
    assert capsys.readouterr().out.splitlines()[1] == "x" * 500 + "  end"


def test_json_has_its_schema_version_first(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"rows": ["\ud800", "\x9b", "é"]})
    text = capsys.readouterr().out
    assert text.isascii()
    values = json.loads(text)
    assert list(values) == ["schema_version", "rows"]
    assert values["rows"] == ["\ud800", "\x9b", "é"]


def test_csv_defuses_formulas_and_keeps_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_csv([*ROWS, {"name": 'quote " and, comma', "list": [1, 2]}])
    header, first, second, third = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == ["name", "share", "note", "list"]
    assert first[1:3] == ["0.5", "'=cmd|' /C calc'!A0"]
    assert second == ["名前[31m forged", "-1.5", "'@SUM(1)", ""]
    assert third == ['quote " and, comma', "", "", "[1, 2]"]


@example("\x1f@SUM(1)")
@example("\t=1")
@given(st.text(min_size=1))
def test_no_csv_cell_begins_a_formula(text: str) -> None:
    cell = output._csv_cell(text)
    assert not str(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_markdown_cannot_break_out_of_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_markdown([{"a": "x | y", "b": "<img src=x> [l](http://evil) `c`"}], ["a", "b"])
    header, rule, line = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("| a | b |", "| --- | --- |")
    assert line == "| x \\| y | \\<img src=x> \\[l\\](http://evil) \\`c\\` |"
