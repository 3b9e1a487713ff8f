"""The tasks of scikit-learn's models: what an objective reports, and how rows are kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

make_sklearn_tables = pytest.importorskip("make_sklearn_tables", reason="scikit-learn is not installed")
import sklearn_tasks  # noqa: E402

from search.objectives import Configuration  # noqa: E402

NETWORK = {
    "config.learning_rate": 0.01, "config.width": 8, "config.depth": 1, "config.batch_size": 100,
    "config.activation": "relu", "config.alpha": 0.0001,
}  # fmt: skip
TREES = {
    "config.learning_rate": 0.3, "config.max_depth": 2, "config.max_leaf_nodes": 4, "config.max_features": 1.0,
    "config.min_samples_leaf": 10, "config.subsample": 0.5,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("task", "params"), [("mlp-wine", NETWORK), ("boosting-friedman", TREES)])
def test_an_objective_reports_twelve_losses_that_repeat(task: str, params: dict[str, object]) -> None:
    objective, _ = sklearn_tasks.TASKS[task]
    first, again, other = ([*objective(Configuration(params, seed))] for seed in (1, 1, 2))
    assert len(first) == sklearn_tasks.REPORTS
    assert first == again != other
    assert first[-1] < first[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_network_that_diverges_reports_nan_and_ends() -> None:
    objective, _ = sklearn_tasks.TASKS["mlp-diabetes"]
    reports = [*objective(Configuration({**NETWORK, "config.learning_rate": 1e200}, 0))]
    assert math.isnan(reports[-1])
    assert len(reports) < sklearn_tasks.REPORTS


def test_rows_are_kept_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_sklearn_tables, "WORK", tmp_path)
    row = ([0.1 + 0.2, math.inf, 1e-300], 0.25)
    make_sklearn_tables.path_of("mlp-wine").write_text(make_sklearn_tables.line((7, 1), row) + "\n")
    assert make_sklearn_tables.rows("mlp-wine") == {(7, 1): row}
