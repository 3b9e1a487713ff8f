"""The check of replayed steps covers each kind of step."""

from __future__ import annotations

from typing import get_args

from mnist_bench.config.settings import Optimizer
from mnist_bench.training.replay_check import CHECKED


def test_each_optimizer_is_checked() -> None:
    assert {config.optim.optimizer for config in CHECKED} == set(get_args(Optimizer))
