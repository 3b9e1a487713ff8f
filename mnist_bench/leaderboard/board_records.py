"""The leaderboard as plain values: one object for JSON, one record per trial for CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench.leaderboard.board import Leaderboard, LeaderboardRow

NET_KEYS = (
    "rank", "tied", "p_value", "number", "accuracy", "low", "high", "errors", "state", "reason", "epochs",
    "total_epochs", "parameters", "macs", "seconds", "settings", "params", "excess", "seed", "curve", "on_front",
    "first_then", "ahead",
)  # fmt: skip
"""The fields of a row for programs in a study of nets, in this order: names that JSON and CSV keep."""
KEYS = (
    "rank", "number", "value", "metrics", "state", "reason", "periods", "total_periods", "seconds", "params", "excess",
    "seed", "curve", "first_then", "ahead", "cost", "on_front",
)  # fmt: skip
"""The same in a study of another trainer."""
FIELDS = {
    "accuracy": "value", "epochs": "done", "total_epochs": "total", "periods": "done", "total_periods": "total",
}  # fmt: skip
"""Fields of a row whose keys have another name."""


def record_keys(board: Leaderboard) -> list[str]:
    """Return the columns of CSV: the keys of each record, in their order."""
    keys = KEYS if board.net is None else NET_KEYS
    figures = [key for key in keys if key not in ("metrics", "settings", "params", "excess", "curve")]
    figures += [f"metrics.{name}" if name in figures else name for name in board.metrics]
    excess = [f"excess.{name}" for name in board.limits]
    params = [f"params.{name}" if name in figures else name for name in board.parameters]
    return ["study", *figures, *excess, *params]


def record_of(board: Leaderboard, row: LeaderboardRow) -> dict[str, Any]:
    """Return a row as CSV has it: the study, the figures, the metrics, the excess over each limit, every parameter."""
    figures = plain_row(row, curves=False)
    for name in ("excess", "metrics", "params", "settings"):
        figures.pop(name, None)
    figures |= {f"metrics.{name}" if name in figures else name: row.metrics.get(name) for name in board.metrics}
    excess = {f"excess.{name}": row.excess.get(name) for name in board.limits}
    params = {f"params.{name}" if name in figures else name: row.params.get(name) for name in board.parameters}
    return {"study": row.study or board.study, **figures, **excess, **params}


def curve_records(board: Leaderboard) -> list[dict[str, Any]]:
    """Return the learning curves of a board as CSV has them: a row per period, of each trial in the board's order."""
    named = [(row.study or board.study, row) for row in board.rows]
    return [{"study": study, "number": row.number, **period} for study, row in named for period in row.curve]


def plain(board: Leaderboard) -> dict[str, Any]:
    """Return the board as plain values for JSON: the figures of the study, or of each, and the rows."""
    if board.boards:
        rows = [{"study": row.study, **plain_row(row, curves=board.has_curves)} for row in board.rows]
        return {"studies": [*map(_figures, board.boards)], "hidden": board.hidden, "rows": rows}
    return {
        **_figures(board),
        "hidden": board.hidden,
        "rows": [plain_row(row, curves=board.has_curves) for row in board.rows],
    }


def _figures(board: Leaderboard) -> dict[str, Any]:
    shared = {
        "study": board.study,
        "digest": board.digest,
        "order": board.order,
        "goal": board.goal,
        "counts": dict(board.counts),
        "external": board.external,
        "live": board.live,
        "front": list(board.front),
        "stop": None if board.stop is None else asdict(board.stop),
        "ahead": list(board.ahead),
        "published": None if board.published is None else asdict(board.published),
    }
    further = (
        {
            "totals": list(board.totals),
            "saved_periods": board.saved,
            "budget_periods": board.budget,
            "cost": board.cost,
            "value_name": board.value_name,
            "minimized": board.minimized,
        }
        if board.net is None
        else {
            "tied": board.net.tied,
            "saved_epochs": board.saved,
            "budget_epochs": board.budget,
            "test_openings": board.net.test_openings,
            "objective": ["val_accuracy", *([board.cost] if board.cost else [])],
            "parameters": list(board.parameters),
        }
    )
    return {**shared, **further}


def plain_row(row: LeaderboardRow, *, curves: bool) -> dict[str, Any]:
    """Return a row as plain values: true parameters under `params`, cells for display only under `settings`."""
    values = asdict(row)
    values |= values["net"] or {}
    keys = KEYS if row.net is None else NET_KEYS
    return {key: values[FIELDS.get(key, key)] for key in keys if curves or key != "curve"}
