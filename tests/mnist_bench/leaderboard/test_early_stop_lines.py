"""A search that ended before its goal, and trials that stopped ahead of the best, in words and as data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from mnist_bench.leaderboard.board import leaderboard_of
from mnist_bench.leaderboard.board_table import ahead_words, digest_lines, headline, table_of
from mnist_bench.leaderboard.ranking import first_then, is_ahead
from mnist_bench.next_commands import NextCommands
from mnist_bench.value_kind import NETS, ValueKind
from search.event_log.history import StopRules
from search.event_log.records import EarlyStop
from support import handmade

RIGHT = st.integers(0, handmade.IMAGES)
PATIENCE = EarlyStop(rule="patience", limit=12, best=17, value=0.9941, since=12)
TARGET = EarlyStop(rule="target", limit=0.994, best=17, value=0.9941, since=0)


@pytest.mark.parametrize(
    ("stop", "kind", "words"),
    [
        (TARGET, NETS, "Stopped early by --target 99.4%: #17 reached 99.41%."),
        (PATIENCE, NETS, "Stopped early by --patience 12: 12 trials ended since #17 (99.41%), and none was better."),
        (
            replace(PATIENCE, limit=1, since=1, two_objectives=True),
            NETS,
            "Stopped early by --patience 1: 1 trial ended since #17 (99.41%), and none came to the front.",
        ),
        (replace(TARGET, limit=12.5, value=13.0), ValueKind(), "Stopped early by --target 12.5: #17 reached 13."),
    ],
)
def test_why_a_search_stopped(stop: EarlyStop, kind: ValueKind, words: str) -> None:
    assert kind.stop_line(stop) == words


def test_rules_in_a_few_words() -> None:
    assert NETS.rules(StopRules()) == []
    assert NETS.rules(StopRules(patience=12, target=0.9941)) == ["patience 12", "target 99.41%"]
    assert NETS.stop_option(PATIENCE) == "--patience 12"


def test_a_stopped_trial_is_compared_at_its_last_epoch_with_the_first_at_that_epoch() -> None:
    board = leaderboard_of(handmade.ended_early())
    assert board.first == 0
    assert board.ahead == (2, 1)  # in the order of the rows: #2 may still continue
    told = {row.trial.number: (row.first_then, row.ahead) for row in board.rows}
    assert told == {0: (None, False), 1: (0.9, True), 2: (0.95, True), 3: (0.9, False), 4: (None, False)}


def test_a_trial_that_still_trains_is_not_compared() -> None:
    study = handmade.ended_early()
    trials = [replace(trial, reason="running") if trial.number == 2 else trial for trial in study.trials]
    assert leaderboard_of(replace(study, trials=tuple(trials), stop=None, live=True)).ahead == (1,)


def test_all_that_were_ahead_are_told_however_few_rows_are_shown() -> None:
    board = leaderboard_of(handmade.ended_early(), top=1)
    line = "ahead: stopped early, ahead of #0 at the same epoch: #2, #1. With more training, one of them might lead."
    assert line in table_of(board).footnotes
    values = replace(board, kind=ValueKind(), first=3, ahead=(4,))
    assert (
        ahead_words(values) == "stopped early, ahead of #3 at the same report: #4. With more training, it might lead."
    )
    assert ": #4, #5, #6, #7, #8 and 2 more. " in ahead_words(replace(board, ahead=tuple(range(4, 11))))


def test_complete_trials_come_first_and_a_better_one_that_stopped_says_so_in_its_row() -> None:
    table = table_of(leaderboard_of(handmade.ended_early()))
    state = [column.heading for column in table.columns].index("state")
    assert [row[state] for row in table.texts()] == [
        "COMPLETE", "PAUSED, ahead", "PRUNED (diverged)", "PRUNED, ahead", "PRUNED",
    ]  # fmt: skip
    records = {record["number"]: record for record in table.records()}
    assert (records[1]["ahead"], records[1]["first_then"]) == (True, 0.9)
    assert table.document["studies"][0]["ahead"] == [2, 1]
    assert table.document["studies"][0]["stop"] == {
        "rule": "patience", "limit": 3, "best": 0, "value": 0.99, "since": 3, "two_objectives": False,
        "on_time": True,
    }  # fmt: skip


def test_a_study_that_stopped_early_is_not_called_unfinished() -> None:
    study = handmade.ended_early()
    board = leaderboard_of(study)
    assert "of 9 trials. Stopped early by --patience 3: 3 trials ended since #0 (99.00%)" in headline(board)
    assert digest_lines(board, NextCommands(study=board.study))[1].strip() == (
        "(any run of this search with --patience 3, at any number of workers on this kind of processor, gives this)"
    )
    assert study.stop is not None
    late = leaderboard_of(replace(study, stop=replace(study.stop, on_time=False)))
    assert digest_lines(late, NextCommands(study=late.study))[1].strip() == "(of 4 of 9 trials so far)"
    assert "since #0 (0.99)" in headline(replace(board, kind=ValueKind()))


@given(st.lists(RIGHT, min_size=1, max_size=6), st.lists(RIGHT, min_size=6, max_size=6))
def test_no_complete_trial_is_ahead_and_a_stopped_one_only_where_it_was_better(
    stopped: list[int], best: list[int]
) -> None:
    curves = [[right / handmade.IMAGES for right in each] for each in (best, stopped)]
    first, trial = (handmade.trial(number, curve=each) for number, each in enumerate(curves))
    assert is_ahead(trial, first) == (len(stopped) < 6 and stopped[-1] > best[len(stopped) - 1])
    assert not is_ahead(first, first)
    assert first_then(trial, None) is None
