"""Messages between processes arrive whole or not at all."""

from __future__ import annotations

import threading
from socket import SHUT_WR, socketpair

import pytest

from search.executors.processes import receive, send

HEAD = {"period": 1, "rate": 0.1}


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_a_message_of_any_size_arrives_as_it_was_sent(size: int) -> None:
    ours, theirs = socketpair()
    body = b"x" * size
    with ours, theirs:
        sending = threading.Thread(target=send, args=(theirs, HEAD, body))
        sending.start()
        assert receive(ours) == (HEAD, body)
        sending.join()


@pytest.mark.parametrize("arrived", [0, 7, 16, 20, -1])
def test_what_a_death_cut_off_is_no_message(arrived: int) -> None:
    ours, theirs = socketpair()
    with ours, theirs:
        send(theirs, HEAD, b"a state")
        whole = ours.recv(1000)
        theirs.sendall(whole[:arrived])
        theirs.shutdown(SHUT_WR)
        assert receive(ours) is None
