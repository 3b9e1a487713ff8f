"""What several tests of the search use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from search.event_log.events import Event
from support.paths import IMPORTABLE
from support.ray_nodes import ENVIRONMENT, Nodes, variables
from support.scripted import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which periods are tried again."""
    clock = Clock()
    monkeypatch.setattr("search.driver.retry_policy.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class NoTables:
    """Stands in for `search.study.optuna_tables.OptunaTables`, and writes nothing."""

    def __init__(self, storage: object, name: str, spec: Mapping[str, Any]) -> None: ...

    def apply(self, event: Event) -> None: ...

    def complete(self, event: Event) -> None: ...


@pytest.fixture
def log_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let searches here write the event log alone: no decision reads Optuna's tables, which take the longest."""
    monkeypatch.setattr("search.driver.run.OptunaTables", NoTables)


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Nodes]:
    """Return a cluster of three nodes, each with room for one worker, whose workers can import the fake trainer."""
    with variables({**ENVIRONMENT, "PYTHONPATH": IMPORTABLE}):
        nodes = Nodes(1, 1, 1)
        try:
            yield nodes
        finally:
            nodes.shutdown()
