"""The weights that some configurations come to, of which golden.json knows the hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.values import from_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.training.trainer import trainer_on


def trained(cases: Mapping[str, Mapping[str, Any]], precision: str) -> tuple[str, dict[str, str]]:
    """Train each configuration on 1,200 images, in portable precision in a process of its own; return the numerics
    check, and the hash of the last weights by name."""
    trainer = trainer_on(load_training_set(DataOptions(subset=1200)), device="cpu", precision=precision)
    found = {}
    for name, case in cases.items():
        config, state = from_json(case), None
        for period in range(1, len(Schedule(config=config, images=1000).period_ends) + 1):
            state, report = trainer.advance(config, 0, period, state)
        found[name] = report.weights
    return str(trainer.numerics["check"]), found
