from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given, strategies as st
from rich.cells import cell_len

from mnist_bench.cli import output
from mnist_bench.result_table import Column, Table, key_column

ROWS = [
    {"name": "[/x] [link=http://evil]a[/link]", "share": 0.5, "note": "=cmd|' /C calc'!A0"},
    {"name": "名前\x1b[31m\nforged", "share": -1.5, "note": "@SUM(1)"},
]
TABLE = Table(
    rows=ROWS,
    columns=[
        Column("name", lambda row: str(row["name"]), 9),
        Column("share", lambda row: f"{row['share']:.1f}", 5, "right"),
        Column("note", lambda row: str(row["note"]), 1),
    ],
)


def keys(row: dict[str, object]) -> Table[Mapping[str, object]]:
    """Return a table that shows each value of one row under its key."""
    return Table(rows=[row], columns=[key_column(key) for key in row])


@given(st.text())
def test_safe_text_is_one_line_without_anything_a_terminal_obeys(text: str) -> None:
    found = output.safe(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in found)
    assert len(found.splitlines()) <= 1


def test_safe_lines_keep_line_breaks() -> None:
    assert output.safe_lines("a\x1b[1m\nb\r") == "a[1m\nb "


def test_cells_are_aligned_by_their_width_on_the_screen() -> None:
    header, *lines = output.table_lines(TABLE)
    ends = [cell_len(line[: line.index(mark) + len(mark)]) for line, mark in zip(lines, ("0.5", "-1.5"), strict=True)]
    assert ends[0] == ends[1] == cell_len(header[: header.index("share") + len("share")])


def test_text_from_outside_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(TABLE)
    printed = capsys.readouterr().out
    assert "[/x] [link=http://evil]a[/link]" in printed
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 3


@given(width=st.integers(1, 80))
def test_narrow_tables_lose_their_least_important_columns(width: int) -> None:
    header = output.table_lines(TABLE, width)[0].split()
    assert header in (["name", "share", "note"], ["name", "share"], ["name"])
    if len(header) > 1:
        assert all(cell_len(line) <= width for line in output.table_lines(TABLE, width))


def test_among_equally_important_columns_the_last_goes_first() -> None:
    table: Table[None] = Table(rows=[None], columns=[Column(name, lambda row: "xxxx") for name in "abc"])
    assert output.table_lines(table, 10)[0].split() == ["a", "b"]


def test_a_column_shows_what_stands_under_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(keys({"a": 1, "b": None}))
    assert capsys.readouterr().out.splitlines() == ["a  b", "1"]


def test_piped_tables_are_whole_however_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    output.print_table(keys({"a": "x" * 500, "b": "end"}))
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
    output.print_markdown(keys({"a": "x | y", "b": "<img src=x> [l](http://evil) `c`"}))
    header, rule, line = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("| a | b |", "| --- | --- |")
    assert line == "| x \\| y | \\<img src=x> \\[l\\](http://evil) \\`c\\` |"


FORMS: dict[output.Form, list[str]] = {
    "table": ["above", "", "a", "1", "below", "", "last"],
    "markdown": ["above", "", "| a |", "| --- |", "| 1 |", "", "below", "", "last"],
    "csv": ["a", "1"],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_has_its_words_around_it(form: output.Form, capsys: pytest.CaptureFixture[str]) -> None:
    output.show(form, replace(keys({"a": 1}), caption=["above"], footnotes=["below", "", "last"]))
    assert capsys.readouterr().out.splitlines() == FORMS[form]


def test_several_tables_are_one_object_and_one_list_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    tables = [replace(keys({name: 1}), document={name: [1]}) for name in "ab"]
    output.show("json", *tables)
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "a": [1], "b": [1]}
    output.show("csv", *tables)
    assert capsys.readouterr().out.splitlines() == ["a,b", "1,", ",1"]
    output.show("table", *tables)
    assert capsys.readouterr().out.splitlines() == ["a", "1", "", "b", "1"]
