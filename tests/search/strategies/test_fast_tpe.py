"""Proposals from the table are Optuna's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import TPESampler

from search.space.objective import cost_of
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Tpe
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

CONDITIONS = {
    "name": "fake",
    "model": {
        "depth": {"int": [1, 3]},
        "width": {"int": [8, 64], "log": True},
        "extra": {"float": [0.0, 1.0], "when": {"depth": [2, 3]}},
        "more": {"float": [0.5, 2.0], "step": 0.5, "when": {"depth": 3}},
        "kind": {"choice": ["a", "b", [1, 2]]},
        "other": {"choice": [None, True, 0.5], "when": {"kind": ["a"]}},
    },
    "optim": {"lr": {"float": [1e-4, 1e-1], "log": True}, "mode": "plain"},
}


def optunas_own(table: object, **options: Any) -> TPESampler:
    return TPESampler(**options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"space_values": CONDITIONS},
        {"space_values": fake.CONDITIONAL_LEVELS},
        {"space_values": CONDITIONS, "behaviour": "diverge", "slots": 8},
        {"space_values": CONDITIONS, "pruner": NoPruner(), "widest": 20},
        {"space_values": {**CONDITIONS, "objective": ["val_accuracy", "parameters"]}},
    ],
)
def test_a_search_is_as_with_optunas_own_sampler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    options = {"goal": 40, "sampler": Tpe(n_startup_trials=5), "pruner": Asha(), **options}
    found = fake.run(tmp_path / "table", **options).study
    monkeypatch.setattr("search.strategies.fast_tpe.TableTpeSampler", optunas_own)
    assert fake.run(tmp_path / "own", **options).study.digest == found.digest
    assert (cost_of(found.spec["space"]["settings"]) is None) == ("objective" not in options.get("space_values", {}))
