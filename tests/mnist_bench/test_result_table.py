from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mnist_bench.result_table import ROWS, Figure, ShownAsTable, Table, key_figure, markdown


def test_rows_read_as_their_columns_say_and_are_recorded_as_they_are() -> None:
    rows: list[Mapping[str, object]] = [{"name": "a", "share": 0.5}, {"name": "b", "share": None}]
    table = Table(rows=rows, figures=[key_figure("name"), key_figure("share", align="right")])
    assert table.texts() == [["a", "0.5"], ["b", ""]]
    assert table.records() == rows


def test_a_figure_is_a_column_a_key_or_both() -> None:
    square = Figure[int]("square", lambda row: row**2, cell="{}²".format, key="area")
    table = Table(rows=[3, 4], figures=[Figure("", lambda row: row, key="side"), square])
    assert (table.texts(), table.keys) == ([["9²"], ["16²"]], ["side", "area"])
    assert table.records() == [{"side": 3, "area": 9}, {"side": 4, "area": 16}]


def test_lines_below_a_markdown_table_are_not_part_of_it() -> None:
    column = Figure[int]("square", lambda row: str(row**2), align="right", legend=["square: of the side"])
    table = Table(rows=[3], figures=[column], caption=["Above."], footnotes=["Below."])
    bare = Table(rows=[4], figures=[Figure[int]("square", lambda row: str(row**2))], footnotes=["", "Apart."])
    assert markdown(table, bare).split("\n") == [
        "Above.", "", "| square |", "| ---: |", "| 9 |", "", "square: of the side.", "Below.", "",
        "| square |", "| --- |", "| 16 |", "", "Apart.",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Squares(ShownAsTable):
    sides: range

    def table(self) -> Table[int]:
        square = Figure[int]("square", lambda row: str(row**2), legend=["square: of the side"])
        setting = Figure[int]("name", lambda row: "<i>", is_setting=True)
        return Table(rows=self.sides, figures=[square, setting], caption=["Above."], footnotes=["", "Below."])

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
