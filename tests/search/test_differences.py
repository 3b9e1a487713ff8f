"""Where two nested mappings differ."""

from __future__ import annotations

from typing import Any

import pytest

from search.differences import differences


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([[1, 2], [1, 3]], [[1, 9], [1, 3]]),
        ([["a", 2], ["a", 3]], [["a", 9], ["a", 3]]),
        ([[[8], 16]], [[[8], 32]]),
    ],
)
def test_lists_of_two_are_pairs_only_where_names_of_their_own_come_first(old: Any, new: Any) -> None:
    assert differences({"config": {"w": old}}, {"config": {"w": new}}) == [("config.w", str(old), str(new))]


def test_pairs_with_names_of_their_own_are_compared_by_name() -> None:
    old, new = [["lr", 1], ["depth", 2]], [["lr", 1], ["width", 2], ["depth", 3]]
    assert differences({"fields": old}, {"fields": new}) == [("fields.depth", "2", "3"), ("fields.width", "-", "2")]
