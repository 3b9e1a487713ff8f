"""The time that a search is said to take."""

from __future__ import annotations

from dataclasses import replace

from mnist_bench.preview.duration_forecast import ExpectedTime, Workload, expected_time
from mnist_bench.preview.pace import Pace
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from search.strategies.pruners import Asha, NoPruner

COSTS = Drawn(space_sources.load("smoke")).mean_costs
ASKED = Workload(trials=20, pruner=Asha(), workers=2, has_cost=False)
PACE = Pace(kind="cpu-bf16", speeds=(1.5, 0.9, 1.2), start=3.7, busy=False)


def in_all(asked: Workload, pace: Pace | None = PACE) -> float:
    return expected_time(COSTS, asked, pace).seconds


def test_real_searches_on_two_quiet_cores_lie_inside() -> None:
    found = expected_time(COSTS, ASKED, PACE)
    assert found.low < 13.8 < 16.9 < found.high


def test_it_grows_with_the_work_and_falls_with_the_speed() -> None:
    for more in (replace(ASKED, trials=60), replace(ASKED, pruner=NoPruner())):
        assert in_all(more) > in_all(ASKED)
    assert in_all(ASKED, replace(PACE, speeds=(9.0,))) < in_all(ASKED)
    assert in_all(ASKED, replace(PACE, start=9.0)) > in_all(ASKED) + 5


def test_a_search_takes_no_less_than_one_whole_training_however_many_workers_there_are() -> None:
    many = replace(ASKED, workers=1000)
    training = in_all(many, replace(PACE, speeds=(1000.0,), start=0.0))
    assert training >= 1e-6 * sum(COSTS)


def test_what_is_not_known_makes_the_range_wider() -> None:
    def width(found: ExpectedTime) -> float:
        return found.high / found.low

    for unsure in (replace(PACE, busy=True), replace(PACE, speeds=()), None):
        assert width(expected_time(COSTS, ASKED, unsure)) > 1.3 * width(expected_time(COSTS, ASKED, PACE))
