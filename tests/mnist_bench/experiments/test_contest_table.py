"""Contests as tables."""

from __future__ import annotations

import json

import pytest

from mnist_bench.cli import output
from mnist_bench.experiments.contest_table import tables_of
from mnist_bench.result_table import Result
from support.experiments import RANDOM, TPE_ASHA, clear, close, contest, trace


def test_a_row_tells_regret_error_difference_and_verdict() -> None:
    (table,) = tables_of([clear()])
    rows = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert rows[1] == {
        "method": "tpe + asha", "trials": "10", "regret": "20.0% [17.4, 22.6]", "error": "2.00%",
        "against tpe + asha": "", "verdict": "", "p": "", "detectable": "",
    }  # fmt: skip
    assert (rows[3]["against tpe + asha"], rows[3]["verdict"]) == ("+10.00 [8.70, 11.30]", "worse")
    assert (rows[3]["p"], rows[2]["verdict"], rows[2]["p"]) == ("<0.001", "equal", "1.000")
    (values,) = tables_of([contest({TPE_ASHA: [trace()] * 2, RANDOM: [trace((5, 0.5))] * 2}, of_errors=False)])
    assert [texts[3] for texts in values.texts()] == ["–", "–", "–", "0.05"]


def test_the_caption_says_what_was_measured_and_what_it_holds_for() -> None:
    (table,) = tables_of([clear(develops=True)])
    assert table.caption[:2] == [
        "tpe + asha has 10.0 percentage points less regret than random at 10 trials.",
        "table handmade: 4 seeds, 8 concurrent trials.",
    ]
    assert table.caption[-1].startswith("Selected configurations are scored with the seed that the search saw: ")
    assert len(tables_of([clear()])[0].caption) == 3


def test_several_contests_have_a_table_each_and_one_over_all() -> None:
    first, second, overall = tables_of([clear(table="a"), close(table="b")])
    assert overall.caption[0] == "No difference between tpe + asha and another method is shown at 10 trials."
    assert [row[-7:-4] for row in overall.texts()] == [["", "", ""]] * 2 + [["0", "0", "2"], ["0", "1", "1"]]
    assert [bool(table.footnotes) for table in (first, second, overall)] == [False, False, True]


def test_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_result("json", Result(tables_of([clear(table="a"), close(table="b")])))
    values = json.loads(capsys.readouterr().out)
    assert values["finding"] == "No difference between tpe + asha and another method is shown at 10 trials"
    first = values["contests"][0]
    assert (first["table"], first["budgets"], first["seeds"]) == ("a", [4, 10], [0, 1, 2, 3])
    _, random = first["methods"]
    assert (random["method"], random["regrets"]) == ("random", [0.3, 0.29, 0.31, 0.3])
    curve = random["curve"]
    assert (len(curve["spent"]), curve["regret"][0], curve["regret"][-1]) == (100, 1.0, pytest.approx(0.3))
    assert first["rows"][3]["difference"] == pytest.approx(0.1)
    assert values["over_tables"][3]["worse_on"] == 1
    output.print_result("csv", Result(tables_of([clear(table="a"), close(table="b")])))
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split(",")[:3] for row in rows] == [
        [table, method, budget]
        for table in ("a", "b", "all")
        for method in ("tpe + asha", "random")
        for budget in ("4", "10")
    ]
