"""The examples that docs/reference/tables.md gives from Python run, on real rows of the table that they name."""

from __future__ import annotations

import re
from typing import Any

import optuna
import pytest

from mnist_bench import tables
from mnist_bench.tables import recorded_benchmark
from support.paths import ROOT, TESTS

SECTION = (ROOT / "docs" / "reference" / "tables.md").read_text().split("## From Python\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", SECTION, re.MULTILINE)


def test_the_examples_run_and_give_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    small = recorded_benchmark.load(str(TESTS / "data" / "small.npz"))
    monkeypatch.setattr(tables, "load", {"conv-5k": small}.__getitem__)
    assert len(BLOCKS) == 3
    names: dict[str, Any] = {}
    for block in BLOCKS:
        lines = [line.removeprefix("    ") for line in block.splitlines()]
        assert len([line for line in lines if line]) <= 5
        exec("\n".join(lines).replace("n_trials=100", "n_trials=20"), names)  # noqa: S102
    assert names["table"] is small
    assert names["curve"] == small.curve(0, 0)
    assert names["nearest"] == 0
    assert (names["config"]["model.blocks"], round(names["config"]["optim.lr"], 5)) == (2, 0.00304)
    study = names["study"]
    assert len(study.trials) == 20
    assert {state.name for state in {trial.state for trial in study.trials}} == {"COMPLETE", "PRUNED"}
    assert set(study.best_trial.user_attrs) == {"point", "distance"}
