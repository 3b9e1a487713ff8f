"""The leaderboard as a table: its columns, keys and lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from mnist_bench.leaderboard.board import ahead_words, cut, digest_lines, headline, table_of
from mnist_bench.leaderboard.ranking import first_then, is_ahead, leaderboard_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.value_kind import ValueKind
from search.study.studies import StoredStudy
from support import handmade


def test_a_front_comes_first_and_its_cost_is_shown() -> None:
    shapes = [(0.994, 300, 4), (0.995, 200, 4), (0.96, 50, 4), (0.999, 1, 1), (0.96, 50, 4), (0.95, 60, 4)]
    trials = [
        handmade.value_trial(number, [value] * periods, facts={"macs": macs})
        for number, (value, macs, periods) in enumerate(shapes)
    ]
    board = leaderboard_of(handmade.value_study(trials, {"objective": ["score", "macs"]}))
    assert (board.cost, board.front) == ("macs", (1, 2, 4))
    shown = [(row.trial.number, row.rank, row.cost, row.on_front) for row in board.rows]
    assert shown == [
        (1, 1, 200, True), (2, 3, 50, True), (4, 4, 50, True), (0, 2, 300, False), (5, 5, 60, False),
        (3, None, 1, False),
    ]  # fmt: skip
    table = table_of(board)
    assert [column.heading for column in table.columns][:5] == ["rank", "trial", "front", "score", "macs"]
    assert table.texts()[0][:3] == ["1", "#1", "yes"]
    (line,) = [line for line in table.footnotes if line.startswith("front: ")]
    assert line.startswith("front: 3 of 5 complete trials; no other is as good in both score and macs, and better")
    assert table.document["studies"][0]["front"] == [1, 2, 4]


def test_columns_stand_in_their_order_and_a_narrow_screen_keeps_the_first_of_them() -> None:
    columns = table_of(leaderboard_of(handmade.mixed())).columns
    assert [(column.heading, column.align) for column in columns] == [
        ("rank", "right"), ("trial", "right"), ("validation", "left"), ("errors", "right"), ("state", "left"),
        ("epochs", "right"), ("params", "right"), ("MACs", "right"), ("time", "right"),
        ("blocks", "left"), ("filters", "left"), ("lr → drops", "left"),
    ]  # fmt: skip
    kept = sorted(columns, key=lambda column: -column.importance)
    assert [column.heading for column in kept][:9] == [
        "trial", "validation", "rank", "errors", "state", "epochs", "blocks", "params", "filters"
    ]  # fmt: skip
    values = table_of(leaderboard_of(handmade.halved_values())).columns
    assert [(column.heading, column.align) for column in values] == [
        ("rank", "right"), ("trial", "right"), ("value", "right"), ("twice", "right"), ("state", "left"),
        ("reports", "right"), ("time", "right"), ("ridge.rate", "left"), ("ridge.kind", "left"),
    ]  # fmt: skip


def test_parameters_in_which_the_rows_of_another_trainer_differ_are_columns_and_of_one_row_its_own() -> None:
    params = [{"kind": "plain", "rate": 1}, {"kind": "plain", "rate": 1}, {"kind": "plain", "size": 2}]
    trials = [handmade.value_trial(n, [1.0 - n] * 4, params=each) for n, each in enumerate(params)]
    board = leaderboard_of(handmade.value_study(trials))
    for top, names in ((3, ["rate", "size"]), (2, []), (1, ["kind", "rate"])):
        assert [column.heading for column in table_of(cut(board, top)).columns if column.is_setting] == names


def test_the_value_has_the_name_of_the_objective_and_other_metrics_are_columns_and_keys_of_their_own() -> None:
    study = handmade.value_study([handmade.value_trial(0, [1.0, None]), handmade.value_trial(1, [1, 2, 3, 4])])
    table = table_of(leaderboard_of(study))
    assert [column.heading for column in table.columns][2:5] == ["value", "twice", "state"]
    assert [texts[2:4] for texts in table.texts()] == [["4", "8"], ["–", "–"]]
    assert [record["twice"] for record in table.records()] == [8, None]
    assert table.document["rows"][0]["metrics"] == {"twice": 8}
    assert table.document["studies"][0]["budget_reports"] == 8
    named = table_of(leaderboard_of(handmade.halved_values(settings={"objective": "twice", "direction": "minimize"})))
    assert [column.heading for column in named.columns][2:4] == ["twice", "state"]
    assert named.footnotes[-1].endswith("the study's own trainer or objective; smaller is better.")
    (document,) = named.document["studies"]
    assert (document["objective"], document["minimized"]) == ("twice", True)
    trial = handmade.value_trial(0, [1.0] * 4)
    same_name = replace(trial, reports=tuple(replace(one, metrics={"seconds": 7}) for one in trial.reports))
    (record,) = table_of(leaderboard_of(handmade.value_study([same_name]))).records()
    assert (record["seconds"], record["metrics.seconds"]) == (2.0, 7)


@pytest.mark.parametrize("study", [handmade.mixed(), handmade.halved_values()], ids=["nets", "values"])
def test_the_columns_of_csv_are_the_same_with_and_without_rows(study: StoredStudy) -> None:
    board = leaderboard_of(study)
    table, none = table_of(board), table_of(cut(board, 0))
    assert [list(record) for record in table.records()] == [list(table.keys)] * len(table.rows)
    assert {record["study"] for record in table.records()} == {study.name}
    assert (none.records(), none.keys) == ([], table.keys)


def test_settings_that_differ_most_among_the_tied_trials_come_first() -> None:
    params = [
        {"model.blocks": blocks, "optim.lr": lr, "model.kernel_size": size}
        for blocks, lr, size in ((1, 0.1, 3), (2, 0.1, 3), (3, 0.2, 3), (1, 0.3, 5), (1, 0.4, 5))
    ]
    wrong = [range(5), range(5), range(5), range(300), range(300)]
    study = handmade.study([handmade.trial(n, wrong[n], params=each) for n, each in enumerate(params)])
    headings = [column.heading for column in table_of(leaderboard_of(study)).columns if column.is_setting]
    assert [heading for heading in headings if heading != "filters"] == ["blocks", "lr → drops", "kernel"]


def test_lines_tell_the_test_set_and_what_confirm_did() -> None:
    board = leaderboard_of(handmade.mixed())
    for times, words in ((0, "not been evaluated"), (1, "been evaluated once"), (3, "been evaluated 3 times")):
        assert table_of(replace(board, test_evaluations=times)).footnotes[-1] == f"The test set has {words}."
    retrains = "  `mnist-bench confirm conv-0` retrains them with fresh seeds."
    for retrained, end in ((False, ":"), (True, ".")):
        lines = table_of(board, retrained=retrained).footnotes
        assert any(line.endswith(f"2 of 3 complete trials are tied{end}") for line in lines)
        assert (retrains in lines) is not retrained


RIGHT = st.integers(0, handmade.IMAGES)


def test_a_stopped_trial_is_compared_at_its_last_epoch_with_the_first_and_says_in_its_row_if_it_was_ahead() -> None:
    study = handmade.ended_early()
    board = leaderboard_of(study)
    assert (board.first, board.ahead) == (0, (2, 1))  # in the order of the rows: #2 may still continue
    told = {row.trial.number: (row.first_then, row.ahead) for row in board.rows}
    assert told == {0: (None, False), 1: (0.9, True), 2: (0.95, True), 3: (0.9, False), 4: (None, False)}
    table = table_of(board)
    state = [column.heading for column in table.columns].index("state")
    assert [row[state] for row in table.texts()] == [
        "COMPLETE", "PAUSED, ahead", "PRUNED (diverged)", "PRUNED, ahead", "PRUNED",
    ]  # fmt: skip
    assert [(record["ahead"], record["first_then"]) for record in table.records()][3] == (True, 0.9)
    assert table.document["studies"][0]["ahead"] == [2, 1]
    assert table.document["studies"][0]["stop"]["rule"] == "patience"
    trains = [replace(trial, reason="running") if trial.number == 2 else trial for trial in study.trials]
    assert leaderboard_of(replace(study, trials=tuple(trains), stop=None, live=True)).ahead == (1,)


def test_all_that_were_ahead_are_told_however_few_rows_are_shown() -> None:
    board = leaderboard_of(handmade.ended_early(), top=1)
    line = "ahead: stopped early, ahead of #0 at the same epoch: #2, #1. With more training, one of them might lead."
    assert line in table_of(board).footnotes
    values = replace(board, kind=ValueKind(), first=3, ahead=(4,))
    assert (
        ahead_words(values) == "stopped early, ahead of #3 at the same report: #4. With more training, it might lead."
    )
    assert ": #4, #5, #6, #7, #8 and 2 more. " in ahead_words(replace(board, ahead=tuple(range(4, 11))))


def test_the_digest_is_promised_to_the_same_search() -> None:
    def promise(study: StoredStudy) -> str:
        return digest_lines(leaderboard_of(study), NextCommands(study=study.name))[1].strip()

    study, whole = handmade.ended_early(), handmade.study([handmade.trial(0), handmade.trial(1)])
    assert study.stop is not None
    gives = "at any number of workers on this kind of processor, gives this)"
    assert promise(study) == f"(any run of this search with --patience 3, {gives}"
    assert promise(replace(study, stop=replace(study.stop, on_time=False))) == "(of 4 of 9 trials so far)"
    assert promise(replace(whole, totals=(1, 2))) == f"(any run of this search by way of 1, then 2 trials, {gives}"
    assert "1 trial was ended by the machine" in promise(
        replace(whole, trials=(whole.trials[0], replace(whole.trials[1], external=True)))
    )
    assert "of 9 trials. Stopped early by --patience 3: 3 trials ended since" in headline(leaderboard_of(study))


@given(st.lists(RIGHT, min_size=1, max_size=6), st.lists(RIGHT, min_size=6, max_size=6))
def test_no_complete_trial_is_ahead_and_a_stopped_one_only_where_it_was_better(
    stopped: list[int], best: list[int]
) -> None:
    curves = [[right / handmade.IMAGES for right in each] for each in (best, stopped)]
    first, trial = (handmade.trial(number, curve=each) for number, each in enumerate(curves))
    assert is_ahead(trial, first) == (len(stopped) < 6 and stopped[-1] > best[len(stopped) - 1])
    assert not is_ahead(first, first)
    assert first_then(trial, None) is None
    assert first_then(replace(first, state="PRUNED", reason="out_of_memory"), first) == first.value
