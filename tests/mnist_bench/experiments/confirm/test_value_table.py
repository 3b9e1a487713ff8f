from __future__ import annotations

from typing import Any

import pytest

from mnist_bench.experiments.confirm.result_tables import finding_of_values, footnote, table_of
from mnist_bench.experiments.confirm.results import ConfirmedValues, ValueCandidate
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import markdown

HERE = NextCommands(study="ridge-0", own_code=("--trainer", "ridge.py:Trainer"))


def candidate(number: int, values: tuple[float | None, ...], **more: Any) -> ValueCandidate:
    given: dict[str, Any] = {
        "search_value": 0.5, "search_reports": 4, "complete": True, "dropped_after": None, "p_value": None, **more
    }  # fmt: skip
    return ValueCandidate(number=number, values=values, **given)


def confirmed(*candidates: ValueCandidate, **more: Any) -> ConfirmedValues:
    given: dict[str, Any] = {
        "study": "ridge-0", "digest": "", "name": "score", "minimized": False, "top": 8, "budget": None,
        "seconds": 75.0,
        "seeds": max(len(row.values) for row in candidates), "cut": False, "step": 1e-6, "winner": candidates[0].number,
        "leader": None, **more,
    }  # fmt: skip
    return ConfirmedValues(candidates=candidates, **given)


WINNER = candidate(5, (0.75, 0.77))
TIED = candidate(3, (0.74, 0.76))
WORSE = candidate(9, (0.1, 0.11), dropped_after=2, p_value=0.001)


def test_the_table_has_means_with_intervals_and_how_each_race_ended() -> None:
    pruned = candidate(2, (None,), complete=False, search_reports=1, dropped_after=1)
    table = table_of(confirmed(WINNER, WORSE, pruned), HERE)
    assert table.caption == ["ridge-0: 3 configurations raced with up to 2 fresh seeds in 75 s."]
    assert [column.heading for column in table.columns] == ["trial", "seeds", "score", "race", "in the search"]
    assert table.texts() == [
        ["#5", "2", "0.76 [0.6329, 0.8871]", "selected", "0.5"],
        ["#9", "2", "0.105 [0.04147, 0.1685]", "dropped after 2 seeds (p = 0.001)", "0.5"],
        ["#2", "1", "–", "dropped after 1 seed: a run did not finish", "0.5 (pruned after 1 report)"],
    ]
    assert "larger values are better" in table.footnotes[0]
    alone = table_of(confirmed(WINNER, WORSE), HERE)
    assert alone.texts()[0][3] == "winner"
    assert "#5 alone is left: all others are significantly worse" in markdown(alone)


@pytest.mark.parametrize(
    ("found", "finding", "line"),
    [
        (
            confirmed(WINNER, WORSE),
            "Winner with fresh seeds: trial 5, score 0.76 [0.6329, 0.8871] (mean of 2 fresh seeds); each other "
            "configuration is significantly worse.",
            "confirmed: #5, score 0.76 [0.6329, 0.8871], mean of 2 fresh seeds",
        ),
        (
            confirmed(WINNER, TIED),
            "Selected with fresh seeds: trial 5, score 0.76 [0.6329, 0.8871] (mean of 2 fresh seeds); 1 other "
            "configuration tied with it.",
            "confirmed: #5, score 0.76 [0.6329, 0.8871], mean of 2 fresh seeds",
        ),
        (
            confirmed(candidate(5, (0.75,)), candidate(3, (0.7,)), winner=None, leader=5, cut=True, budget=60.0),
            "Not confirmed, because no test was made: trial 5 leads with one fresh seed (score 0.75).",
            "raced: #5 leads with one fresh seed, and no test was made: score 0.75",
        ),
    ],
)
def test_the_finding_in_a_sentence(found: ConfirmedValues, finding: str, line: str) -> None:
    assert finding_of_values(found) == finding
    assert footnote(found, HERE) == line


def test_a_race_that_was_cut_names_the_command_that_continues_it() -> None:
    found = confirmed(WINNER, TIED, cut=True, budget=60.0, top=2)
    assert table_of(found, HERE).footnotes[-2:] == [
        "The budget of 60 s ended the race after 2 seeds; unresolved: #5, #3.",
        "`mnist-bench confirm ridge-0 --top 2 --trainer ridge.py:Trainer` continues the race to its end.",
    ]
