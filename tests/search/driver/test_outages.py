"""Outages of a database, without one: what is tried again, what is told, and when the search gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from search.database.postgres import Away
from search.driver.outages import Outages
from search.errors import StorageError, StudyLockedError


@dataclass
class Server:
    """A server that is away for so many tries, by a clock that the waiting moves."""

    away: int
    now: float = 0.0
    done: list[str] = field(default_factory=list)

    def attempt(self, name: str) -> Callable[[], None]:
        def tried() -> None:
            self.done.append(name)
            if self.away > 0:
                self.away -= 1
                raise ValueError("Optuna could not roll back") from Away("connection refused")

        return tried

    def meanwhile(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server(away=0)
    monkeypatch.setattr("search.driver.outages.time", SimpleNamespace(monotonic=lambda: server.now))
    return server


def through(server: Server, *, longest: float = 60.0, stopping: bool = False) -> list[str]:
    """Write once through the outage, and return what was told."""
    told: list[str] = []
    outages = Outages(longest=longest, meanwhile=server.meanwhile, stopping=lambda: stopping, notice=told.append)
    outages.through(server.attempt("write"), server.attempt("settle"))
    return told


@pytest.mark.parametrize(("away", "done"), [(0, ["write"]), (1, ["write", "settle"])])
def test_a_connection_that_breaks_now_and_then_is_not_told(server: Server, away: int, done: list[str]) -> None:
    server.away = away
    assert through(server) == []
    assert (server.done, server.now) == (done, 0)


def test_an_outage_is_waited_out_and_what_was_written_is_settled_alone(server: Server) -> None:
    server.away = 4
    assert through(server) == [
        "The database is unreachable (connection refused); the workers continue, and the connection is retried for "
        "up to 60 s.",
        "The database is back after 2 s; the search continues.",
    ]
    assert server.done == ["write", *["settle"] * 4]
    assert server.now == 0.25 + 0.5 + 1


def test_an_outage_that_lasts_too_long_ends_the_search(server: Server) -> None:
    server.away = 10**6
    with pytest.raises(
        StorageError, match=r"the database has been unreachable for more than 60 s \(connection refused\)"
    ):
        through(server)
    assert server.now == 0.25 + 0.5 + 1 + 2 + 4 + 11 * 5


def test_a_search_that_is_stopped_does_not_wait(server: Server) -> None:
    server.away = 10**6
    with pytest.raises(StorageError, match="the search was stopped while the database is unreachable"):
        through(server, stopping=True)
    assert server.now == 0


@pytest.mark.parametrize("error", [StudyLockedError("another driver has it"), KeyError("a fault of ours")])
def test_other_errors_come_through(server: Server, error: Exception) -> None:
    def fail() -> None:
        raise error from Away("connection refused") if isinstance(error, StudyLockedError) else None

    outages = Outages(longest=60.0, meanwhile=server.meanwhile, stopping=lambda: False, notice=server.done.append)
    with pytest.raises(type(error)):
        outages.through(fail, server.attempt("settle"))
    assert server.done == []
