"""The leaderboard as a table, with all its words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench import cells
from mnist_bench.leaderboard.board import Leaderboard, Row, grouped
from mnist_bench.leaderboard.plain_board import PlainBoard, PlainRow
from mnist_bench.result_table import Column, Table
from mnist_bench.units import unit
from search.event_log import repeats

Board = Leaderboard | PlainBoard

FIGURES: tuple[Column[Row], ...] = (
    Column("rank", lambda row: f"{row.rank or '–'}{' =' if row.tied else '  '}", 9, "right", lambda row: row.rank),
    Column("trial", lambda row: f"#{row.number}", 9, "right", lambda row: row.number),
    Column(
        "validation",
        lambda row: f"{cells.percent(row.accuracy)} {cells.interval(row.low, row.high)}",
        9,
        number=lambda row: row.accuracy,
    ),
    Column("errors", lambda row: "–" if row.errors is None else str(row.errors), 6, "right"),
    Column("state", lambda row: cells.ending(row.state, row.reason), 8),
    Column("epochs", lambda row: cells.epochs(row.epochs, row.total_epochs), 7, "right", lambda row: row.epochs),
    Column("params", lambda row: cells.count(row.parameters), 5, "right", lambda row: row.parameters),
    Column("MACs", lambda row: cells.count(row.macs), 3, "right", lambda row: row.macs),
    Column("time", lambda row: cells.duration(row.seconds), 4, "right", lambda row: row.seconds),
)
PLAIN_FIGURES: tuple[Column[PlainRow], ...] = (
    Column("rank", lambda row: str(row.rank or "–"), 9, "right"),
    Column("trial", lambda row: f"#{row.number}", 9, "right"),
    Column("value", lambda row: cells.value(row.value), 9, "right"),
    Column("state", lambda row: cells.ending(row.state, row.reason), 8),
    Column("periods", lambda row: cells.epochs(row.periods, row.total_periods), 7, "right"),
    Column("time", lambda row: cells.duration(row.seconds), 4, "right"),
)
PREFERRED = 8
"""So many settings, the first ones, stay longer than the others where the screen is too narrow for all."""


def table_of(board: Board, *, raced: bool = False) -> Table[Any]:
    """Return a board's figures, then the settings in which its rows differ; `raced` as in `footnotes`."""
    caption, below = (headline(board), *digest_lines(board)), footnotes(board, raced=raced)
    match board:
        case PlainBoard():
            names = board.rows[0].params if board.rows else ()
            return Table(
                rows=board.rows, columns=[*PLAIN_FIGURES, *map(_param, names)], caption=caption, footnotes=below,
                record=lambda row: _flat(board.study, asdict(row), "params"),
                document={**asdict(board), "goal": board.goal},
            )  # fmt: skip
        case Leaderboard():
            front = [] if board.cost is None else [Column[Row]("front", lambda row: "yes" if row.on_front else "", 8)]
            headings = board.rows[0].settings if board.rows else ()
            settings = [_setting(name, last=number >= PREFERRED) for number, name in enumerate(headings)]
            return Table(
                rows=board.rows, columns=[*FIGURES[:2], *front, *FIGURES[2:], *settings], caption=caption,
                footnotes=below, record=lambda row: _flat(board.study, plain_row(row), "settings"),
                document=plain(board),
            )  # fmt: skip


def _setting(heading: str, *, last: bool) -> Column[Row]:
    return Column(heading, lambda row: row.settings[heading], 1 if last else 2)


def _param(name: str) -> Column[PlainRow]:
    return Column(name, lambda row: cells.value(row.params[name]), 2)


def _flat(study: str, values: dict[str, Any], nested: str) -> dict[str, Any]:
    """Return a row's plain values as CSV has them: the study's name first, and what is `nested` last."""
    settings = values.pop(nested)
    return {"study": study, **values, **settings}


def headline(board: Board) -> str:
    """Return one line: the study, its counts, what pruning saved."""
    counted = cells.counted(board.counts, live=board.live)
    live = ", running now" if board.live else ""
    return f"{board.study}: {counted} of {board.goal} trials{live}.{_saved(board)}"


