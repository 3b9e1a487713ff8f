from __future__ import annotations

import signal

import pytest

from mnist_bench.cli.interrupts import NOTICE, Interrupts


def test_the_first_ctrl_c_asks_and_the_second_ends() -> None:
    said: list[str] = []
    with Interrupts(said.append) as interrupts:
        assert not interrupts.stopping()
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stopping()
        assert said == [NOTICE]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda text: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
