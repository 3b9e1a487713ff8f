"""The leaderboard of a study that another trainer made: its front where it minimises a cost too."""

from __future__ import annotations

from mnist_bench.leaderboard.board import leaderboard_of
from mnist_bench.leaderboard.board_table import plain, table_of
from support import handmade


def test_a_front_comes_first_and_its_cost_is_shown() -> None:
    board = leaderboard_of(handmade.two_objectives(), of_nets=False)
    assert (board.cost, board.front) == ("macs", (1, 2, 4))
    shown = [(row.number, row.rank, row.cost, row.on_front) for row in board.rows]
    assert shown == [
        (1, 1, 200, True), (2, 3, 50, True), (4, 4, 50, True), (0, 2, 300, False), (5, 5, 60, False),
        (3, None, 1, False),
    ]  # fmt: skip
    table = table_of(board)
    assert [column.heading for column in table.columns][:6] == ["rank", "trial", "front", "value", "macs", "state"]
    assert table.texts()[0][:3] == ["1", "#1", "yes"]
    (line,) = [line for line in table.footnotes if line.startswith("front: ")]
    assert line.startswith("front: 3 of 5 complete trials; no other is as good in both value and macs, and better")
    assert plain(board)["front"] == [1, 2, 4]


def test_with_one_objective_there_is_no_front() -> None:
    table = table_of(leaderboard_of(handmade.mixed(), of_nets=False))
    assert "front" not in [column.heading for column in table.columns]
    assert not [line for line in table.footnotes if line.startswith("front")]
