"""The trainer of live contests, by the name that their studies are found by."""

from __future__ import annotations

from pathlib import Path

from mnist_bench.numerics import environment_of
from mnist_bench.tables.cache import cached_trainer


def test_a_worker_builds_the_trainer_by_name(tmp_path: Path) -> None:
    spec = cached_trainer("mnist-5k", tmp_path)
    assert spec.factory == "mnist_bench.tables.cache:make_trainer"
    assert spec.options == {"task": "mnist-5k", "folder": str(tmp_path), "device": "auto"}
    portable = cached_trainer("mnist-5k", tmp_path, precision="portable")
    assert portable.options == {**spec.options, "precision": "portable"}
    assert (spec.environment, portable.environment) == ({}, environment_of("portable"))
