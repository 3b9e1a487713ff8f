"""The hash tree: every part of a period changes its leaf, and every leaf the root."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.certificates import hash_tree
from search.event_log.records import StudyRecord
from support import handmade

LOG, *LEAVES = (f"{number:064x}" for number in range(8))


@pytest.mark.parametrize("count", range(8))
def test_a_root_changes_with_each_leaf_and_with_the_log(count: int) -> None:
    leaves = LEAVES[:count]
    changed = [[*leaves[:index], "f" * 64, *leaves[index + 1 :]] for index in range(count)]
    roots = [hash_tree.root(LOG, leaves), hash_tree.root("e" * 64, leaves)]
    roots += [hash_tree.root(LOG, other) for other in (*changed, [*leaves, "f" * 64])]
    assert len({*roots}) == len(roots)


def test_a_leaf_that_is_repeated_is_not_one_without_a_partner() -> None:
    assert hash_tree.root(LOG, LEAVES[:3]) != hash_tree.root(LOG, [*LEAVES[:3], LEAVES[2]])


def test_the_order_of_leaves_counts() -> None:
    assert hash_tree.root(LOG, LEAVES) != hash_tree.root(LOG, LEAVES[::-1])


def one(**changes: Any) -> StudyRecord:
    return handmade.study([replace(handmade.trial(0, periods=3), **changes)])


def test_there_is_a_leaf_per_period() -> None:
    assert len({*hash_tree.leaves(one())}) == 3


@pytest.mark.parametrize("changes", [{"number": 5}, {"seed": 99}, {"config": {"epochs": 7}}])
def test_a_trial_is_bound_by_all_its_leaves(changes: dict[str, Any]) -> None:
    assert not {*hash_tree.leaves(one())} & {*hash_tree.leaves(one(**changes))}


@pytest.mark.parametrize(
    ("change", "leaves"),
    [({"value": 0.5}, [1]), ({"metrics": {}}, [1]), ({"end": "diverged"}, [1]), ({"weights": "0"}, [1, 2])],
)
def test_a_result_is_bound_by_its_leaf_and_weights_by_the_next_too(change: dict[str, Any], leaves: list[int]) -> None:
    reports = list(one().trials[0].reports)
    reports[1] = replace(reports[1], **change)
    before, after = hash_tree.leaves(one()), hash_tree.leaves(one(reports=tuple(reports)))
    assert [index for index in range(3) if before[index] != after[index]] == leaves


def test_times_are_not_bound() -> None:
    reports = tuple(replace(report, seconds=99.0, started=1.0, worker=3) for report in one().trials[0].reports)
    assert hash_tree.leaves(one(reports=reports)) == hash_tree.leaves(one())
