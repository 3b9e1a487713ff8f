"""Jobs in lanes: whatever one of them raises is a result about it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from search.errors import UsageError
from search.executors.local.lanes import EndedJob, Lanes
from search.trainer_api import Report
from support.fake_trainer import Trainer


class Deep(Trainer):
    """Reports details that are too deep for any JSON text where the seed is 1."""

    def advance(self, config: Any, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        trained, report = super().advance(config, seed, period, state)
        details: dict[str, Any] = {}
        for _ in range(100_000 if seed == 1 else 0):
            details = {"deeper": details}
        return trained, replace(report, details=details)


class Whole:
    """The same, in one step."""

    codec = Deep.codec
    numerics: Mapping[str, Any] = {}

    def advance(self, config: Any, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        return Deep().advance(config, seed, period, state)


@pytest.mark.parametrize("trainer", [Deep(), Whole()])
def test_a_report_that_is_nested_too_deeply_is_its_jobs_fault_and_the_others_go_on(trainer: Any) -> None:
    lanes = Lanes(trainer)
    for seed in (0, 1, 4):
        lanes.begin(seed, {}, seed, 1, None)
    ended: dict[int, EndedJob] = {}
    while lanes.are_busy:
        ended |= {one.lane: one for one in lanes.turn()}
    assert isinstance(ended[1].result, UsageError)
    assert isinstance(ended[1].result.__cause__, RecursionError)
    assert all(isinstance(ended[lane].result, tuple) for lane in (0, 4))
