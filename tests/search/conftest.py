"""What several tests of the search use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from search.database.engines import open_for_writing
from search.event_log.events import Event
from search.study.optuna_tables import OptunaTables
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

    def __init__(self, storage: object, name: str, spec: Mapping[str, Any], options: str) -> None: ...

    def apply(self, event: Event) -> None: ...

    def complete(self, event: Event) -> None: ...


@dataclass(frozen=True)
class NoStorage:
    """Stands in for Optuna's storage: a database in which there are none of Optuna's tables."""

    engine: sa.Engine


def _open_without_tables(url: str) -> NoStorage:
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")

    return NoStorage(engine)


@pytest.fixture
def log_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the searches of a test write the event log alone: no decision reads Optuna's tables.

    Making and writing them takes 1.0 of the 1.2 s of a fake search of 30 trials. What they hold, and that they do so
    after a kill at any moment, is the matter of `tests/search/study`, `tests/search/database` and `test_failpoints.py`.
    """
    monkeypatch.setattr("search.driver.run.OptunaTables", NoTables)
    monkeypatch.setattr("search.driver.run.open_for_writing", _open_without_tables)


@pytest.fixture
def optuna_tables(log_alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the searches of one test write Optuna's tables all the same, in a module with `log_alone`."""
    monkeypatch.setattr("search.driver.run.OptunaTables", OptunaTables)
    monkeypatch.setattr("search.driver.run.open_for_writing", open_for_writing)


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Nodes]:
    """Return a cluster of three nodes, each with room for one worker, whose workers can import the fake trainer."""
    with variables({**ENVIRONMENT, "PYTHONPATH": IMPORTABLE}):
        nodes = Nodes(1, 1, 1)
        try:
            yield nodes
        finally:
            nodes.shutdown()
