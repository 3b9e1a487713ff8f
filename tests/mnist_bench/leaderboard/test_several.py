"""Several studies in one leaderboard: one order by value, ranks and signs of each study, one objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.leaderboard.board import cut, leaderboard_of
from mnist_bench.leaderboard.board_table import table_of
from mnist_bench.next_commands import NextCommands
from search.errors import UsageError
from search.study.studies import StoredStudy
from support import handmade


def study(name: str, *wrong: Sequence[int], **more: Any) -> StoredStudy:
    return handmade.study([handmade.trial(n, each, **more) for n, each in enumerate(wrong)], name=name)


FIRST = study("a", range(20), range(5), range(300))
SECOND = study("b", range(6), range(7), range(100, 140))


def test_the_trials_of_all_studies_are_in_one_order_with_the_ranks_and_ties_of_their_own() -> None:
    board = leaderboard_of(FIRST, SECOND)
    assert [(row.study, row.rank, row.trial.number, row.tied) for row in board.rows] == [
        ("a", 1, 1, False), ("b", 1, 0, False), ("b", 2, 1, True), ("a", 2, 0, False), ("b", 3, 2, False),
        ("a", 3, 2, False),
    ]  # fmt: skip
    assert (board.counts["complete"], board.goal) == (6, 6)


def test_what_trials_have_not_ended_or_were_not_trained_comes_after_all_complete_ones() -> None:
    found = handmade.mixed(name="a")
    board = leaderboard_of(found, SECOND, infeasible=True)
    assert [(row.study, row.trial.state) for row in board.rows[6:]] == [
        ("a", "RUNNING"), ("a", "PRUNED"), ("a", "PRUNED"), ("a", "FAIL"), ("a", "PRUNED")
    ]  # fmt: skip
    assert board.rows[-1].trial.reason == "infeasible"
    assert table_of(board).divisions() == {7: "ended early"}


def test_what_holds_of_one_of_them_holds_of_all() -> None:
    assert leaderboard_of(replace(FIRST, live=True), SECOND).live
    assert not leaderboard_of(FIRST, SECOND).live
    normed = study("normed", range(6), params={"model.batchnorm": "after_activation"})
    (params,) = [column for column in table_of(leaderboard_of(FIRST, normed)).columns if column.heading == "params"]
    assert params.legend == ["params: running statistics of batchnorm included"]


def test_of_two_objectives_the_best_are_shown_and_not_the_front_alone() -> None:
    two = handmade.two_objectives()
    every = leaderboard_of(two, replace(two, name="again"))
    assert [row.on_front for row in every.rows[:4]] == [True, True, False, False]
    few = leaderboard_of(two, replace(two, name="again"), top=4)
    assert ([row.trial.number for row in few.rows], few.hidden) == ([row.trial.number for row in every.rows[:4]], 8)


def test_the_table_names_the_study_first_and_says_that_nothing_is_tested_across() -> None:
    table = table_of(
        leaderboard_of(FIRST, SECOND, top=2), commands=NextCommands(study="a", place=("--results", "mine"))
    )
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "validation"]
    assert table.caption == ("a, b: 6 complete of 6 trials.", "Accuracy of 1,000 validation images, 95% intervals.")
    assert table.footnotes == [
        "4 more; `mnist-bench leaderboard a b --top 6 --results mine` shows all.",
        "Ranks, `=` and `ahead` are those within each study: no test was made across studies. "
        "`mnist-bench compare a b --results mine` tests two studies.",
        "The test set has not been evaluated.",
    ]
    assert table.whole == "`mnist-bench leaderboard a b --wide --results mine`"


def test_data_name_the_study_of_each_row() -> None:
    table = table_of(cut(leaderboard_of(FIRST, SECOND), 2))
    assert [(record["study"], record["rank"]) for record in table.records()] == [("a", 1), ("b", 1)]
    document = table.document
    assert [(each["study"], each["digest"]) for each in document["studies"]] == [
        ("a", FIRST.digest), ("b", SECOND.digest)
    ]  # fmt: skip
    assert document["hidden"] == 4
    assert [(row["study"], row["number"]) for row in document["rows"]] == [("a", 1), ("b", 0)]


def test_settings_in_which_studies_differ_are_columns() -> None:
    slow = study("slow", range(6), params={"model.blocks": 3})
    assert "blocks" not in [column.heading for column in table_of(leaderboard_of(FIRST)).columns]
    table = table_of(leaderboard_of(FIRST, slow))
    (blocks,) = [place for place, column in enumerate(table.columns) if column.heading == "blocks"]
    assert [texts[blocks] for texts in table.texts()] == ["2", "3", "2", "2"]
    assert [record["model.blocks"] for record in table.records()][:2] == [None, 3]


def test_values_of_one_objective_are_one_table_the_best_first() -> None:
    smaller = {"objective": "twice", "direction": "minimize"}
    one, two = (
        replace(
            handmade.value_study([handmade.value_trial(0, [value] * 4), handmade.value_trial(1, [9.0] * 4)], smaller),
            name=name,
        )
        for name, value in [("one", 2.0), ("two", 1.0)]
    )
    two = replace(two, trials=tuple(replace(trial, params={"size": 7}) for trial in two.trials))
    table = table_of(leaderboard_of(one, two))
    assert [row.study for row in table.rows] == ["two", "one", "one", "two"]
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "twice"]
    assert [record["size"] for record in table.records()] == [7, None, None, 7]
    assert table.footnotes[0].endswith("`mnist-bench compare one two` compares two studies.")


def test_studies_of_different_objectives_are_refused_with_those_of_each() -> None:
    context = FIRST.spec["context"]
    other = {**context, "data": {**context["data"], "split_hash": "f" * 64}}
    apart = replace(study("c", range(3)), spec={**FIRST.spec, "context": other})
    values = handmade.value_study([handmade.value_trial(0, [1.0] * 4)])
    with pytest.raises(UsageError) as refused:
        leaderboard_of(FIRST, apart, SECOND, values)
    assert str(refused.value) == (
        "Studies of different objectives are not in one leaderboard. "
        "a and b: accuracy on 1,000 validation images of mnist (files 01234567, split 01234567); "
        "c: accuracy on 1,000 validation images of mnist (files 01234567, split ffffffff); "
        "ridge-0: value, larger is better."
    )
    with pytest.raises(UsageError, match=r"a: accuracy on 1,000 .*; two: accuracy and macs on 1,000 "):
        leaderboard_of(FIRST, handmade.two_objectives())
    with pytest.raises(UsageError, match="2 studies have the name a; in one leaderboard each needs its own"):
        leaderboard_of(FIRST, FIRST)
