"""Which configurations a table holds."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pytest

from mnist_bench import space_files
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.tables import cells, near_copies, spread
from search.space import FloatRange, Space, place
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
    (copy,) = near_copies(constrained, planner, points, [5])
    assert copy.params["augment.zoom"] < 0.1


def test_a_near_copy_is_other_in_its_floats_alone_and_as_far_as_it_says(conv: Space) -> None:
    planner = _planner(conv)
    points = spread(conv, planner, 9)
    for copy, origin in zip(near_copies(conv, planner, points, [0, 4, 8]), (0, 4, 8), strict=True):
        before, after = points[origin], copy.params
        assert copy.origin == origin
        assert before.keys() == after.keys()
        spans = {
            path: span for path, span in conv.distributions.items() if isinstance(span, FloatRange) and path in after
        }
        assert all(before[path] == after[path] for path in after if path not in spans)
        moved = [place(span, after[path]) - place(span, before[path]) for path, span in spans.items()]
        assert 0.03 <= copy.distance <= 0.1
        assert math.hypot(*moved) == pytest.approx(copy.distance, abs=1e-9)
        assert planner(after).feasible


def test_a_grid_holds_every_configuration_once() -> None:
    grid = cells(space_files.load("grid"))
    assert len(grid) == 960
    assert len({tuple(sorted((path, str(value)) for path, value in params.items())) for params in grid}) == 960
    assert sum("model.hidden_batchnorm" in params for params in grid) == 640
    assert [params["optim.drops"] for params in grid[:4]] == [0, 1, 0, 1]  # the last range changes fastest


def test_a_range_without_end_has_no_grid(conv: Space) -> None:
    with pytest.raises(ValueError, match="more values than can be counted"):
        cells(conv)
