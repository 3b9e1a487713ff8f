from __future__ import annotations

from collections.abc import Mapping

from mnist_bench.result_table import Column, Table, key_column, markdown


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
