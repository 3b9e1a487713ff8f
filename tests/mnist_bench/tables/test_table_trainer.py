"""What a search over a table is given."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.errors import NotInTableError
from mnist_bench.tables.recorded_benchmark import Nearest, TablePlanner, TableTrainer
from support.tables import table


def test_the_planner_knows_the_points_and_their_costs() -> None:
    made = table()
    plan = TablePlanner(made)(made.points[7])
    assert (plan.config, plan.feasible) == (7, True)
    assert plan.costs == tuple(made.arrays.costs[7].tolist())
    assert plan.facts == {"parameters": int(made.arrays.parameters[7]), "macs": int(made.arrays.macs[7])}
    assert TablePlanner(made).codec.from_json(TablePlanner(made).codec.to_json(7)) == 7


def test_what_is_feasible_and_in_no_table_is_an_error() -> None:
    made = table()
    with pytest.raises(NotInTableError, match=r"optim.lr 0.002 is outside its range in table handmade"):
        TablePlanner(made)({**made.points[7], "optim.lr": 0.002})


def test_the_trainer_gives_the_reports_of_one_seed() -> None:
    made = table()
    state, report = TableTrainer(made, 2).advance(7, 123456, 3, b"")
    assert state == b""
    assert report == made.report(7, 2, 3)
    assert TableTrainer(made, 2).numerics["check"] == "c" * 64


def test_the_nearest_point_is_the_same_or_the_next_that_is_free() -> None:
    made = table()
    nearest = Nearest(made, np.arange(len(made)))
    asked = {**made.points[20], "optim.lr": 0.0029}
    first = nearest(asked)
    assert made.points[first] == made.points[20]
    second = nearest(asked, taken={first})
    assert second != first
    assert sum(made.points[second].get(path) != value for path, value in made.points[20].items()) == 1
    assert nearest(asked, taken=range(len(made))) == first  # there is none left
