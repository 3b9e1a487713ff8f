"""The configurations of a grid."""

from __future__ import annotations

import pytest

from mnist_bench.space_files import space_sources
from mnist_bench.tables.recorded_benchmark import cells


def test_a_grid_holds_every_configuration_once() -> None:
    grid = cells(space_sources.load("grid"))
    assert len(grid) == 960
    assert len({tuple(sorted((path, str(value)) for path, value in params.items())) for params in grid}) == 960
    assert sum("model.hidden_batchnorm" in params for params in grid) == 640
    assert [params["optim.drops"] for params in grid[:4]] == [0, 1, 0, 1]  # the last range changes fastest


def test_a_range_without_end_has_no_grid() -> None:
    with pytest.raises(ValueError, match="more values than can be counted"):
        cells(space_sources.load("conv"))