def _saved(board: Board) -> str:
    match board:
        case PlainBoard(saved_periods=saved, budget_periods=budget):
            unit_of_time = "periods"
        case Leaderboard(saved_epochs=saved, budget_epochs=budget):
            unit_of_time = "epochs"
    return f" Pruning saved {saved:g} of {budget:g} {unit_of_time}." if saved else ""


def digest_lines(board: Board) -> list[str]:
    """Return the digest and what it promises."""
    ended = sum(board.counts[name] for name in ("complete", "pruned", "failed"))
    if ended < board.goal:
        promise = f"of {ended} of {board.goal} trials so far"
    elif not repeats(board.order):
        promise = (
            "decided as periods arrived: another run of this search may give another; "
            f"`mnist-bench doctor {board.study} --replay` checks this one"
        )
    else:
        way = f" by way of {', then '.join(map(str, board.totals))} trials" if len(board.totals) > 1 else ""
        promise = f"any run of this search{way}, at any number of workers, gives this"
    return [f"digest {grouped(board.digest)}", f"       ({promise}{_by_machine(board.external)})"]


def _by_machine(trials: int) -> str:
    """Return what the digest depends on besides the search, where so many trials were ended by that."""
    ended = "1 trial was" if trials == 1 else f"{trials} trials were"
    return f"; {ended} ended by the machine, short of memory or time, which another run may not be" if trials else ""


def footnotes(board: Board, *, raced: bool = False) -> list[str]:
    """Return the lines below the table: rows left out, what the tie mark means, the test set.

    `raced` says whether the tied already raced with fresh seeds, so that nobody is told to let them.
    """
    lines = []
    if board.hidden:
        every = len(board.rows) + board.hidden
        lines.append(f"{board.hidden} more; `mnist-bench leaderboard {board.study} --top {every}` shows all.")
    if isinstance(board, PlainBoard):
        return [*lines, "Another trainer made this study; values are in its own unit, larger ones better."]
    if board.cost is not None:
        lines.append(front_line(board, board.cost))
    if board.tied > 1:
        tied = f"{board.tied} of {board.counts['complete']} complete trials are tied"
        lines += [
            f"= not distinguishable from the first (paired test over these weights, Holm, 5 %). {tied}"
            f"{'.' if raced else ':'}",
            *([] if raced else ["  `mnist-bench confirm` asks with fresh seeds."]),
        ]
    return [*lines, test_set_line(board.test_openings)]


def front_line(board: Leaderboard, cost: str) -> str:
    """Return what the first rows are where a study minimises a cost too."""
    return (
        f"front: {len(board.front)} of {board.counts['complete']} complete trials; no other is as accurate on as few "
        f"{unit(cost)}, and better in one of the two. They come first; ranks are by accuracy, the best means rank 1."
    )


def test_set_line(openings: int) -> str:
    """Return how often the test set was opened, in words."""
    times = {1: "once", 2: "twice"}.get(openings, f"{openings} times")
    return f"The test set has been opened {times}." if openings else "The test set has not been opened."


def plain(board: Leaderboard) -> dict[str, Any]:
    """Return the board as plain values for JSON."""
    return {
        "study": board.study,
        "digest": board.digest,
        "order": board.order,
        "goal": board.goal,
        "counts": dict(board.counts),
        "external": board.external,
        "tied": board.tied,
        "saved_epochs": board.saved_epochs,
        "budget_epochs": board.budget_epochs,
        "test_openings": board.test_openings,
        "live": board.live,
        "hidden": board.hidden,
        "objective": ["val_accuracy", *([board.cost] if board.cost else [])],
        "front": list(board.front),
        "rows": [plain_row(row) for row in board.rows],
    }


def plain_row(row: Row) -> dict[str, Any]:
    """Return a row as plain values, its settings under `settings`."""
    names = [name for name in Row.__dataclass_fields__ if name != "settings"]
    return {name: getattr(row, name) for name in names} | {"settings": dict(row.settings)}
