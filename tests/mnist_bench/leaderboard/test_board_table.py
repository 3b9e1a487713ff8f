"""The leaderboard of a study that another trainer made: its metrics, and its front if it minimises a cost too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.leaderboard.board import cut, leaderboard_of
from mnist_bench.leaderboard.board_table import table_of
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
        "trial", "validation", "rank", "state", "epochs", "errors", "blocks", "params", "filters"
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


def test_the_metrics_of_the_last_report_are_columns_next_to_the_value() -> None:
    study = handmade.value_study([handmade.value_trial(0, [1.0, None]), handmade.value_trial(1, [1, 2, 3, 4])])
    table = table_of(leaderboard_of(study))
    assert [column.heading for column in table.columns][2:5] == ["value", "twice", "state"]
    assert [texts[2:4] for texts in table.texts()] == [["4", "8"], ["–", "–"]]
    assert [record["twice"] for record in table.records()] == [8, None]
    (document,) = table.document["studies"]
    assert document["rows"][0]["metrics"] == {"twice": 8}
    assert (document["saved_reports"], document["budget_reports"]) == (0, 8)


def test_the_value_has_the_name_of_the_objective_and_no_second_column() -> None:
    study = handmade.halved_values(settings={"objective": "twice", "direction": "minimize"})
    table = table_of(leaderboard_of(study))
    assert [column.heading for column in table.columns][2:4] == ["twice", "state"]
    assert table.footnotes[-1].endswith("the study's own trainer or objective; smaller is better.")
    (document,) = table.document["studies"]
    assert (document["objective"], document["minimized"]) == ("twice", True)


def test_a_metric_with_the_name_of_a_figure_has_a_key_of_its_own() -> None:
    trial = handmade.value_trial(0, [1.0] * 4)
    named = replace(trial, reports=tuple(replace(one, metrics={"seconds": 7}) for one in trial.reports))
    (record,) = table_of(leaderboard_of(handmade.value_study([named]))).records()
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


@pytest.mark.parametrize(
    ("openings", "words"),
    [(0, "not been evaluated"), (1, "been evaluated once"), (2, "been evaluated twice"), (3, "been evaluated 3 times")],
)
def test_how_often_the_test_set_was_evaluated_is_told(openings: int, words: str) -> None:
    board = replace(leaderboard_of(handmade.mixed()), test_openings=openings)
    assert table_of(board).footnotes[-1] == f"The test set has {words}."
