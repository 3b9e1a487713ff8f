"""The rows of a leaderboard that meet a condition, in any order: every column of CSV has a name here, and most a short
one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args

from mnist_bench import cells
from mnist_bench.leaderboard.board import Board, Leaderboard, LeaderboardRow, Selection, cut
from mnist_bench.leaderboard.board_records import record_keys, record_of
from search.arguments import is_number
from search.errors import UsageError
from search.hashed import Reason, State
from search.messages import did_you_mean, first_few, listing, show
from search.space.constraints import RowFilter, read_filter, short_names

Entry = TypeVar("Entry")
NET_ALIASES = {
    "trial": "number", "validation": "accuracy", "value": "accuracy", "params": "parameters", "MACs": "macs",
    "time": "seconds",
}  # fmt: skip
"""Other names of columns: the headings of the table."""
ALIASES = {"trial": "number", "time": "seconds"}
"""The same in a study of another trainer."""
NAMED = 8
"""Largest number of values that a sentence names."""
CLOSED = {"state": (*get_args(State), "PAUSED"), "reason": get_args(Reason)}
"""All values of a column, whether or not a row has them."""


def select(board: Board, selection: Selection, top: int | None = None) -> Board:
    """Return a board with the rows that a selection asks for, at most `top`; ranks stay those among all trials.

    Raises:
        UsageError: the selection names a column that the board does not have, or its condition cannot be read.
    """
    rows = selected(board.rows, lambda row: values_of(board, row), selection)
    check_columns(selection, column_names(board))
    unmet = (
        "" if rows or selection.where is None else spans(selection.where, [values_of(board, row) for row in board.rows])
    )
    filtered = len(board.rows) - len(rows)
    chosen = replace(board, rows=tuple(rows), selection=selection, filtered=filtered, unmet=unmet)
    return chosen if top is None else cut(chosen, top)


def selected(
    entries: Sequence[Entry], values: Callable[[Entry], Mapping[str, Any]], selection: Selection
) -> Sequence[Entry]:
    """Return the entries that meet the condition of a selection, in its order; errors as in `select`.

    A comparison with a missing value is not met. Missing values are sorted to the end.
    """
    if not entries:
        return entries
    rows = [(entry, values(entry)) for entry in entries]
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    if selection.where is not None:
        condition = _condition(selection.where, [row for _, row in rows])
        rows = [(entry, row) for entry, row in rows if condition.keeps(row)]
    for part in reversed([] if selection.sort is None else selection.sort.split(",")):
        name = column_named(part.strip().removeprefix("-"), names, "sort")
        rows = _sorted(rows, name, largest_first=part.strip().startswith("-"))
    return [entry for entry, _ in rows]


def _condition(where: str, rows: Sequence[Mapping[str, Any]]) -> RowFilter:
    names = dict.fromkeys(name for row in rows for name in row)
    return read_filter(where, {name: CLOSED.get(name) or [row.get(name) for row in rows] for name in names})


def spans(where: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the values that the columns of a condition have in these rows, in a sentence."""
    return (
        "Here, "
        + "; ".join(_span(name, [row.get(name) for row in rows]) for name in _condition(where, rows).columns)
        + "."
    )


def _span(name: str, found: Iterable[Any]) -> str:
    present = sorted((value for value in found if value is not None), key=_key)
    if present and all(map(is_number, present)):
        return f"{name} is {cells.value(present[0])} to {cells.value(present[-1])}"
    return f"{name} is {first_few(list(dict.fromkeys(map(cell, present))), NAMED) or 'never known'}"


def _sorted(
    rows: Sequence[tuple[Entry, Mapping[str, Any]]], name: str, *, largest_first: bool
) -> list[tuple[Entry, Mapping[str, Any]]]:
    present = [pair for pair in rows if pair[1].get(name) is not None]
    missing = [pair for pair in rows if pair[1].get(name) is None]
    return [*sorted(present, key=lambda pair: _key(pair[1][name]), reverse=largest_first), *missing]


def _key(value: Any) -> tuple[bool, float, str]:
    """Return the key of a value: numbers before texts, each in their own order."""
    if isinstance(value, int | float):
        return (False, value, "")
    return (True, 0.0, show(value))


def values_of(board: Leaderboard, row: LeaderboardRow) -> dict[str, Any]:
    """Return what conditions and orders know of a row: the columns of CSV, the state as shown, and other names."""
    record = record_of(board, row)
    record["state"] = "PAUSED" if row.reason == "paused" else row.state
    return record | {alias: record[name] for alias, name in aliases(board).items() if alias not in record}


def aliases(board: Leaderboard) -> Mapping[str, str]:
    """Return the other names of columns, each with the name in CSV."""
    return NET_ALIASES if board.net is not None else {**ALIASES, board.value_name: "value"}


def chosen_keys(board: Leaderboard) -> list[str]:
    """Return the columns of CSV, or those that the selection names, as CSV names them."""
    every = record_keys(board)
    if not board.selection.columns:
        return every
    known = aliases(board)
    # A parameter before a compact cell of its name, whose text is for display only.
    sure = [*every, *known, *(column.partition(".")[2] for column in every)]
    named = [
        column_named(name, [*every, *known] if name in sure else column_names(board), "columns")
        for name in board.selection.columns
    ]
    return [name if name in every else known.get(name, name) for name in named]


def chosen_record(board: Leaderboard, row: LeaderboardRow) -> dict[str, Any]:
    """Return a row as CSV has it, with the columns of `chosen_keys`."""
    record = record_of(board, row)
    if not board.selection.columns:
        return record
    return {key: record[key] if key in record else _compact(row)[key] for key in chosen_keys(board)}


def _compact(row: LeaderboardRow) -> Mapping[str, str]:
    return {} if row.net is None else row.net.settings


def sorted_by(board: Leaderboard) -> list[str]:
    """Return the columns that the rows are sorted by, as the selection names them."""
    return [part.strip().removeprefix("-") for part in (board.selection.sort or "").split(",") if part.strip()]


def column_names(board: Leaderboard) -> list[str]:
    """Return the names that `Selection.columns` may hold: those of `values_of`, and the headings of compact cells."""
    names = [*record_keys(board), *aliases(board)]
    headings = [name for row in board.rows[:1] for name in _compact(row)]
    return list(dict.fromkeys([*names, *headings]))


def check_columns(selection: Selection, known: Collection[str]) -> None:
    """Check that each column that a selection names is known; errors as in `select`."""
    for name in selection.columns:
        column_named(name, known, "columns")


def column_named(name: str, known: Collection[str], argument: str) -> str:
    """Return the column that a name stands for: its whole name, or what follows its first dot.

    Raises:
        UsageError: no column has this name, or several have.
    """
    if name in known:
        return name
    found = [column for column in known if column.partition(".")[2] == name]
    if len(found) > 1:
        raise UsageError(f"{argument} {show(name)}: is in several sections; write {listing(found)}.")
    if not found:
        shorts = [column.partition(".")[2] for column in known]
        hint = did_you_mean(name, [*known, *filter(None, shorts)])
        others = f"; there are {short_names(known)}."
        raise UsageError(f"{argument} {show(name)}: no such column{hint or others}")
    return found[0]


def cell(value: Any) -> str:
    """Return a plain value as a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "·".join(map(cells.value, value)) if isinstance(value, list | tuple) else cells.value(value)
