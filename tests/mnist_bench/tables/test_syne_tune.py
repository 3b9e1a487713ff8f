"""The folder that Syne Tune reads: its files, their shapes, and what stands for what a table does not have."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from mnist_bench.errors import NotInTableError
from mnist_bench.tables import Table, load, syne_tune
from search.errors import UsageError
from search.space import Space
from support import handmade_table
from support.paths import TESTS


def written(table: Table, folder: Path, seed: int | None = None) -> dict[str, Any]:
    """Return the contents of the files that an export wrote, by their names without endings."""
    syne_tune.write(table, folder, seed)
    assert len(list(folder.iterdir())) == 6
    found: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    found |= {path.stem: np.load(path, allow_pickle=False) for path in folder.glob("*.npy")}
    return {**found, "hyperparameters": pandas.read_parquet(folder / "hyperparameters.parquet")}


def test_every_row_is_in_its_place(tmp_path: Path) -> None:
    table = handmade_table.table()
    files = written(table, tmp_path / "new" / "folder")
    objectives, parameters = files["objectives_evaluations"], files["hyperparameters"]
    assert objectives.shape == (1, 90, 3, 3, 3)
    assert objectives.dtype == np.float32
    assert files["fidelities_values"].tolist() == [1, 2, 3]
    assert files["metadata"]["epochs_of_periods"] == [1, 2, 4]
    assert files["metadata"]["objectives_names"] == ["metric_error", "metric_val_loss", "metric_elapsed_time"]
    for point, params in enumerate(table.points):
        assert parameters.iloc[point][list(params)].to_dict() == params
        for seed in range(3):
            curve = table.curve(point, seed)
            errors, losses, times = objectives[0, point, seed].T
            np.testing.assert_allclose(errors, np.array(curve.errors) / 10_000, rtol=1e-6)
            np.testing.assert_allclose(times, np.cumsum(curve.costs) / 1e6, rtol=1e-6)
            expected = [np.log(10)] * 3 if curve.diverged else curve.val_loss
            np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_what_does_not_apply_has_the_value_that_the_metadata_name(tmp_path: Path) -> None:
    table = handmade_table.table()
    files = written(table, tmp_path)
    assert files["metadata"]["inactive"] == {"model.hidden_batchnorm": "none"}
    inactive = files["hyperparameters"]["model.hidden_layers"] == 0
    assert set(files["hyperparameters"][inactive]["model.hidden_batchnorm"]) == {"none"}
    assert not files["hyperparameters"].duplicated().any()


def test_a_seed_that_is_missing_is_nan_and_a_seed_alone_has_its_points_alone(tmp_path: Path) -> None:
    table = handmade_table.table()
    arrays = table.arrays
    fewer = handmade_table.with_rows(table, (arrays.seed == 0) | (arrays.point < 20))
    objectives = written(fewer, tmp_path / "all")["objectives_evaluations"]
    assert np.isnan(objectives[0, 20:, 1:]).all()
    assert not np.isnan(objectives[0, :20]).any()
    assert not np.isnan(objectives[0, :, 0]).any()
    alone = written(fewer, tmp_path / "alone", seed=1)
    assert alone["objectives_evaluations"].shape == (1, 20, 1, 3, 3)
    assert alone["metadata"]["seeds"] == [1]
    np.testing.assert_array_equal(alone["objectives_evaluations"][0, :, 0], objectives[0, :20, 1])
    with pytest.raises(NotInTableError, match="No point of table handmade was trained with seed 7"):
        syne_tune.write(fewer, tmp_path / "none", seed=7)
    assert not (tmp_path / "none").exists()


def test_each_kind_of_range_has_its_domain(tmp_path: Path) -> None:
    model = {
        "blocks": {"int": [1, 3]}, "filters": {"int": [8, 32], "step": 8}, "units": {"int": [64, 256], "log": True},
        "maps": {"choice": [[8, 8], [8, 16]]},
    }  # fmt: skip
    optim = {"lr": {"float": [0.001, 0.1], "log": True}, "decay": {"float": [0.0, 0.3], "step": 0.1}}
    space = Space.of({"model": model, "optim": optim})
    table = handmade_table.with_points(handmade_table.table(), [0])
    params = np.array([[1, 8, 64, 0, 0.01, 0.1]])
    about = replace(table.about, space=space.to_spec())
    domains = written(Table(about, replace(table.arrays, params=params)), tmp_path)["configspace"]
    kinds = {path: (form["domain_cls"], form["sampler_cls"]) for path, form in domains.items()}
    assert kinds == {
        "model.blocks": ("Integer", "Uniform"), "model.filters": ("Ordinal", "Uniform"),
        "model.units": ("Integer", "LogUniform"), "model.maps": ("Categorical", "Uniform"),
        "optim.lr": ("Float", "LogUniform"), "optim.decay": ("Ordinal", "Uniform"),
    }  # fmt: skip
    assert domains["model.maps"]["domain_kwargs"] == {"categories": ["[8,8]", "[8,16]"]}
    assert domains["model.filters"]["domain_kwargs"] == {"categories": [8, 16, 24, 32]}
    assert domains["optim.decay"]["domain_kwargs"] == {"categories": [0.0, 0.1, 0.2, 0.3]}


def test_a_table_of_conv_is_exported(tmp_path: Path) -> None:
    small = load(str(TESTS / "data" / "small.npz"))
    files = written(small, tmp_path)
    assert list(files["configspace"]) == list(small.space.distributions)
    assert files["metadata"]["inactive"]["model.hidden_units"] == 64
    assert files["metadata"]["source"]["task"] == "mnist-5k"


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"^table export needs pandas and pyarrow, .*`pip install pandas pyarrow`"):
        syne_tune.write(handmade_table.table(), tmp_path / "none")
    assert not (tmp_path / "none").exists()
