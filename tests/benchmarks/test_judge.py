"""The comparison on tabular tasks: its plan, and what its figures say."""

from __future__ import annotations

import json
from pathlib import Path

import judge
import numpy as np
import pytest

from mnist_bench import value_tables
from support import handmade_value_table

WAYS = ("random", "tpe", "curves", "curves-ard")


def test_no_table_develops_and_judges() -> None:
    develops, judges = (judge.plan_of(opened) for opened in ("develops", "judges"))
    named = [
        {f"{family}/{table}" for family, tables in plan.tasks.items() for table in tables}
        for plan in (develops, judges)
    ]
    assert len(named[0]) == 5
    assert len({name for name in named[1] if not name.startswith("scikit-learn/")}) == 10
    assert not named[0] & named[1]
    everything = {f"{family}/{table}" for family, tables in value_tables.names().items() for table in tables}
    assert named[0] | named[1] == everything
    assert (develops.numbers, develops.claimed, develops.seeds, develops.slots) == ((15, 25, 50), (25, 50), 30, 8)


def found(tasks: int, gains: dict[str, float]) -> judge.Values:
    """Return regrets of shape (numbers, tasks, ways, seeds) in which a way gains on each task, with some noise."""
    draws = np.random.default_rng(0)
    values = 0.3 + 0.01 * draws.normal(size=(3, tasks, len(WAYS), 4))
    for way, gain in gains.items():
        values[:, :, WAYS.index(way)] -= gain
    return np.asarray(values)


def test_claims_are_adjusted_together_and_the_rest_is_shown() -> None:
    plan = judge.plan_of("judges")
    rows = judge.comparisons(plan, found(10, {"curves-ard": 0.1}), WAYS)
    claims = [row for row in rows if row.adjusted is not None]
    assert [(row.trials, row.against) for row in claims] == [
        (trials, against) for trials in (25, 50) for against in ("random", "tpe", "curves")
    ]
    assert all(row.better_on == 10 and row.p_value == pytest.approx(2 / 2**10) for row in claims)
    assert [row.adjusted for row in claims] == pytest.approx([6 * 2 / 2**10] * 6)
    assert claims[0].difference == pytest.approx(-0.1, abs=0.02)
    assert claims[0].low < claims[0].difference < claims[0].high < 0
    assert sum(row.trials == 15 for row in rows) == 6


def test_ways_that_do_not_take_part_are_no_claims() -> None:
    rows = judge.comparisons(judge.plan_of("develops"), found(5, {})[:, :, :2], WAYS[:2])
    assert [(row.way, row.against, row.adjusted) for row in rows] == [("tpe", "random", None)] * 3


def test_equal_ways_are_not_told_apart() -> None:
    equal = np.full((5, 2, 4), 0.5)
    row = judge.compared(equal, WAYS[:2], "tpe", "random", 25)
    assert (row.difference, row.better_on, row.p_value) == (0, 0, 1)


@pytest.mark.slow
def test_a_whole_run_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_tables, "load", lambda name: handmade_value_table.table(name=name, digest=name))
    monkeypatch.setattr(judge, "KEPT", tmp_path)
    arguments = ["--open", "develops", "--ways", "random", "curves", "--seeds", "2", "--output", str(tmp_path)]
    judge.main(arguments)
    page = (tmp_path / "judge-develops.md").read_text()
    assert "| all tasks | 5 |" in page
    assert "| curves against random | 25 |" in page
    values = json.loads((tmp_path / "judge-develops.json").read_text())
    assert set(values["regrets"]["hpobench/car"]["random"]) == {"15", "25", "50"}
    assert values["regrets"]["hpobench/car"]["curves"]["50"] == [0.0, 0.0]
    assert (tmp_path / "judge-develops.png").exists()
    kept = (tmp_path / "judge-develops.jsonl").read_bytes()
    judge.main(arguments)
    assert (tmp_path / "judge-develops.jsonl").read_bytes() == kept
