"""The leaderboard of several studies as a table, with all its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mnist_bench import cells
from mnist_bench.joint_leaderboard.joint import JointLeaderboard
from mnist_bench.leaderboard.board import LeaderboardRow
from mnist_bench.leaderboard.board_records import plain_row
from mnist_bench.leaderboard.board_table import judged, listed, table_of, test_set_line
from mnist_bench.result_table import Table
from search.messages import command_line, number_of

DIGITS = 16
"""Digits of a digest that a line shows."""


def joint_table_of(board: JointLeaderboard, place: Sequence[str] = ()) -> Table[LeaderboardRow]:
    """Return a joint leaderboard as a table; `place` are the words with which a command finds the studies."""
    table = table_of(board)
    return replace(
        table,
        caption=list(_caption(board)),
        footnotes=list(_footnotes(board, place)),
        whole=f"`{_command(board, place, '--wide', *listed(board))}`",
        document=plain(board),
    )


def _command(board: JointLeaderboard, place: Sequence[str], *words: str) -> str:
    names = [each.study for each in board.boards]
    return command_line(["mnist-bench", "leaderboard", *names, *words, *place])


def _caption(board: JointLeaderboard) -> Iterator[str]:
    counted = cells.counted(board.counts, live=board.live)
    yield f"{board.study} in one ranking: {counted} of {board.goal} trials."
    for each in board.boards:
        digest = " ".join(each.digest[start : start + 4] for start in range(0, DIGITS, 4))
        yield f"digest {digest} … {each.study}"
    yield from judged(board)


def _footnotes(board: JointLeaderboard, place: Sequence[str]) -> Iterator[str]:
    """Yield the lines below the table: rows left out, the meaning of the signs, what was not tested, the test set."""
    if board.hidden:
        every = _command(board, place, "--top", str(len(board.rows) + board.hidden), *listed(board))
        yield f"{board.hidden} more; `{every}` shows all."
    if any(row.ahead for row in board.rows):
        yield "ahead: stopped early, ahead of the first of its own study at the same epoch."
    complete = board.counts["complete"]
    if board.net is not None and board.net.tied > 1:
        yield (
            "= not significantly different from the first (paired test on the same images, Holm-corrected over the "
            f"studies, 5% level). {board.net.tied} of {complete} complete trials are tied."
        )
    yield from _untested(board)
    openings = [(each.study, each.net.test_openings) for each in board.boards if each.net is not None]
    for study, times in openings:
        if times:
            yield f"{study}: {test_set_line(times)[0].lower()}{test_set_line(times)[1:]}"
    if not any(times for _, times in openings):
        yield test_set_line(0)


def _untested(board: JointLeaderboard) -> Iterator[str]:
    """Yield which complete trials no test compares with the first one."""
    if board.untested:
        trials = number_of(board.untested, "complete trial")
        yield f"Not tested, because it is not stored which images were classified correctly: {trials}."
    if board.trained_on:
        trials = number_of(board.trained_on, "complete trial")
        yield f"Not tested, because one of the two was trained on the validation images, too: {trials}."


def plain(board: JointLeaderboard) -> dict[str, Any]:
    """Return a joint leaderboard as plain values for JSON."""
    return {
        "studies": [each.study for each in board.boards],
        "validation_images": board.net and board.net.images,
        "tied": board.net and board.net.tied,
        "untested": board.untested,
        "trained_on": board.trained_on,
        "hidden": board.hidden,
        "rows": [{"study": row.study, **plain_row(row, curves=board.has_curves)} for row in board.rows],
    }
