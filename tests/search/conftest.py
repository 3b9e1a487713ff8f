"""What several tests of the search use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from search.database import open_for_writing
from search.study.optuna_tables import OptunaTables
from support import search_fake
from support.canned import Searched
from support.paths import IMPORTABLE
from support.ray_nodes import ENVIRONMENT, Nodes, variables


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """Return what puts studies with Optuna's tables into a folder; not for a module with `log_alone`."""
    return Searched(lambda: tmp_path_factory.mktemp("searched"))


@pytest.fixture
def log_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the searches of a test write the event log alone: no decision reads Optuna's tables.

    Making and writing them takes 1.0 of the 1.2 s of a fake search of 30 trials. What they hold, and that they do so
    after a kill at any moment, is the matter of `tests/search/study`, `tests/search/database` and `test_failpoints.py`.
    """
    search_fake.write_alone(monkeypatch)


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
