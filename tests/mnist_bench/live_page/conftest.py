"""What the tests of pages share: searches that write the log alone, and pages that wait for nothing."""

from __future__ import annotations

import pytest

from support import log_alone_writer


@pytest.fixture(autouse=True)
def log_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `support.log_alone_writer`."""
    log_alone_writer.write_alone(monkeypatch)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be written without a pause."""
    monkeypatch.setattr("mnist_bench.live_page.live_page.LEAST", 0.0)
    monkeypatch.setattr("mnist_bench.live_page.live_page.REST", 0.0)
