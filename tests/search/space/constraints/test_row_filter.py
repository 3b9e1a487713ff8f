"""Conditions over the columns of a table: which rows they keep, and which are refused with a hint."""

from __future__ import annotations

from typing import Any

import pytest

from search.errors import UsageError
from search.space.constraints import read_filter

COLUMNS: dict[str, list[Any]] = {
    "epochs": [1, 6, None],
    "state": ["COMPLETE", "PRUNED"],
    "tied": [True, False],
    "optim.lr": [0.01, 0.02, None],
    "optim.epochs": [3],
    "model.filters": [[8, 16], 8],
    "p_value": [None],
    "a.rate": [1],
    "b.rate": [1],
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("lr > 0.01 and epochs == 6", [1]),
        ("optim.lr == 0.5", []),
        ("tied", [0]),
        ("not tied", [1, 2]),
        ("state != 'PRUNED' or lr < 1", [0, 1]),
        ("not lr > 0.01", [0]),  # a missing value meets neither a comparison nor its opposite
        ("lr / (epochs - 1) > 0", [1]),  # 1 / 0 has no result
        ("state in ['PRUNED', 'COMPLETE']", [0, 1, 2]),
    ],
)
def test_a_condition_keeps_the_rows_that_meet_it(text: str, kept: list[int]) -> None:
    rows = [
        {"epochs": 1, "state": "COMPLETE", "tied": True, "optim.lr": 0.01},
        {"epochs": 6, "state": "COMPLETE", "tied": False, "optim.lr": 0.02},
        {"epochs": 6, "state": "PRUNED", "tied": False, "optim.lr": None},
    ]
    condition = read_filter(text, COLUMNS)
    assert [place for place, row in enumerate(rows) if condition.keeps(row)] == kept


def test_a_whole_name_comes_before_a_part_of_another() -> None:
    assert read_filter("epochs > 1", COLUMNS).columns == ("epochs",)
    assert read_filter("lr > 1 and lr < 2", COLUMNS).columns == ("optim.lr",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("lrr > 0.01", "where lrr > 0.01, character 1: no column lrr; did you mean `lr`?"),
        (
            "learning > 1",
            "where learning > 1, character 1: no column learning; there are lr, optim.epochs, filters, a.rate, b.rate, "
            "epochs, state, tied, p_value.",
        ),
        ("lr > 'a'", "where lr > 'a', character 6: `>` takes numbers, and 'a' is a, a text."),
        ("state == 'PRUNE'", "where state == 'PRUNE', character 1: state is never PRUNE; did you mean `PRUNED`?"),
        ("lr = 1", "where lr = 1, character 4: `=` is not allowed here; `==` compares."),
        ("rate > 1", "where rate > 1, character 1: rate is in several sections; write a.rate or b.rate."),
        ("1 < 2", "where 1 < 2, character 1: names no field with a range, so it never changes."),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_be_right(text: str, error: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_filter(text, COLUMNS)
    assert str(refused.value) == error
