"""Rows that meet a condition, in any order, with chosen columns."""

from __future__ import annotations

from typing import Any

import pytest

from mnist_bench.leaderboard.board import Leaderboard, Selection, leaderboard_of
from mnist_bench.leaderboard.board_records import plain
from mnist_bench.leaderboard.board_table import table_of
from mnist_bench.leaderboard.selection import select
from search.errors import UsageError
from support import handmade, handmade_values


def board(**selected: Any) -> Leaderboard:
    return select(leaderboard_of(handmade.mixed()), Selection(**selected))


def numbers(**selected: Any) -> list[int]:
    return [row.number for row in board(**selected).rows]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("state == 'PAUSED'", [7]),
        ("validation > 0.99 and rank <= 2", [1, 0]),
        ("value > 0.99 and not tied", [1]),
        ("number in [1, 6] or time < 2", [1, 3, 6]),
        ("lr < 0.01", [1]),
        ("reason == 'crashed'", [6]),
        ("params > 60000 and MACs < 3e6 and trial == 2", [2]),
    ],
)
def test_columns_have_the_names_of_csv_and_those_of_the_table(where: str, kept: list[int]) -> None:
    assert numbers(where=where) == kept


def test_rows_are_sorted_by_any_column_and_missing_values_come_last() -> None:
    assert numbers(sort="number") == [0, 1, 2, 3, 4, 6, 7]
    assert numbers(sort="-number") == [7, 6, 4, 3, 2, 1, 0]
    assert numbers(sort="-lr")[:3] == [2, 0, 1]
    assert numbers(sort="lr")[:3] == [1, 0, 2]
    assert numbers(sort="state,-number") == [2, 1, 0, 6, 7, 4, 3]


def test_ranks_and_ties_stay_those_among_all_trials() -> None:
    (row,) = board(where="number == 0").rows
    assert (row.rank, row.tied) == (2, True)
    assert board(where="number == 0").filtered == 6
    (line, *_) = table_of(board(where="number == 0")).footnotes
    assert line == "1 of 7 trials meets number == 0. Ranks are among all trials."


def test_if_no_row_meets_a_condition_the_values_are_told() -> None:
    (line, *_) = table_of(board(where="accuracy > 99")).footnotes
    assert line.startswith("0 of 7 trials meet accuracy > 99. Ranks are among all trials. Here, accuracy is 0.")
    assert line.endswith(" to 0.995.")
    assert "Here, state is COMPLETE, " in table_of(board(where="state == 'RUNNING'")).footnotes[0]


def test_a_table_without_rows_keeps_its_columns() -> None:
    table = table_of(board(where="number > 99", columns=("trial", "lr", "accuracy")))
    assert [column.heading for column in table.columns] == ["trial", "lr", "validation"]
    assert (table.records(), table.keys) == ([], ["number", "optim.lr", "accuracy"])
    every, none = table_of(board()), table_of(board(where="number > 99"))
    assert list(every.records()[0]) == every.keys == none.keys


def test_chosen_columns_are_those_of_the_table_or_plain_values() -> None:
    table = table_of(board(columns=("trial", "lr", "tied", "validation", "blocks")))
    assert [column.heading for column in table.columns] == ["trial", "lr", "tied", "validation", "blocks"]
    assert table.texts()[0] == ["#1", "0.0093", "no", "99.50% [98.83, 99.79]", "3"]
    assert table.records()[0] == {
        "number": 1, "optim.lr": 0.0093, "tied": False, "accuracy": 0.995, "model.blocks": 3
    }  # fmt: skip


def test_what_the_rows_are_sorted_by_is_a_column_before_the_settings() -> None:
    columns = table_of(board(sort="-lr")).columns
    assert [column.heading for column in columns if column.importance >= 17] == ["rank", "trial", "validation", "lr"]
    assert "p_value" in [column.heading for column in table_of(board(sort="p_value")).columns]


def test_the_hint_below_the_table_repeats_the_selection() -> None:
    cut = select(leaderboard_of(handmade.mixed()), Selection(sort="-lr", where="number < 5"), top=2)
    assert any(
        line == "3 more; `mnist-bench leaderboard conv-0 --top 5 --where 'number < 5' --sort=-lr` shows all."
        for line in table_of(cut).footnotes
    )
    assert plain(cut)["selection"] == {"where": "number < 5", "sort": "-lr", "filtered": 2}
    assert "selection" not in plain(leaderboard_of(handmade.mixed()))


@pytest.mark.parametrize(
    ("selected", "error"),
    [
        ({"sort": "lrr"}, "sort lrr: no such column; did you mean `lr`?"),
        ({"columns": ("trial", "epoch")}, "columns epoch: no such column; did you mean `epochs`?"),
        ({"columns": ("zzz",)}, "columns zzz: no such column; there are excess.macs, lr, model.blocks, study, "),
        ({"where": "epoch > 3"}, "where epoch > 3, character 1: no column epoch; did you mean `epochs`?"),
        ({"where": "state == 'PAUSE'"}, "where state == 'PAUSE', character 1: state is never PAUSE; did you mean "),
    ],
)
def test_an_unknown_name_is_refused_with_what_would_be_right(selected: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as refused:
        board(**selected)
    assert str(refused.value).startswith(error)


def test_values_of_another_trainer_have_their_own_names() -> None:
    study = handmade_values.study([handmade_values.trial(n, [float(n)] * 4) for n in range(4)])
    ranked = leaderboard_of(study, of_nets=False)
    assert [row.number for row in select(ranked, Selection(where="value > 1 and periods == 4", sort="value")).rows] == [
        2,
        3,
    ]
    assert [row.number for row in select(ranked, Selection(where="twice > 4")).rows] == [3]
    table = table_of(ranked)
    assert list(table.records()[0]) == table.keys
