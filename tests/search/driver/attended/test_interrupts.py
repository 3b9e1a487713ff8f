from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.driver.attended.interrupts import GRACEFUL, NOTICE, Interrupts, interruptible
from search.errors import Interrupted


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


def test_work_in_python_is_asked_to_stop_once_and_then_stopped_at_once() -> None:
    said: list[str] = []

    def work() -> None:
        with interruptible(said.append) as interrupted:
            assert not interrupted()
            signal.raise_signal(signal.SIGINT)
            assert interrupted()
            assert said == [NOTICE]
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="same call"):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_cell_shows_one_line() -> None:
    assert Interrupted("Stopped.")._render_traceback_() == ["Interrupted: Stopped."]


def test_a_program_with_a_handler_of_its_own_keeps_it() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with interruptible(lambda text: None) as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_work_in_another_thread_is_not_stopped_by_a_signal() -> None:
    def work() -> bool:
        with interruptible(lambda text: None) as interrupted:
            return interrupted()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() is False
