from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from mnist_bench.cli.interrupts import GRACEFUL, NOTICE, Interrupts


@pytest.fixture(autouse=True)
def _under_no_nohup() -> Iterator[None]:
    """Let SIGHUP be heard even where the tests were started so that it is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(first: signal.Signals, second: signal.Signals) -> None:
    said: list[str] = []
    with Interrupts(said.append) as interrupts:
        assert not interrupts.stopping()
        signal.raise_signal(first)
        assert interrupts.stopping()
        assert interrupts.stopping()
        assert said == [NOTICE]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)


def test_before_the_work_asks_the_first_signal_ends() -> None:
    with Interrupts(lambda text: None), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda text: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_a_handler_that_was_not_set_from_python_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    set_handler = signal.signal
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: set_handler(number, handler) and None)
    before = {number: set_handler(number, signal.SIG_DFL) for number in GRACEFUL}
    try:
        with Interrupts(lambda text: None), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert set_handler(signal.SIGTERM, signal.SIG_DFL) == signal.SIG_DFL
    finally:
        for number, handler in before.items():
            set_handler(number, handler)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(lambda text: None) as interrupts:
            assert not interrupts.stopping()
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.stopping()
    finally:
        signal.signal(signal.SIGHUP, before)
