"""The shipped stand-ins: curves of any configuration, near those of the table, the same each time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mnist_bench import stand_ins
from mnist_bench.stand_ins import FRESH, StandIn, StandInPlanner, StandInTrainer
from search.errors import StorageError, UsageError
from search.proposals import Feasible

KINDS = ("conv-5k/gp", "conv-5k/trees")


@pytest.fixture(scope="module", params=KINDS)
def stand_in(request: pytest.FixtureRequest) -> StandIn:
    (found,) = stand_ins.load(request.param)
    return found


def test_a_tables_name_stands_for_all_of_its_stand_ins() -> None:
    assert tuple(one.name for one in stand_ins.load("conv-5k")) == KINDS


def test_one_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^There is no stand-in conv-5k/forest; did you mean `conv-5k/trees`\?$"):
        stand_ins.load("conv-5k/forest")


def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mnist_bench.stand_ins.shipped.FOLDER", tmp_path)
    (tmp_path / "conv-5k-gp.npz").write_bytes(b"no arrays")
    with pytest.raises(StorageError, match=f"^{re.escape(str(tmp_path))}/conv-5k-gp.npz: its content is not that of"):
        stand_ins.load("conv-5k/gp")


def test_it_is_near_the_table_that_it_was_fitted_to(stand_in: StandIn) -> None:
    table = stand_in.table
    known = np.log([table.unseen_error(point, 0) for point in range(100)])
    given = np.log([stand_in.unseen_error(table.points[point], 0) for point in range(100)])
    assert np.abs(given - known).mean() < 0.15
    assert np.corrcoef(given, known)[0, 1] > 0.9
    early = np.log([[table.curve(point).errors[0], stand_in.curve(table.points[point], 0)[0]] for point in range(100)])
    assert np.corrcoef(early.T)[0, 1] > 0.75


def test_any_feasible_configuration_has_a_curve_of_its_own(stand_in: StandIn) -> None:
    table = stand_in.table
    curves = [stand_in.curve(params, 0) for params in Feasible(table.space, table.planner, 5).first(30)]
    assert len(set(curves)) == 30
    for curve in curves:
        assert len(curve) == len(table.about.epochs)
        assert 0 < curve[-1] < curve[0] <= 9_000


def test_seeds_differ_by_as_much_as_in_the_table_and_repeat(stand_in: StandIn) -> None:
    params = stand_in.table.points[0]
    errors = [stand_in.unseen_error(params, seed) for seed in range(200)]
    assert 0.04 < np.std(np.log(errors)) < 0.08
    (again,) = stand_ins.load(stand_in.name)
    assert [again.unseen_error(params, seed) for seed in range(200)] == errors
    assert len({stand_in.curve(params, seed) for seed in (0, *FRESH)}) == 5


def test_a_configuration_beyond_the_limits_is_infeasible_and_a_feasible_one_costs_what_the_table_says(
    stand_in: StandIn,
) -> None:
    table, planner = stand_in.table, StandInPlanner(stand_in)
    plan = planner(table.points[3])
    assert plan.feasible
    assert plan.costs == tuple(table.arrays.costs[3].tolist())
    drawn = np.random.default_rng(0)
    plans = [planner(table.space.sample(lambda path, span: span.at(drawn.random()))) for _ in range(40)]
    assert {plan.feasible for plan in plans} == {False, True}


def test_a_trainer_reports_the_curve_with_the_seed_that_it_has(stand_in: StandIn) -> None:
    trainer, params = StandInTrainer(stand_in, 7), stand_in.table.points[1]
    reports = [trainer.advance(params, 99, period, None)[1] for period in range(1, 6)]
    assert [report.metrics["errors"] for report in reports] == list(stand_in.curve(params, 7))
    assert [report.metrics["epoch"] for report in reports] == [0.5, 1.0, 2.0, 4.0, 6.0]
    assert reports[-1].value == 1 - stand_in.curve(params, 7)[-1] / 10_000
