"""What several tests of the search use."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from scripted import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which periods are tried again."""
    clock = Clock()
    monkeypatch.setattr("search.patience.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock
