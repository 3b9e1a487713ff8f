"""Searches in virtual time: what the order costs, on a small scale, with the real driver."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from virtual_search import Setting, Waiting, simulate

from search.event_log.timeline import Order

NETS = tuple(
    tuple(seconds * share for share in (500_000, 500_000, 1_000_000, 2_000_000, 2_000_000)) for seconds in (2, 3, 5, 7)
)
SEEDS = range(4)


def used(order: Order, **how: Any) -> float:
    """Return the share of worker time used until nothing is left to ask, mean over some seeds."""
    setting = Setting(workers=8, slots=16, order=order, error=0.2, trials=100, nets=NETS)
    return sum(simulate(replace(setting, seed=seed, **how)).in_full_swing for seed in SEEDS) / len(SEEDS)


def test_by_arrival_no_worker_waits_while_there_is_something_to_ask() -> None:
    assert used("arrival") == pytest.approx(1)


def test_with_two_slots_a_worker_the_logical_order_costs_little() -> None:
    assert 0.9 < used("logical") < 1


def test_the_worse_the_estimates_the_more_the_logical_order_costs() -> None:
    shares = [used("logical", slots=8, error=error) for error in (0.0, 0.1, 0.2, 0.4)]
    assert all(better > worse for better, worse in pairwise(shares))


def test_training_on_where_no_trial_is_stopped_pays_and_changes_no_decision() -> None:
    setting = Setting(workers=8, slots=8, order="logical", error=0.4, trials=100, nets=NETS)
    ahead, waiting = simulate(setting), simulate(replace(setting, dispatcher=Waiting))
    assert ahead.events == waiting.events
    assert used("logical", slots=8, error=0.4) > used("logical", slots=8, error=0.4, dispatcher=Waiting)


def test_a_driver_that_takes_its_time_keeps_workers_waiting() -> None:
    assert used("arrival", driver_seconds=0.2) < 0.9
