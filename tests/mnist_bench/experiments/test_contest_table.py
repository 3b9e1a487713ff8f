"""Contests as tables."""

from __future__ import annotations

import json

import pytest

from mnist_bench.cli import output
from mnist_bench.experiments.contest_table import tables_of
from support.experiments import RANDOM, TPE_ASHA, TWICE, clear, close, contest, trace


def test_a_row_tells_error_difference_verdict_and_what_it_took() -> None:
    (table,) = tables_of([clear(reference=(0.0135, 0.0004))])
    cells = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert cells[0] == {
        "contestant": "tpe + asha", "error": "2.00% ± 0.08", "against tpe + asha": "", "verdict": "", "p": "",
        "speed-up": "", "regret": "0.65 ± 0.09", "trials": "12.0", "complete": "4.0",
        "spent": "9.8", "ms": "2.0", "1 worker": "80 s", "8 workers": "12 s, 80%",
    }  # fmt: skip
    assert cells[1]["against tpe + asha"] == "+1.00 [0.87, 1.13]"
    assert (cells[1]["verdict"], cells[1]["p"], cells[2]["p"]) == ("worse", "<0.001", "<0.001")
    assert cells[1]["speed-up"] == "1.0 [1.0, 1.0]"
    assert (cells[2]["verdict"], cells[2]["speed-up"]) == ("better", "0.50 [0.50, 0.50]")
    (legend,) = [column.legend for column in table.columns if column.heading == "speed-up"]
    assert legend == ["speed-up: times cheaper to the worse of the two errors; of 4 seeds the interval is too narrow"]
    (table,) = tables_of([close()])
    assert [texts[3] for texts in table.texts()] == ["", "not shown", "not shown"]
    assert "regret" not in [column.heading for column in table.columns]


def test_the_caption_says_what_was_measured_and_what_it_holds_for() -> None:
    (table,) = tables_of([clear()])
    assert table.caption == [
        "tpe + asha ends 1.00 percentage points lower than random at the same budget.",
        "table handmade: error of the selected configuration on 20,000 unseen images at the cost of 10 full "
        "trainings (about 15 s of one worker), 4 seeds, 8 concurrent trials.",
        "Searches were replayed over one table: intervals apply to this table, not to other data.",
    ]
    (table,) = tables_of([clear(develops=True)])
    assert table.caption[3] == (
        "Selected configurations are scored with the seed that the search saw: good for "
        "development, but not evidence for a claim."
    )


def test_regrets_are_not_called_errors() -> None:
    (table,) = tables_of([clear(measure="regret")])
    assert table.caption[1].startswith("table handmade: normalized regret of the selected configuration at the cost ")
    assert table.columns[1].heading == "regret"
    assert table.footnotes[-1].startswith("Normalized regret: 0% is the best configuration of the table and 100% ")
    assert not any("unseen images" in line or "A budget is estimated" in line for line in table.footnotes)


def test_each_comparison_is_a_sentence_and_failures_are_told() -> None:
    (table,) = tables_of([clear()])
    assert table.footnotes[1].startswith(
        "tpe + asha ends 1.00 percentage points lower than random at the same budget [0.87, 1.13]"
    )
    assert table.footnotes[-2].startswith("p: paired t-tests over the seeds, Holm-corrected ")
    fine = [trace((2.0, 0.1)), trace((3.0, 0.09))]
    (table,) = tables_of([contest({TPE_ASHA: fine, RANDOM: [trace(), trace((2.0, 0.1), spent=3.0)]})])
    assert table.footnotes[1:4] == [
        "random: no trial was complete within the budget with seed 0.",
        "Only methods that selected a configuration with every seed are compared.",
        "random: 1 of 2 searches ended before 80% of the budget was spent; from there on their choices stand still.",
    ]
    assert table.texts()[1][1:6] == ["–", "", "", "", ""]


def test_several_contests_have_a_table_each_and_one_of_wins() -> None:
    first, second, wins = tables_of([clear(task="a"), close(task="b")])
    assert (first.caption[0], second.caption[0]) == (
        "tpe + asha ends 1.00 percentage points lower than random at the same budget.",
        "No significant difference between tpe + asha and any other in 3 seeds.",
    )
    assert wins.caption == ["tpe + asha ends lower than random on 1 of 2 tasks."]
    assert [column.heading for column in wins.columns] == ["contestant", "better on", "worse on"]
    assert wins.texts() == [["tpe + asha", "", ""], ["random", "0", "1"], ["random ×2", "1", "0"]]
    assert sum("A budget is estimated cost" in line for table in (first, second, wins) for line in table.footnotes) == 1


def test_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_result("json", *tables_of([clear(task="a", reference=(0.0135, 0.0004)), close(task="b")]))
    values = json.loads(capsys.readouterr().out)
    assert values["finding"] == "tpe + asha ends lower than random on 1 of 2 tasks"
    first, second = values["contests"]
    assert (first["task"], first["budget"], first["seeds"], first["unseen_images"]) == ("a", 10, [0, 1, 2, 3], 20_000)
    assert (first["reference"], second["reference"]) == ([0.0135, 0.0004], None)
    default, random, twice = first["contestants"]
    assert (default["contestant"], default["verdict"], default["words"]) == ("tpe + asha", None, None)
    assert (random["verdict"], random["difference"]) == ("worse", pytest.approx(0.01))
    assert random["errors"] == [0.03, 0.029, 0.031, 0.03]
    assert (twice["entrant"]["budgets"], twice["budget"], twice["speedup"]) == (2, 20, pytest.approx(0.5))
    assert (len(random["curve"]["spent"]), random["curve"]["error"][0], random["curve"]["error"][-1]) == (
        100,
        0.9,
        pytest.approx(0.03),
    )
    assert random["regret"] == pytest.approx(0.0165)
    assert (random["seconds_8_workers"], random["efficiency_8_workers"]) == (12.5, 0.8)
    assert values["over_tasks"][1] == {"task": "all", "contestant": "random", "better_on": 0, "worse_on": 1}


def test_csv_has_a_row_an_entrant_and_task(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_result("csv", *tables_of([clear(task="a"), close(task="b")]))
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split(",")[:2] for row in rows] == [
        [task, name.name] for task in ("a", "b", "all") for name in (TPE_ASHA, RANDOM, TWICE)
    ]
