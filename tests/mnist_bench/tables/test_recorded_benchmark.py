"""Look-ups in a table: by parameters and by number, and in words what is not there; what a search over it is given."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mnist_bench
from mnist_bench.errors import NotInTableError
from mnist_bench.space_files import space_sources
from mnist_bench.tables import recorded_benchmark, stored
from mnist_bench.tables.recorded_benchmark import (
    Nearest,
    RecordedBenchmark,
    TablePlanner,
    TableTrainer,
    cells,
    load,
)
from mnist_bench.tables.stored import pack
from search.errors import StorageError, UsageError
from support import tables
from support.dose import dose

CONFIG = {"model.batchnorm": "after_pool", "model.hidden_layers": 0, "optim.lr": 0.01, "optim.drops": 1}


@cache
def handmade() -> RecordedBenchmark:
    return tables.table()


@settings(max_examples=dose(200))
@given(st.integers(0, 89), st.integers(0, 2))
def test_every_way_to_a_training_leads_to_the_same_one(point: int, seed: int) -> None:
    table = handmade()
    params, errors = table.points[point], table.arrays.errors[3 * point + seed].tolist()
    curve = table.curve(params, seed)
    assert curve == table.curve(point, seed) == table.curve(np.int64(point), seed)  # type: ignore[arg-type]
    assert table.point_of(params) == Nearest(table, np.arange(90))(params) == point
    assert table.point_of({**params, "optim.lr": np.float64(params["optim.lr"])}) == point
    assert list(curve.errors) == [9000 if count < 0 else count for count in errors]
    assert curve.diverged == (errors[-1] < 0)
    assert list(curve.epochs) == [*tables.EPOCHS]
    for period in range(1, len(tables.EPOCHS) + 1):
        report = table.report(point, seed, period)
        assert report.weights == bytes(table.arrays.weights[3 * point + seed, period - 1].tolist()).hex()
        assert report.metrics["errors"] == (None if curve.diverged else errors[period - 1])


def test_a_training_that_diverged_has_the_error_of_a_guess_and_no_loss() -> None:
    table = handmade()
    point = next(point for point in range(90) if table.curve(point).diverged)
    curve = table.curve(point)
    assert curve.errors == (9000, 9000, 9000)
    assert curve.accuracies == pytest.approx((0.1, 0.1, 0.1))
    assert all(math.isnan(loss) for loss in curve.val_loss)
    assert table.unseen_error(point, 0) == 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optim.lr": 0.02}, r"^optim.lr 0.02 is outside its range in table handmade\.$"),
        ({"optim.lr": [1]}, "optim.lr .* is outside its range"),
        ({"optim.rate": 1}, r"^optim.rate is not a range of table handmade"),
        ({"optim.drop": 1}, "did you mean `optim.drops`"),
        ({"model.hidden_layers": 1}, "^model.hidden_batchnorm has no value; in table handmade it applies"),
        ({"model.hidden_batchnorm": "none"}, "^model.hidden_batchnorm does not apply .*; leave it out"),
    ],
)
def test_what_is_no_configuration_of_the_space_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    assert handmade().find({**CONFIG, **change}) is None
    for look_up in (handmade().point_of, handmade().curve):
        with pytest.raises(NotInTableError, match=words):
            look_up({**CONFIG, **change})


@pytest.mark.parametrize(
    ("point", "seed", "words"),
    [
        (3, 9, r"Configuration 3 of table handmade was not trained with seed 9; .* 0, 1, 2"),
        (-1, 0, "configurations are 0 to 89"),
        (90, 0, "configurations are 0 to 89"),
    ],
)
def test_what_the_table_lacks_is_said_with_what_there_is(point: int, seed: int, words: str) -> None:
    with pytest.raises(NotInTableError, match=words):
        handmade().curve(point, seed)


def test_a_point_that_is_missing_is_refused_and_the_next_that_is_free_is_the_nearest() -> None:
    table = tables.table(without=handmade().point_of(CONFIG))
    with pytest.raises(NotInTableError, match=r"not one of the 89 in table handmade\.$"):
        table.curve(CONFIG)
    nearest = Nearest(table, np.arange(len(table)))
    first = nearest(CONFIG)
    second = nearest(CONFIG, taken={first})
    assert first != second
    for point in (first, second):
        assert sum(table.points[point].get(path) != value for path, value in CONFIG.items()) == 1
    assert nearest(CONFIG, taken=range(len(table))) == first  # there is none left


def test_a_search_is_given_the_points_with_their_costs_and_the_reports_of_one_seed() -> None:
    table = handmade()
    planner, trainer = TablePlanner(table), TableTrainer(table, 2)
    plan = planner(table.points[7])
    assert (plan.config, plan.feasible) == (7, True)
    assert plan.costs == tuple(table.arrays.costs[7].tolist())
    assert plan.facts == {"parameters": int(table.arrays.parameters[7]), "macs": int(table.arrays.macs[7])}
    assert planner.codec.from_json(planner.codec.to_json(7)) == 7
    assert trainer.advance(7, 123456, 3, b"") == (b"", table.report(7, 2, 3))
    assert trainer.numerics["check"] == "c" * 64


def test_a_grid_holds_every_configuration_once() -> None:
    grid = cells(load("grid-5k").space)
    assert len(grid) == 240
    assert len({tuple(sorted((path, str(value)) for path, value in params.items())) for params in grid}) == 240
    assert sum("model.hidden_batchnorm" in params for params in grid) == 160
    assert [params["optim.drops"] for params in grid[:4]] == [0, 1, 0, 1]  # the last range changes fastest
    with pytest.raises(ValueError, match="more values than can be counted"):
        cells(space_sources.load("conv"))


# Loading


def test_a_table_is_loaded_by_its_path_or_by_its_name_and_then_only_with_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, path = pack(handmade().about, handmade().arrays), tmp_path / "handmade.npz"
    monkeypatch.setattr(stored, "SHIPPED", tmp_path)
    monkeypatch.setattr(recorded_benchmark, "SHA256", {"handmade": hashlib.sha256(content).hexdigest()})
    with pytest.raises(StorageError, match="reinstall the package"):
        load("handmade")
    path.write_bytes(content)
    for name in ("handmade", str(path)):
        table = mnist_bench.tables.load(name)
        assert (table.name, len(table), table.points, table.seeds[89]) == ("handmade", 90, handmade().points, (0, 1, 2))
    path.write_bytes(content + b" ")
    with pytest.raises(StorageError, match="is not that of table handmade"):
        load("handmade")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "There is no table nothing; there are conv-5k or grid-5k"),
        ("grid-5", "There is no table grid-5; did you mean `grid-5k`"),
        ("nothing.npz", r"nothing\.npz: there is no such file"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(name)


@pytest.mark.parametrize("name", recorded_benchmark.SHA256)
def test_every_shipped_table_is_whole(name: str) -> None:
    table = load(name)
    assert table.name == name
    assert table.point_of(table.points[-1]) == len(table) - 1
    assert table.curve(0, table.seeds[0][0]).errors
