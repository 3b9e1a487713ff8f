"""What several tests of the search use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import scripted
from ray_nodes import ENVIRONMENT, Nodes, variables
from scripted import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which periods are tried again."""
    clock = Clock()
    monkeypatch.setattr("search.patience.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Nodes]:
    """Return a cluster of three nodes, each with room for one worker, whose workers can import the fake trainer."""
    with variables({**ENVIRONMENT, "PYTHONPATH": str(Path(scripted.__file__).parent)}):
        nodes = Nodes(1, 1, 1)
        try:
            yield nodes
        finally:
            nodes.shutdown()
