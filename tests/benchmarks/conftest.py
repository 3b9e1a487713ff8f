"""The benchmarks' scripts are no packages; they import each other from their folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mnist_bench import numerics

for folder in ("benchmarks", "benchmarks/peers"):
    sys.path.insert(0, str(Path(__file__).parents[2] / folder))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let this process train as a worker does: on a busy machine two threads wait for each other."""
    numerics.setup("cpu")
