from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mnist_bench.result_table import ROWS, Column, ShownAsTable, Table, key_column, markdown


def test_rows_read_as_their_columns_say_and_are_recorded_as_they_are() -> None:
    rows: list[Mapping[str, object]] = [{"name": "a", "share": 0.5}, {"name": "b", "share": None}]
    table = Table(rows=rows, columns=[key_column("name"), key_column("share", align="right")])
    assert table.texts() == [["a", "0.5"], ["b", ""]]
    assert table.records() == rows


def test_rows_that_are_no_mappings_have_a_record_of_their_own() -> None:
    table = Table(
        rows=[3, 4], columns=[Column[int]("square", lambda row: str(row**2))], record=lambda row: {"side": row}
    )
    assert (table.texts(), table.records()) == ([["9"], ["16"]], [{"side": 3}, {"side": 4}])


def test_lines_below_a_markdown_table_are_not_part_of_it() -> None:
    column = Column[int]("square", lambda row: str(row**2), align="right", legend=["square: of the side"])
    table = Table(rows=[3], columns=[column], caption=["Above."], footnotes=["Below."])
    bare = Table(rows=[4], columns=[Column[int]("square", lambda row: str(row**2))], footnotes=["", "Apart."])
    assert markdown(table, bare).split("\n") == [
        "Above.", "", "| square |", "| ---: |", "| 9 |", "", "square: of the side.", "Below.", "",
        "| square |", "| --- |", "| 16 |", "", "Apart.",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Squares(ShownAsTable):
    sides: range

    def _table(self) -> Table[int]:
        square = Column[int]("square", lambda row: str(row**2), legend=["square: of the side"])
        setting = Column[int]("name", lambda row: "<i>", is_setting=True)
        return Table(rows=self.sides, columns=[square, setting], caption=["Above."], footnotes=["", "Below."])

    def _finding(self) -> str:
        return "x" * 200


def test_a_result_reads_as_its_caption_its_first_row_and_its_finding() -> None:
    assert repr(Squares(range(3, 9))).splitlines() == ["Above.", "square 9", f"{'x' * 119}…"]
    assert repr(Squares(range(0))).splitlines() == ["Above.", f"{'x' * 119}…"]


def test_a_notebook_shows_a_result_as_its_table() -> None:
    page = Squares(range(3, ROWS + 5))._repr_html_()
    assert "<tr><th>square</th><th>name</th></tr><tr><td>9</td><td>&lt;i&gt;</td></tr>" in page
    assert page.count("<tr>") == 1 + ROWS
    for words in ("Above.", "2 more rows are not shown", "square: of the side.", "Below."):
        assert f">{words}<" in page
