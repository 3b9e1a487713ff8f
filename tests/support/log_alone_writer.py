"""Searches that write the event log alone: no decision reads Optuna's tables, which take most of its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa


class NoTables:
    """Stands in for `search.study.optuna_tables.OptunaTables`, and writes nothing."""

    def __init__(self, engine: object, history: object) -> None: ...

    def behind(self, events: object) -> set[int]:
        return set()

    def sync(self, numbers: object) -> None: ...


def _open_without_tables(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")

    return engine


def write_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the searches of a test write no tables."""
    monkeypatch.setattr("search.driver.run.OptunaTables", NoTables)
    monkeypatch.setattr("search.driver.run.open_for_writing", _open_without_tables)
