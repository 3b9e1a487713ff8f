"""Which configurations a table holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from mnist_bench import space_files
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.tables import cells, spread
from search.space import Space
from search.trainer_api import Planner


def _planner(space: Space) -> Planner[Any]:
    coefficients = asdict(COEFFICIENTS["cpu-fp32"])
    return space_files.planner_on(space, coefficients, train_images=5_000, validation_images=10_000)


@pytest.fixture(scope="module")
def conv() -> Space:
    return space_files.load("conv")


def test_points_are_feasible_configurations_of_the_space_that_come_again(conv: Space) -> None:
    planner = _planner(conv)
    points = spread(conv, planner, 24)
    assert points == spread(conv, planner, 40)[:24]
    for params in points:
        assert planner(params).feasible
        assert params.keys() & conv.distributions.keys() == conv.resolve(params).keys() & conv.distributions.keys()
        assert all(conv.distributions[path].contains(value) for path, value in params.items())
    assert {params["model.batchnorm"] for params in points} == set(conv.distributions["model.batchnorm"].values)


def test_points_meet_the_constraints_of_the_space() -> None:
    constrained = space_files.load("conv", ["constraints=[model.hidden_layers == 1 and augment.zoom < 0.1]"])
    planner = _planner(constrained)
    points = spread(constrained, planner, 6)
    assert all(params["model.hidden_layers"] == 1 and params["augment.zoom"] < 0.1 for params in points)


def test_a_grid_holds_every_configuration_once() -> None:
    grid = cells(space_files.load("grid"))
    assert len(grid) == 960
    assert len({tuple(sorted((path, str(value)) for path, value in params.items())) for params in grid}) == 960
    assert sum("model.hidden_batchnorm" in params for params in grid) == 640
    assert [params["optim.drops"] for params in grid[:4]] == [0, 1, 0, 1]  # the last range changes fastest


def test_a_range_without_end_has_no_grid(conv: Space) -> None:
    with pytest.raises(ValueError, match="more values than can be counted"):
        cells(conv)
