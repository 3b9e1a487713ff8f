"""The comparison of a recipe with and without a setting: real trainings, on few images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import levers
import pytest

pytestmark = pytest.mark.integration

COMMAND = ["train", "ladder/99.0", "--subset", "6000", "--lever", "no-smoothing", "optim.label_smoothing=0"]


def test_pairs_are_trained_once_and_compared_in_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    to = ["--workers", "1", "--output", str(tmp_path)]
    levers.main([*COMMAND, "--seeds", "1", *to])
    first = (tmp_path / levers.LEDGER).read_text()
    levers.main([*COMMAND, "--seeds", "2", *to])
    assert (tmp_path / levers.LEDGER).read_text().startswith(first)
    rows = levers.trained(tmp_path / levers.LEDGER)
    assert [(row.lever, row.seed) for row in rows] == [
        ("without", 0), ("no-smoothing", 0), ("without", 1), ("no-smoothing", 1),
    ]  # fmt: skip
    assert not (tmp_path / "levers.md").exists()
    levers.main(["tables", "--output", str(tmp_path)])
    (found,) = json.loads((tmp_path / "levers.json").read_text())["levers"]
    errors = [row.errors for row in rows if row.errors is not None]
    assert (found["pairs"], found["cost_ratio"]) == (2, 1)
    assert found["difference"] == (errors[1] - errors[0] + errors[3] - errors[2]) / 2
    assert found["low"] < found["difference"] < found["high"]
    text = (tmp_path / "levers.md").read_text()
    assert "## Candidates, with fewer pairs" in text
    assert "pairs or more" not in text
    renamed = [replace(row, lever="again") for row in rows if row.lever != levers.WITHOUT]
    assert [one.lever for one in levers.brought([*rows, *renamed])] == ["no-smoothing", "again"]
