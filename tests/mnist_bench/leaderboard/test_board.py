"""The leaderboard as a table: its columns, keys and lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.leaderboard.board import cut, digest_lines, headline, table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.next_commands import NextCommands
from search.study.studies import StoredStudy
from support import handmade


def test_a_front_comes_first_and_its_cost_is_shown() -> None:
    shapes = [(0.994, 300, 4), (0.995, 200, 4), (0.96, 50, 4), (0.999, 1, 1), (0.96, 50, 4), (0.95, 60, 4)]
    trials = [
        handmade.value_trial(number, [value] * periods, facts={"macs": macs})
        for number, (value, macs, periods) in enumerate(shapes)
    ]
    board = leaderboard_of(handmade.value_study(trials, {"objective": ["score", "macs"]}))
    assert [(row.trial.number, row.rank, row.cost, row.on_front) for row in board.rows] == [
        (1, 1, 200, True), (2, 3, 50, True), (4, 4, 50, True), (0, 2, 300, False), (5, 5, 60, False),
        (3, None, 1, False),
    ]  # fmt: skip
    table = table_of(board)
    assert [column.heading for column in table.columns][:5] == ["rank", "trial", "front", "score", "macs"]
    assert table.texts()[0][:3] == ["1", "#1", "yes"]
    (line,) = [line for line in table.footnotes if line.startswith("front: ")]
    assert line.startswith("front: 3 of 5 complete trials; no other is as good in both score and macs, and better")
    assert (table.document["studies"][0]["cost"], table.document["studies"][0]["front"]) == ("macs", [1, 2, 4])


@pytest.mark.parametrize(
    ("study", "columns", "kept"),
    [
        (
            handmade.mixed(totals=(5, 7)),
            "rank> trial> validation errors> state epochs> params> MACs> time> blocks filters lr → drops",
            "trial validation rank errors state epochs blocks params filters",
        ),
        (
            handmade.halved_values(),
            "rank> trial> value> twice> state reports> time> ridge.rate ridge.kind",
            "trial value rank state reports ridge.rate time ridge.kind twice",
        ),
    ],
    ids=["nets", "values"],
)
def test_columns_stand_in_their_order_and_a_narrow_screen_keeps_the_first_of_them(
    study: StoredStudy, columns: str, kept: str
) -> None:
    board = leaderboard_of(study)
    table, none = table_of(board), table_of(cut(board, 0))
    assert " ".join(one.heading + ">" * (one.align == "right") for one in table.columns) == columns
    by_importance = sorted(table.columns, key=lambda column: -column.importance)
    assert " ".join(column.heading for column in by_importance).startswith(kept)
    assert [figures["trial_budget"] for figures in table.document["studies"]] == [study.totals[-1]]
    if board.kind.of_nets:
        assert table.document["rows"][0]["settings"] == {"blocks": "3", "filters": "16·32·64", "lr → drops": ".0093"}
    # Those of CSV are the same with and without rows.
    assert [list(record) for record in table.records()] == [list(table.keys)] * len(table.rows)
    assert {record["study"] for record in table.records()} == {study.name}
    assert (none.records(), none.keys) == ([], table.keys)


def test_parameters_in_which_the_rows_of_another_trainer_differ_are_columns_and_of_one_row_its_own() -> None:
    params = [{"kind": "plain", "rate": 1}, {"kind": "plain", "rate": 1}, {"kind": "plain", "size": 2}]
    trials = [handmade.value_trial(n, [1.0 - n] * 4, params=each) for n, each in enumerate(params)]
    board = leaderboard_of(handmade.value_study(trials))
    for top, names in ((3, ["rate", "size"]), (2, []), (1, ["kind", "rate"])):
        assert [column.heading for column in table_of(cut(board, top)).columns if column.is_setting] == names


def test_the_value_has_the_name_of_the_objective_and_other_metrics_are_columns_and_keys_of_their_own() -> None:
    study = handmade.value_study([handmade.value_trial(0, [1.0, None]), handmade.value_trial(1, [1, 2, 3, 4])])
    table = table_of(leaderboard_of(study))
    assert [texts[2:4] for texts in table.texts()] == [["4", "8"], ["–", "–"]]
    assert [record["twice"] for record in table.records()] == [8, None]
    assert table.document["rows"][0]["metrics"] == {"twice": 8}
    assert table.document["studies"][0]["budget_reports"] == 8
    named = table_of(leaderboard_of(handmade.halved_values(settings={"objective": "twice", "direction": "minimize"})))
    assert [column.heading for column in named.columns][2:4] == ["twice", "state"]
    assert named.footnotes[-1].endswith("the study's own trainer or objective; smaller is better.")
    (document,) = named.document["studies"]
    assert (document["objective"], document["minimized"]) == ("twice", True)
    same_name = handmade.with_reports(handmade.value_trial(0, [1.0] * 4), metrics={"seconds": 7})
    (record,) = table_of(leaderboard_of(handmade.value_study([same_name]))).records()
    assert (record["seconds"], record["metrics.seconds"]) == (2.0, 7)


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
        told = replace(board, studies=(replace(board.studies[0], test_evaluations=times),))
        assert table_of(told).footnotes[-1] == f"The test set has {words}."
    retrains = "  `mnist-bench confirm conv-0` retrains them with fresh seeds."
    for retrained, end in ((False, ":"), (True, ".")):
        lines = table_of(board, retrained=retrained).footnotes
        assert any(line.endswith(f"2 of 3 complete trials are tied{end}") for line in lines)
        assert (retrains in lines) is not retrained


def test_a_stopped_trial_is_compared_at_its_last_epoch_with_the_first_and_says_in_its_row_if_it_was_ahead() -> None:
    study = handmade.ended_early()
    board = leaderboard_of(study)
    assert board.studies[0].ahead == (2, 1)  # in the order of the rows: #2 may still continue
    table = table_of(board)
    state = [column.heading for column in table.columns].index("state")
    told = [(row["number"], row["first_then"], row["ahead"]) for row in table.records()]
    assert [(*row, texts[state]) for row, texts in zip(told, table.texts(), strict=True)] == [
        (0, None, False, "COMPLETE"), (2, 0.95, True, "PAUSED, ahead"), (4, None, False, "PRUNED (diverged)"),
        (1, 0.9, True, "PRUNED, ahead"), (3, 0.9, False, "PRUNED"),
    ]  # fmt: skip
    (document,) = table.document["studies"]
    assert (document["ahead"], document["stop"]["rule"]) == ([2, 1], "patience")
    trains = [replace(trial, reason="running") if trial.number == 2 else trial for trial in study.trials]
    assert leaderboard_of(replace(study, trials=tuple(trains), stop=None, live=True)).studies[0].ahead == (1,)


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (
            handmade.ended_early(),
            "of #0 at the same epoch: #2, #1. With more training, one of them might lead.",
        ),
        (
            handmade.value_study([handmade.value_trial(3, [1.0] * 4), handmade.value_trial(4, [2.0])]),
            "of #3 at the same report: #4. With more training, it might lead.",
        ),
        (
            handmade.study([handmade.trial(0, range(99)), *(handmade.trial(n, periods=1) for n in range(1, 8))]),
            "of #0 at the same epoch: #1, #2, #3, #4, #5 and 2 more. With more training, one of them might lead.",
        ),
    ],
)
def test_all_that_were_ahead_are_told_however_few_rows_are_shown(study: StoredStudy, words: str) -> None:
    assert f"ahead: stopped early, ahead {words}" in table_of(leaderboard_of(study, top=1)).footnotes


STOPPED, WHOLE = handmade.ended_early(), handmade.study([handmade.trial(0), handmade.trial(1)])
GIVES = "at any number of workers on this kind of processor, gives this"


@pytest.mark.parametrize(
    ("study", "promise"),
    [
        (STOPPED, f"any run of this search with --patience 3, {GIVES}"),
        (replace(STOPPED, stop=replace(STOPPED.stop, on_time=False)), "of 4 of 9 trials so far"),  # type: ignore[type-var]
        (replace(WHOLE, totals=(1, 2)), f"any run of this search by way of 1, then 2 trials, {GIVES}"),
        (
            replace(WHOLE, trials=(WHOLE.trials[0], replace(WHOLE.trials[1], external=True))),
            f"any run of this search, {GIVES}; 1 trial was ended by the machine (out of memory or time), which may not "
            "happen in another run",
        ),
    ],
)
def test_the_digest_is_promised_to_the_same_search(study: StoredStudy, promise: str) -> None:
    board = leaderboard_of(study)
    assert digest_lines(board.studies[0], NextCommands(study=study.name))[1] == f"       ({promise})"
    assert ("of 9 trials. Stopped early by --patience 3: 3 trials ended since" in headline(board)) == bool(study.stop)
