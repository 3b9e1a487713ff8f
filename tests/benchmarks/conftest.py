"""The benchmarks' scripts are no packages; they import each other from their folders."""

from __future__ import annotations

import sys

import pytest

from mnist_bench.numerics import device
from support.paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let this process train as a worker does: on a busy machine two threads wait for each other."""
    device.setup("cpu")
