"""The range of time that a search is said to take."""

from __future__ import annotations

from dataclasses import replace

from mnist_bench import space_files
from mnist_bench.preview.duration_forecast import Workload, seconds_between
from mnist_bench.preview.pace import Pace
from mnist_bench.space_files import Drawn
from search.strategies import Asha, NoPruner
from search.study import StartList

PLANS = Drawn(space_files.load("smoke")).trainable
ASKED = Workload(trials=20, pruner=Asha(), workers=2, has_cost=False)
PACE = Pace(kind="cpu-bf16", speeds=(1.5, 0.9, 1.2), start=3.7, busy=False)


def test_real_searches_on_two_quiet_cores_lie_inside() -> None:
    low, high = seconds_between(PLANS, ASKED, PACE)
    assert low < 13.8 < 16.9 < high
    assert high < 2.5 * low


def test_it_grows_with_the_work_and_falls_with_the_speed() -> None:
    low, high = seconds_between(PLANS, ASKED, PACE)
    for more in (replace(ASKED, trials=60), replace(ASKED, pruner=NoPruner())):
        assert seconds_between(PLANS, more, PACE)[0] > low
        assert seconds_between(PLANS, more, PACE)[1] > high
    assert seconds_between(PLANS, ASKED, replace(PACE, speeds=(9.0,)))[1] < high


def test_it_grows_with_the_configurations_that_are_not_pruned() -> None:
    start = StartList(configurations=({}, {}, {}), unpruned=2)
    assert seconds_between(PLANS, replace(ASKED, start=start), PACE)[0] > seconds_between(PLANS, ASKED, PACE)[0]


def test_what_is_not_known_makes_it_wider() -> None:
    low, high = seconds_between(PLANS, ASKED, PACE)
    for unsure in (replace(PACE, busy=True), replace(PACE, speeds=())):
        wider = seconds_between(PLANS, ASKED, unsure)
        assert wider[1] / wider[0] > 1.3 * high / low
